# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tiny published checkpoints with random weights, several a family.

Each is shaped to catch what families are known to get wrong: queries wider than the
model, fewer keys than queries, windows shorter than the sequence, layers without
positions, contexts beyond that of pretraining, multipliers that are not 1, routers whose
bias is not 0, norms whose weights are not 1, indexes that keep less than the sequence.
"""

from dataclasses import dataclass, field
from typing import Any

BASE = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "tie_word_embeddings": False,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}
PLAIN = {"rope_type": "default", "rope_theta": 1e6}
HYBRID = {
    "num_hidden_layers": 4,
    "sliding_window": 7,
    "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
}
EXPERTS = {
    "moe_intermediate_size": 24,
    "num_experts_per_tok": 3,
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
}
LATENT = {
    "q_lora_rank": 20,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 12,
    "qk_rope_head_dim": 8,
    "v_head_dim": 10,
    "num_key_value_heads": 4,
}
INDEX = {  # fewer rows than the sequence has; heads enough that no scores tie
    "index_topk": 12,
    "index_n_heads": 16,
    "index_head_dim": 14,
    "gated_norm_rank": 6,
}
MULTIPLIERS = {
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.2,
    "residual_multiplier": 0.6,
    "logits_scaling": 4.0,
}


@dataclass(frozen=True)
class Case:
    """A family and the settings of one tiny configuration of it."""

    family: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.family}-{self.name}"

    @property
    def config(self) -> dict[str, Any]:
        return BASE | self.settings


CASES = (
    Case("llama", "wide-queries", {"head_dim": 16, "rope_parameters": LLAMA3}),
    Case("llama", "biases", {"attention_bias": True, "mlp_bias": True, "rope_parameters": LINEAR}),
    Case("llama", "tied", {"tie_word_embeddings": True, "rope_parameters": PLAIN}),
    Case("mistral", "sliding", {"head_dim": 16, "sliding_window": 7, "rope_parameters": PLAIN}),
    Case("qwen2", "full", {"rope_parameters": PLAIN}),
    Case(
        "qwen2",
        "late-windows",
        {
            "use_sliding_window": True,
            "sliding_window": 6,
            "max_window_layers": 1,
            "rope_parameters": YARN,
        },
    ),
    Case("qwen3", "full", {"head_dim": 16, "rope_parameters": PLAIN}),
    Case("qwen3", "yarn", {"head_dim": 12, "rope_parameters": YARN | {"beta_fast": 16.0}}),
    Case("granite", "multipliers", MULTIPLIERS | {"rope_parameters": PLAIN}),
    Case("hyperclovax", "peri", MULTIPLIERS | {"head_dim": 16, "rope_parameters": PLAIN}),
    Case("hyperclovax", "pre", {"use_post_norm": False, "rope_parameters": PLAIN}),
    Case("exaone4", "hybrid", HYBRID | {"rope_parameters": LLAMA3}),
    Case(
        "exaone4",
        "full",
        {
            "sliding_window": None,
            "layer_types": ["full_attention"] * 3,
            "tie_word_embeddings": True,
            "rope_parameters": LLAMA3,
        },
    ),
    Case(
        "qwen3_moe",
        "softmax",
        EXPERTS | {"num_experts": 8, "head_dim": 16, "rope_parameters": PLAIN},
    ),
    Case(
        "qwen3_moe",
        "some-dense",
        EXPERTS
        | {
            "num_experts": 6,
            "norm_topk_prob": False,
            "mlp_only_layers": [1],
            "rope_parameters": PLAIN,
        },
    ),
    Case(
        "exaone_moe",
        "hybrid",
        HYBRID | EXPERTS | {"num_experts": 8, "num_shared_experts": 1, "rope_parameters": PLAIN},
    ),
    Case(
        "exaone_moe",
        "two-shared",
        HYBRID
        | EXPERTS
        | {
            "num_experts": 8,
            "num_shared_experts": 2,
            "first_k_dense_replace": 2,
            "n_group": 2,
            "topk_group": 1,
            "rope_parameters": PLAIN,
        },
    ),
    Case(
        "solar_open",
        "yarn",
        EXPERTS
        | {
            "n_routed_experts": 8,
            "n_shared_experts": 1,
            "routed_scaling_factor": 1.0,
            "head_dim": 16,
            "rope_parameters": YARN | {"factor": 2.0},
        },
    ),
    Case(
        "deepseek_v3",
        "groups",
        EXPERTS
        | LATENT
        | {
            "n_routed_experts": 8,
            "n_shared_experts": 1,
            "n_group": 4,
            "topk_group": 2,
            "first_k_dense_replace": 1,
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0},
        },
    ),
    Case(
        "deepseek_v3",
        "whole-queries",
        EXPERTS
        | LATENT
        | {
            "n_routed_experts": 6,
            "n_shared_experts": 2,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 2,
            "q_lora_rank": None,
            "rope_interleave": False,
            "attention_bias": True,
            "rope_parameters": PLAIN,
        },
    ),
    Case(
        "axk1",
        "yarn",
        EXPERTS
        | LATENT
        | {
            "n_routed_experts": 8,
            "n_shared_experts": 1,
            "n_group": 2,
            "topk_group": 1,
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 0.0},
        },
    ),
    Case(
        "axk2",
        "groups",
        EXPERTS
        | LATENT
        | INDEX
        | {
            "n_routed_experts": 8,
            "n_shared_experts": 1,
            "n_group": 4,
            "topk_group": 2,
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0},
        },
    ),
    Case(
        "axk2",
        "biases",
        EXPERTS
        | LATENT
        | INDEX
        | {
            "n_routed_experts": 6,
            "n_shared_experts": 2,
            "first_k_dense_replace": 2,
            "attention_bias": True,
            "index_topk": 5,
            "rope_parameters": PLAIN,
        },
    ),
    Case(
        "vaetki",
        "interpolated",
        EXPERTS
        | LATENT
        | HYBRID
        | {
            "n_routed_experts": 8,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "rope_theta": 10000.0,
            "rope_theta_global": 1000000.0,
        },
    ),
    Case(
        "vaetki",
        "yarn",
        EXPERTS
        | LATENT
        | HYBRID
        | {
            "n_routed_experts": 6,
            "n_shared_experts": 2,
            "first_k_dense_replace": 2,
            "q_lora_rank": None,
            "rope_theta": 10000.0,
            "rope_theta_global": 500000.0,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "mscale": 0.7,
                "mscale_all_dim": 1.0,
            },
        },
    ),
)
