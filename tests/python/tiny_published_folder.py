# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A tiny published folder to spoil, and what refusing a spoilt one may cost."""

import ctypes
import gc
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import omni

CONFIG = {
    "model_type": "llama",
    "hidden_act": "silu",
    "vocab_size": 16,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 32,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "eos_token_id": 2,
}
LATENT = {
    "model_type": "deepseek_v3",
    "num_key_value_heads": 2,
    "q_lora_rank": 4,
    "kv_lora_rank": 4,
    "qk_nope_head_dim": 4,
    "qk_rope_head_dim": 2,
    "v_head_dim": 4,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 4,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
MAX_CPU_SECONDS = 0.1
MAX_BYTES = 64 << 20


def tensors() -> dict[str, torch.Tensor]:
    """Those of CONFIG."""
    made = {"model.embed_tokens.weight": (16, 8), "model.norm.weight": (8,)}
    for layer in range(2):
        base = f"model.layers.{layer}."
        made |= {
            f"{base}input_layernorm.weight": (8,),
            f"{base}post_attention_layernorm.weight": (8,),
            f"{base}self_attn.q_proj.weight": (8, 8),
            f"{base}self_attn.k_proj.weight": (4, 8),
            f"{base}self_attn.v_proj.weight": (4, 8),
            f"{base}self_attn.o_proj.weight": (8, 8),
            f"{base}mlp.gate_proj.weight": (12, 8),
            f"{base}mlp.up_proj.weight": (12, 8),
            f"{base}mlp.down_proj.weight": (8, 12),
        }
    return {name: torch.ones(shape) for name, shape in made.items()}


def write_safetensors(path: Path, values: dict[str, torch.Tensor]) -> None:
    header, data = {}, b""
    for name, value in values.items():
        raw = value.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_folder(folder: Path, config: Any = CONFIG) -> Path:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    write_safetensors(folder / "model.safetensors", tensors())
    return folder


def memory(name: str) -> int:
    """VmRSS or VmHWM of this process, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M).group(1)) << 10


@contextmanager
def cheaply() -> Iterator[None]:
    """That what is done within takes little time and, at its peak, little memory."""
    ctypes.CDLL(None).malloc_trim(0)  # what others freed would hide what is used anew
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
    gc.disable()  # over all that pytest holds it takes longer than what is measured
    before, began = memory("VmRSS"), time.process_time()
    try:
        yield
        seconds, more = time.process_time() - began, memory("VmHWM") - before
    finally:
        gc.enable()
    assert seconds < MAX_CPU_SECONDS, f"{seconds:.3f} s of processor time"
    assert more < MAX_BYTES, f"{more / 2**20:.0f} MiB at the peak"


def refuses(call: Callable[[], Any], message: str) -> None:
    """That the call says `message`, cheaply and in short."""
    with cheaply(), pytest.raises((ValueError, OSError)) as caught:
        call()
    text = str(caught.value)
    assert re.search(message, text), text
    assert len(text) < 4000


def refused(folder: Path, message: str) -> None:
    """That loading the folder says so."""
    refuses(lambda: omni.load(folder, dtype=torch.float32), message)
