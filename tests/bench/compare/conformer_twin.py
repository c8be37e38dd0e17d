# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A conformer in plain PyTorch, float32 and eager, from the weights that Omni saved: what
ours is checked against, as encoders/conformer.h describes it and Gulati et al. 2020
(arXiv 2005.08100)."""

import torch
import torch.nn.functional as F

MEL_MEAN, MEL_STD = -4.0, 2.5
THETA, EPSILON = 10000.0, 1e-6


class ConformerTwin:
    """Rows float32 [L, width] of all frames of mel float32 [T, num_mels]."""

    def __init__(self, weights: dict[str, torch.Tensor], num_layers: int, num_heads: int) -> None:
        self.weights = {name: value.float() for name, value in weights.items()}
        self.num_layers, self.num_heads = num_layers, num_heads

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.rms_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], EPSILON)

    def conv(self, x: torch.Tensor, name: str, stride: int, groups: int = 1) -> torch.Tensor:
        weight = self.weights[f"{name}.weight"]
        bias = self.weights[f"{name}.bias"]
        return F.conv1d(x.T, weight, bias, stride, weight.shape[2] // 2, 1, groups).T

    def feed_forward(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self.linear(F.silu(self.linear(x, f"{name}.up")), f"{name}.down")

    def attention(self, x: torch.Tensor, name: str, angles: torch.Tensor) -> torch.Tensor:
        shape = (len(x), 3, self.num_heads, -1)
        q, k, v = self.linear(x, f"{name}.qkv").view(shape).permute(1, 2, 0, 3)
        mixed = F.scaled_dot_product_attention(turned(q, angles), turned(k, angles), v)
        return self.linear(mixed.transpose(0, 1).reshape(x.shape), f"{name}.output")

    def convolution(self, x: torch.Tensor, name: str) -> torch.Tensor:
        gated = F.glu(self.linear(x, f"{name}.input"))
        mixed = self.conv(gated, f"{name}.depthwise", 1, gated.shape[1])
        return self.linear(F.silu(self.norm(mixed, f"{name}.norm")), f"{name}.output")

    def layer(self, x: torch.Tensor, at: str, angles: torch.Tensor) -> torch.Tensor:
        normed = self.norm(x, f"{at}.first_norm")
        x = x + 0.5 * self.feed_forward(normed, f"{at}.first_feed_forward")
        x = x + self.attention(self.norm(x, f"{at}.attention_norm"), f"{at}.attention", angles)
        x = x + self.convolution(self.norm(x, f"{at}.convolution_norm"), f"{at}.convolution")
        normed = self.norm(x, f"{at}.second_norm")
        x = x + 0.5 * self.feed_forward(normed, f"{at}.second_feed_forward")
        return self.norm(x, f"{at}.norm")

    def __call__(self, mel: torch.Tensor) -> torch.Tensor:
        x = F.silu(self.conv((mel - MEL_MEAN) / MEL_STD, "first_stem", 2))
        x = F.silu(self.conv(x, "second_stem", 2))
        half = x.shape[1] // self.num_heads // 2
        rates = THETA ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = (torch.arange(len(x), dtype=torch.float64)[:, None] * rates).float()
        for i in range(self.num_layers):
            x = self.layer(x, f"layers.{i}", angles)
        return x


def turned(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """x [H, L, K], angles [L, K / 2]: entries i and i + K / 2 are one plane."""
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
