# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What each family's published checkpoints come with, and which tests stand for that.

A tokenizer is stood for by kinds of tokenizer_samples.py, trained here with the published
pre-tokenizer; a template by texts of chat_template_models*.py, written after the published
format. What could not be confirmed from a primary source is listed as assumed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    tokenizers: tuple[str, ...]  # of tokenizer_samples.KINDS
    templates: tuple[str, ...]  # names in chat_template_models*.py
    licence: str  # of published weights
    assumed: frozenset[str] = frozenset()  # "tokenizer", "template"


BOTH_ASSUMED = frozenset({"tokenizer", "template"})

PUBLISHED = {
    "axk1": Published(
        tokenizers=("qwen2", "o200k"),
        templates=("A_X",),
        licence="Apache-2.0",
        assumed=BOTH_ASSUMED,
    ),
    "axk2": Published(
        tokenizers=("qwen2", "o200k"),
        templates=("A_X",),
        licence="not verified",
        assumed=BOTH_ASSUMED,
    ),
    "deepseek_v3": Published(
        tokenizers=("deepseek3",),
        templates=("DEEPSEEK_V3",),
        licence="DeepSeek licence; later ones MIT",
    ),
    "exaone4": Published(
        tokenizers=("gpt2",),
        templates=("EXAONE4",),
        licence="EXAONE AI Model License NC (revision not verified)",
    ),
    "exaone_moe": Published(
        tokenizers=("super_bpe",),
        templates=("K_EXAONE",),
        licence="K-EXAONE licence, its own (text not verified)",
        assumed=frozenset({"template"}),
    ),
    "granite": Published(
        tokenizers=("digits",),
        templates=("GRANITE",),
        licence="Apache-2.0",
    ),
    "hyperclovax": Published(
        tokenizers=("llama3",),
        templates=("HYPERCLOVA_X",),
        licence="HyperCLOVA X SEED licence, its own",
        assumed=frozenset({"tokenizer"}),
    ),
    "llama": Published(
        tokenizers=("llama3", "llama2", "digits"),
        templates=("LLAMA3", "SMOLLM2"),
        licence="Llama licences; HyperCLOVA X SEED licence; SmolLM2 Apache-2.0",
    ),
    "mistral": Published(
        tokenizers=("llama2", "metaspace"),
        templates=("MISTRAL",),
        licence="Apache-2.0 (7B)",
    ),
    "qwen2": Published(
        tokenizers=("qwen2",),
        templates=("QWEN25", "A_X"),
        licence="Apache-2.0 (Qwen2.5: most sizes)",
    ),
    "qwen3": Published(
        tokenizers=("qwen2",),
        templates=("QWEN3",),
        licence="Apache-2.0",
    ),
    "qwen3_moe": Published(
        tokenizers=("qwen2",),
        templates=("QWEN3",),
        licence="Apache-2.0",
    ),
    "solar_open": Published(
        tokenizers=("qwen2",),
        templates=("SOLAR",),
        licence="Solar licence, its own (text not verified)",
    ),
    "vaetki": Published(
        tokenizers=("metaspace",),
        templates=("VAETKI",),
        licence="code MIT; of the weights not verified",
        assumed=frozenset({"template"}),
    ),
}
