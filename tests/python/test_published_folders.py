# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Published folders that are not what they claim to be: a sentence each, soon and small."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import omni
from tiny_published_folder import (
    CONFIG,
    LATENT,
    cheaply,
    refused,
    tensors,
    write_folder,
    write_safetensors,
)

HUGE = 10**9


def test_the_folder_itself_loads(tmp_path: Path) -> None:
    model = omni.load(write_folder(tmp_path), dtype=torch.float32)
    assert model.logits(torch.tensor([[1, 2]])).shape == (1, 2, 16)


SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)
BAD_SIZES = (-1, 0, HUGE**2, 1.5, "8", [8], True)
LATENT_SIZES = (
    "q_lora_rank",
    "kv_lora_rank",
    "qk_nope_head_dim",
    "qk_rope_head_dim",
    "v_head_dim",
    "n_routed_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_group",
    "topk_group",
)


@pytest.mark.parametrize("value", BAD_SIZES, ids=repr)
@pytest.mark.parametrize("key", SIZES)
def test_sizes(tmp_path: Path, key: str, value: Any) -> None:
    refused(write_folder(tmp_path, CONFIG | {key: value}), r"config\.json: .*expected .*got ")


@pytest.mark.parametrize("value", (-1, HUGE**2, "4"), ids=repr)
@pytest.mark.parametrize("key", LATENT_SIZES)
def test_sizes_of_latents_and_experts(tmp_path: Path, key: str, value: Any) -> None:
    config = CONFIG | LATENT | {key: value}
    refused(write_folder(tmp_path, config), r"config\.json: .*expected .*got ")


@pytest.mark.parametrize("key", ("vocab_size", "hidden_size", "num_hidden_layers"))
def test_missing_sizes(tmp_path: Path, key: str) -> None:
    config = {name: value for name, value in CONFIG.items() if name != key}
    refused(write_folder(tmp_path, config), f"`{key}`.*got nothing")


OTHER_SETTINGS = {
    "layers-1e9": ({"num_hidden_layers": HUGE}, "num_hidden_layers"),
    "family-unknown": ({"model_type": "gpt_of_nobody"}, "one of axk1, .*llama.*gpt_of_nobody"),
    "family-number": ({"model_type": 3}, "`model_type` a string"),
    "family-long": ({"model_type": "x" * 100000}, "model_type"),
    "activation": ({"hidden_act": "gelu"}, "`hidden_act` silu"),
    "eps-negative": ({"rms_norm_eps": -1e-6}, "norm_eps"),
    "eps-text": ({"rms_norm_eps": "small"}, "rms_norm_eps"),
    "theta-zero": ({"rope_theta": 0}, "theta"),
    "theta-text": ({"rope_theta": "10000"}, "rope_theta"),
    "rope-kind": ({"rope_scaling": {"rope_type": "dynamic"}}, "rope_type"),
    "rope-list": ({"rope_scaling": [1, 2]}, "rope_scaling"),
    "rope-factor": ({"rope_scaling": {"rope_type": "linear", "factor": 0}}, "factor"),
    "llama3-missing": ({"rope_scaling": {"rope_type": "llama3", "factor": 8}}, "low_freq_factor"),
    "llama3-turned": (
        {
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 8,
                "low_freq_factor": 4,
                "high_freq_factor": 1,
                "original_max_position_embeddings": 16,
            }
        },
        "fast_turns",
    ),
    "yarn-original": (
        {
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 2,
                "original_max_position_embeddings": 0,
            }
        },
        "original_positions",
    ),
    "partial": ({"partial_rotary_factor": 0}, "partial_rotary_factor"),
    "partial-odd": ({"partial_rotary_factor": 0.3, "head_dim": 10}, "even"),
    "heads": ({"num_attention_heads": 3, "head_dim": 4, "num_key_value_heads": 2}, "divide"),
    "eos-outside": ({"eos_token_id": 16}, "eos"),
    "eos-negative": ({"eos_token_id": -2}, "eos"),
    "eos-text": ({"eos_token_id": "</s>"}, "eos_token_id"),
    "eos-list": ({"eos_token_id": [2, "x"]}, "eos_token_id"),
    "groups": (LATENT | {"n_group": 3}, "num_groups"),
    "kept-groups": (LATENT | {"topk_group": 3}, "kept_groups"),
    "experts-per-token": (LATENT | {"num_experts_per_tok": 5}, "experts_per_token"),
    "experts-per-group": (LATENT | {"num_experts_per_tok": 3}, "kept groups"),
    "shared": (LATENT | {"n_shared_experts": HUGE}, "shared"),
    "layer-types": (
        {"model_type": "exaone4", "sliding_window": 4, "layer_types": ["full_attention"]},
        "layer_types",
    ),
    "layer-type": (
        {"model_type": "exaone4", "sliding_window": 4, "layer_types": ["full_attention", "x"]},
        "layer_types",
    ),
    "pattern": (
        {"model_type": "exaone4", "sliding_window": 4, "sliding_window_pattern": "LGLG"},
        "sliding_window_pattern",
    ),
    "window": ({"model_type": "exaone4", "sliding_window": -4}, "sliding_window"),
}


