# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A published checkpoint that says what it is told to: after an id always the same next."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from chat_template_models import QWEN3

FAMILIES: dict[str, type[PretrainedConfig]] = {"llama": LlamaConfig, "qwen3": Qwen3Config}
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]

# The weather model: what a template ends with, and what it then says. After a line's end it
# thinks and asks for the weather; where thinking was closed for it, it answers.
ANSWER = "It is 21 °C."
THOUGHT = ["<think>", "\nSo warm.", "\n</think>"]
CALL = [
    "<tool_call>",
    '\n{"name": "weather", "arguments": {"city": "서울", "days": 2}}\n',
    "</tool_call>",
]
CLOSED = "</think>\n\n"
SCRIPTS = [["Ċ", *THOUGHT, "\n\n", *CALL], [CLOSED, ANSWER]]


def byte_tokenizer(words: Sequence[str], special: Sequence[str] = SPECIAL) -> Tokenizer:
    """Bytes, special tokens, and `words` as tokens of their own."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    return tokenizer


def save_scripted(
    folder: Path,
    config: PretrainedConfig,
    tokenizer: Tokenizer,
    chat_template: str,
    scripts: Sequence[Sequence[str]],
    eos: str = "<|im_end|>",
) -> PreTrainedTokenizerFast:
    """Writes the folder. Each of `scripts` is a row of tokens; the first of it is what comes
    before the answer, and no token may come before two others."""
    vocab = tokenizer.get_vocab_size()
    assert config.hidden_size >= vocab and config.vocab_size >= vocab
    eos_id = tokenizer.token_to_id(eos)
    config.eos_token_id, config.bos_token_id, config.pad_token_id = eos_id, None, None
    model = AutoModelForCausalLM.from_config(config)
    following: dict[int, int] = {}
    for script in scripts:
        ids = [tokenizer.token_to_id(token) for token in [*script, eos]]
        assert None not in ids, script
        for one, then in zip(ids, ids[1:], strict=False):
            assert following.setdefault(one, then) == then, script
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.zero_()
        model.get_input_embeddings().weight[:, : config.vocab_size].fill_diagonal_(1.0)
        for one, then in following.items():
            model.get_output_embeddings().weight[then, one] = 10.0
    model.save_pretrained(folder)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos)
    wrapped.chat_template = chat_template
    wrapped.save_pretrained(folder)
    generation = {"eos_token_id": eos_id}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return wrapped


def tiny_config(family: str, width: int) -> PretrainedConfig:
    return FAMILIES[family](
        vocab_size=width, hidden_size=width, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=4096,
        tie_word_embeddings=False,
    )  # fmt: skip


def save_weather_model(folder: Path) -> PreTrainedTokenizerFast:
    """Writes the weather model, a tiny Qwen3."""
    tokenizer = byte_tokenizer([*THOUGHT, "\n\n", *CALL, CLOSED, ANSWER])
    config = tiny_config("qwen3", tokenizer.get_vocab_size() + 8)
    return save_scripted(folder, config, tokenizer, QWEN3, SCRIPTS)
