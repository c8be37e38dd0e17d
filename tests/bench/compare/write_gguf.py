# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A llama checkpoint folder as a GGUF file: the same numbers under llama.cpp's names.

    build/peers/venv/bin/python tests/bench/compare/write_gguf.py FOLDER FILE F32|F16|BF16 [GGUF]

The tokenizer is copied from the last file if there is one, and else left out: ids in,
logits out. llama.cpp turns pairs of neighbours (2i, 2i + 1) where the folder turns (i, i + n/2):
the rows of each head of q and k are put in that order."""

import json
import sys
from pathlib import Path

import gguf
import torch
from safetensors import safe_open

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
FORMATS = {
    "F32": (torch.float32, gguf.LlamaFileType.ALL_F32),
    "F16": (torch.float16, gguf.LlamaFileType.MOSTLY_F16),
    "BF16": (torch.bfloat16, gguf.LlamaFileType.MOSTLY_BF16),
}


def gguf_name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if stem.startswith("model.layers."):
        layer, _, part = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{layer}.{NAMES[part]}.weight"
    return f"{NAMES[stem]}.weight"


def neighbours(weight: torch.Tensor, num_heads: int) -> torch.Tensor:
    """Rows (half, i) of each head become (i, half)."""
    rows, width = weight.shape
    halves = weight.view(num_heads, 2, rows // num_heads // 2, width)
    return halves.transpose(1, 2).reshape(rows, width)


def add_config(writer: gguf.GGUFWriter, config: dict) -> None:
    rope = config.get("rope_parameters") or {}
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(rope.get("rope_theta") or config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def copy_tokenizer(writer: gguf.GGUFWriter, source: str) -> None:
    for name, entry in gguf.GGUFReader(source).fields.items():
        if name.startswith("tokenizer."):
            kinds = [*entry.types, None]
            writer.add_key_value(name, entry.contents(), kinds[0], sub_type=kinds[1])


def add_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, dtype) -> None:
    if tensor.dim() == 1:  # norms stay float32, as llama.cpp wants them
        dtype = torch.float32
    values = tensor.to(dtype).contiguous()
    if dtype == torch.bfloat16:  # which NumPy lacks
        kind = gguf.GGMLQuantizationType.BF16
        writer.add_tensor(name, values.view(torch.uint8).numpy(), raw_dtype=kind)
    else:
        writer.add_tensor(name, values.numpy())


def main() -> None:
    folder, target, format_name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = json.loads((folder / "config.json").read_text())
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    writer = gguf.GGUFWriter(target, "llama")
    dtype, file_type = FORMATS[format_name]
    writer.add_file_type(file_type)
    add_config(writer, config)
    if len(sys.argv) > 4:
        copy_tokenizer(writer, sys.argv[4])
    else:
        writer.add_tokenizer_model("none")
    with safe_open(folder / "model.safetensors", "pt") as opened:
        for name in opened.keys():
            tensor = opened.get_tensor(name)
            kind = name.split(".")[-2]
            if kind in heads:
                tensor = neighbours(tensor, config[heads[kind]])
            add_tensor(writer, gguf_name(name), tensor, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