@pytest.mark.parametrize("name", OTHER_SETTINGS)
def test_settings(tmp_path: Path, name: str) -> None:
    settings, message = OTHER_SETTINGS[name]
    refused(write_folder(tmp_path, CONFIG | settings), message)


TEXTS = {
    "empty": "",
    "truncated": '{"model_type": "llama", ',
    "list": "[1, 2]",
    "nan": '{"model_type": "llama", "vocab_size": NaN}',
    "infinite": '{"model_type": "llama", "vocab_size": 1e999}',
    "twice": '{"model_type": "llama", "vocab_size": 4, "vocab_size": 5}',
    "deep": '{"model_type": ' + "[" * 10000 + "]" * 10000 + "}",
    "many": '{"model_type": [' + "0," * 2_000_000 + "0]}",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path: Path, name: str) -> None:
    refused(write_folder(tmp_path, TEXTS[name]), r"config\.json")


def rename(values: dict[str, torch.Tensor], old: str, new: str) -> None:
    values[new] = values.pop(old)


WEIGHTS: dict[str, tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "missing": (lambda v: v.pop("model.norm.weight"), r"missing model\.norm\.weight \[8\]"),
    "missing-piece": (
        lambda v: v.pop("model.layers.1.self_attn.k_proj.weight"),
        r"missing model\.layers\.1\.self_attn\.k_proj\.weight \[4, 8\]",
    ),
    "unexpected": (
        lambda v: v.update(extra=torch.ones(3)),
        r"unexpected extra \[3\]",
    ),
    "another-layer": (
        lambda v: rename(
            v, "model.layers.1.mlp.up_proj.weight", "model.layers.7.mlp.up_proj.weight"
        ),
        r"missing model\.layers\.1\.mlp\.up_proj.*\n.*unexpected model\.layers\.7",
    ),
    "shape": (
        lambda v: v.update({"model.layers.0.self_attn.q_proj.weight": torch.ones(8, 4)}),
        r"q_proj\.weight: expected \[8, 8\], got \[8, 4\]",
    ),
    "swapped": (
        lambda v: v.update(
            {
                "model.layers.0.self_attn.q_proj.weight": torch.ones(4, 8),
                "model.layers.0.self_attn.k_proj.weight": torch.ones(8, 8),
            }
        ),
        r"k_proj\.weight: expected \[4, 8\], got \[8, 8\]",
    ),
    "scalar": (
        lambda v: v.update({"model.norm.weight": torch.tensor(1.0)}),
        r"model\.norm\.weight: expected \[8\], got \[\]",
    ),
    "none": (lambda v: v.clear(), "missing"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights(tmp_path: Path, name: str) -> None:
    change, message = WEIGHTS[name]
    values = tensors()
    change(values)
    write_folder(tmp_path)
    write_safetensors(tmp_path / "model.safetensors", values)
    refused(tmp_path, message)


def write_index(folder: Path, weight_map: dict[str, str]) -> None:
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    text = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(text)


INDEXES = {
    "missing-shard": ({"another": "two.safetensors"}, r"two\.safetensors"),
    "outside": ({"model.norm.weight": "../one.safetensors"}, r"\.\./one\.safetensors"),
    "absolute": ({"model.norm.weight": "/etc/passwd"}, "/etc/passwd"),
    "not-in-shard": ({"nowhere": "one.safetensors"}, "nowhere"),
}


@pytest.mark.parametrize("name", INDEXES)
def test_indexes(tmp_path: Path, name: str) -> None:
    weight_map, message = INDEXES[name]
    write_folder(tmp_path)
    write_index(tmp_path, dict.fromkeys(tensors(), "one.safetensors") | weight_map)
    refused(tmp_path, message)


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    write_folder(tmp_path)
    names = dict.fromkeys(tensors(), "one.safetensors")
    write_index(tmp_path, names | {"model.norm.weight": "two.safetensors"})
    write_safetensors(tmp_path / "two.safetensors", {"model.norm.weight": torch.ones(8)})
    refused(tmp_path, r"model\.norm\.weight")


GENERATION: dict[str, tuple[Any, str]] = {
    "eos-outside": ({"eos_token_id": [2, 99]}, "eos_token_id from 0 to 15, got 99"),
    "eos-negative": ({"eos_token_id": -1}, "eos_token_id.* from 0"),
    "eos-negatives": ({"eos_token_id": [2, -1]}, "eos_token_id from 0 to 15, got -1"),
    "eos-huge": ({"eos_token_id": 2**64}, "eos_token_id"),
    "eos-text": ({"eos_token_id": "x"}, 'eos_token_id.*got "x"'),
    "eos-fraction": ({"eos_token_id": 1.5}, r"eos_token_id.*got 1\.5"),
    "eos-texts": ({"eos_token_id": ["</s>"]}, r"eos_token_id\[0\].*got \"</s>\""),
    "eos-object": ({"eos_token_id": {}}, "eos_token_id.*got an object"),
    "temperature-negative": ({"temperature": -1}, "temperature .*got -1"),
    "temperature-text": ({"temperature": "0.7"}, 'temperature.* a number, got "0.7"'),
    "temperature-huge": ({"temperature": 1e300}, "temperature"),
    "temperature-nan": ('{"temperature": NaN}', "not valid JSON"),
    "temperature-infinite": ('{"temperature": 1e999}', "too large"),
    "top-p-two": ({"top_p": 2}, "top_p .*got 2"),
    "top-p-list": ({"top_p": [0.9]}, "top_p.* a number, got a list"),
    "top-k-negative": ({"top_k": -5}, "top_k.* from 0, got -5"),
    "top-k-fraction": ({"top_k": 5.5}, r"top_k.* whole number.*, got 5\.5"),
    "limit-negative": ({"max_new_tokens": -1}, "max_new_tokens.* from 0, got -1"),
    "top-k-text": ({"top_k": "all"}, 'top_k.* whole number.*, got "all"'),
    "min-p-one": ({"min_p": 1}, "min_p .*got 1"),
    "penalty-zero": ({"repetition_penalty": 0}, "repetition_penalty .*got 0"),
    "do-sample-text": ({"do_sample": "no"}, 'do_sample.* true or false, got "no"'),
    "list": ([], "expected the document an object, got a list"),
    "empty": ("", "not valid JSON at byte"),
    "truncated": ('{"eos_token_id": [2', "not valid JSON"),
    "twice": ('{"top_k": 1, "top_k": 2}', '"top_k" occurs twice'),
    "deep": ('{"x": ' + "[" * 100_000, "nested deeper"),
    "large": ('{"x": "' + "a" * 2_000_000 + '"}', r"at most 1048576 bytes, got 2000009"),
    "many": ('{"x": [' + "[]," * 340_000 + "0]}", None),
}


@pytest.mark.parametrize("name", GENERATION)
def test_generation_configs(tmp_path: Path, name: str) -> None:
    contents, message = GENERATION[name]
    folder = write_folder(tmp_path)
    text = contents if isinstance(contents, str) else json.dumps(contents)
    (folder / "generation_config.json").write_text(text)
    if message is None:  # nothing wrong with it
        with cheaply():
            omni.load(folder, dtype=torch.float32)
        return
    refused(folder, rf"generation_config\.json.*{message}")


def test_what_we_do_not_run_is_listed(tmp_path: Path) -> None:
    write_folder(tmp_path, CONFIG | {"model_type": "exaone4", "sliding_window": None})
    values = tensors()
    for layer in range(2):
        base = f"model.layers.{layer}."
        rename(values, f"{base}input_layernorm.weight", f"{base}post_feedforward_layernorm.weight")
        values |= {f"{base}self_attn.{part}_norm.weight": torch.ones(4) for part in "qk"}
    values["mtp.fc.weight"] = torch.ones(8, 16)
    values["lm_head.weight"] = torch.ones(16, 8)  # the table again
    write_safetensors(tmp_path / "model.safetensors", values)
    model = omni.load(tmp_path, dtype=torch.float32)
    assert model.unused_tensors == ["lm_head.weight", "mtp.fc.weight"]
