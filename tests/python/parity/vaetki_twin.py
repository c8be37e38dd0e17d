# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""VAETKI in plain PyTorch, for which `transformers` has no class.

Written from its technical report and what its published inference plug-in computes: latent
attention that slides in some layers, each kind with its own rotary base; full layers
interpolate positions by 8 unless `rope_scaling` is given; norms whose weights are stored
less one, around every sub-layer; sigmoid routing without a bias. In bfloat16 norms, softmax,
rotary angles, the router and the head stay float32, as there.
"""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float()
        normed = wide * (wide.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()
        return (normed * (1 + self.weight.float())).to(x.dtype)


def linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def magnitude(factor: float, weight: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0


def rotary(config, is_sliding: bool) -> tuple[torch.Tensor, float, float]:
    """Frequencies [rope / 2], the factor of cos and sin, that of the softmax scale."""
    half = config.qk_rope_head_dim // 2
    base = config.rope_theta if is_sliding else config.rope_theta_global
    frequencies = base ** -(torch.arange(half, dtype=torch.float64) / half)
    if is_sliding:
        return frequencies, 1.0, 1.0
    rope = getattr(config, "rope_scaling", None)
    if rope is None:
        return frequencies / 8, 1.0, 1.0
    original, factor = rope["original_max_position_embeddings"], rope["factor"]

    def index_of(turns: float) -> float:
        return half * math.log(original / (turns * 2 * math.pi)) / math.log(base)

    low, high = max(math.floor(index_of(32)), 0), min(math.ceil(index_of(1)), 2 * half - 1)
    divided = ((torch.arange(half) - low) / max(high - low, 0.001)).clamp(0, 1)
    of_all = magnitude(factor, rope["mscale_all_dim"])
    frequencies = frequencies * (1 - divided) + frequencies / factor * divided
    return frequencies, magnitude(factor, rope["mscale"]) / of_all, of_all**2


def turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x[..., ::2].float(), x[..., 1::2].float()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config, is_sliding: bool) -> None:
        super().__init__()
        self.config, self.is_sliding = config, is_sliding
        c = config
        key = c.qk_nope_head_dim + c.qk_rope_head_dim
        heads = c.num_attention_heads
        if c.q_lora_rank is None:
            self.q_proj = linear(c.hidden_size, heads * key)
        else:
            self.q_a_proj = linear(c.hidden_size, c.q_lora_rank)
            self.q_a_layernorm = Norm(c.q_lora_rank, c.rms_norm_eps)
            self.q_b_proj = linear(c.q_lora_rank, heads * key)
        self.kv_a_proj_with_mqa = linear(c.hidden_size, c.kv_lora_rank + c.qk_rope_head_dim)
        self.kv_a_layernorm = Norm(c.kv_lora_rank, c.rms_norm_eps)
        self.kv_b_proj = linear(c.kv_lora_rank, heads * (c.qk_nope_head_dim + c.v_head_dim))
        self.o_proj = linear(heads * c.v_head_dim, c.hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        c, (batch, length, _) = self.config, x.shape
        heads, nope, rope = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim
        if c.q_lora_rank is None:
            q = self.q_proj(x)
        else:
            q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        q = q.view(batch, length, heads, nope + rope).transpose(1, 2)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([c.kv_lora_rank, rope], dim=-1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent))
        kv = kv.view(batch, length, heads, nope + c.v_head_dim).transpose(1, 2)
        k_nope, v = kv.split([nope, c.v_head_dim], dim=-1)

        frequencies, of_tables, of_scale = rotary(c, self.is_sliding)
        angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
        cos, sin = (of_tables * angles.cos()).float(), (of_tables * angles.sin()).float()
        q = torch.cat([q[..., :nope], turn(q[..., nope:], cos, sin)], dim=-1)
        k_rope = turn(k_rope[:, None], cos, sin).expand(-1, heads, -1, -1)
        k = torch.cat([k_nope, k_rope], dim=-1)

        distance = torch.arange(length)[:, None] - torch.arange(length)
        seen = distance >= 0
        if self.is_sliding:
            seen &= distance < c.sliding_window
        scores = q @ k.transpose(-1, -2) * (of_scale * (nope + rope) ** -0.5)
        weights = scores.float().masked_fill(~seen, -math.inf).softmax(-1).to(x.dtype)
        return self.o_proj((weights @ v).transpose(1, 2).flatten(2))


class Dense(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj, self.up_proj = linear(width, inner), linear(width, inner)
        self.down_proj = linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Experts(nn.Module):
    def __init__(self, config) -> None:
        super().__init__()
        self.config = c = config
        inner = c.moe_intermediate_size
        self.gate = linear(c.hidden_size, c.n_routed_experts)
        self.experts = nn.ModuleList(Dense(c.hidden_size, inner) for _ in range(c.n_routed_experts))
        self.shared_experts = Dense(c.hidden_size, c.n_shared_experts * inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        c = self.config
        scores = F.linear(x.float(), self.gate.weight.float()).sigmoid()
        weights, chosen = scores.topk(c.num_experts_per_tok, dim=-1)
        if c.norm_topk_prob:
            weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
        weights = weights * c.routed_scaling_factor
        out = self.shared_experts(x)
        for index, expert in enumerate(self.experts):
            share = torch.where(chosen == index, weights, 0.0).sum(-1, keepdim=True)
            out = out + share.to(x.dtype) * expert(x)
        return out


class Layer(nn.Module):
    def __init__(self, config, index: int) -> None:
        super().__init__()
        c = config
        self.self_attn = Attention(c, c.layer_types[index] == "sliding_attention")
        is_dense = index < c.first_k_dense_replace
        self.mlp = Dense(c.hidden_size, c.intermediate_size) if is_dense else Experts(c)
        for name in ("input", "post_attention", "pre_mlp", "post_mlp"):
            setattr(self, f"{name}_layernorm", Norm(c.hidden_size, c.rms_norm_eps))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x)))
        return x + self.post_mlp_layernorm(self.mlp(self.pre_mlp_layernorm(x)))


class Decoder(nn.Module):
    def __init__(self, config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_hidden_layers))
        self.norm = Norm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Vaetki(nn.Module):
    def __init__(self, settings: dict) -> None:
        super().__init__()
        self.settings = settings
        self.model = Decoder(SimpleNamespace(**settings))
        self.lm_head = linear(settings["hidden_size"], settings["vocab_size"])

    def forward(self, input_ids: torch.Tensor, **_) -> SimpleNamespace:
        hidden = self.model(input_ids)
        return SimpleNamespace(logits=F.linear(hidden.float(), self.lm_head.weight.float()))

    def to_dtype(self, dtype: torch.dtype) -> "Vaetki":
        """But for what the plug-in keeps in float32."""
        self.to(dtype)
        for name, module in self.named_modules():
            if name.endswith("mlp.gate") or name == "lm_head":
                module.float()
        return self

    def save_pretrained(self, folder: Path) -> None:
        settings = {"model_type": "vaetki", "hidden_act": "silu"} | self.settings
        (folder / "config.json").write_text(json.dumps(settings))
        save_file(self.state_dict(), folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path, settings: dict) -> "Vaetki":
        from safetensors.torch import load_file

        model = cls(settings)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model
