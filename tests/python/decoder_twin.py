# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The decoder that a transformer's configuration describes, written from the definitions:
plain PyTorch in float64, one sequence at a time, no op of ours. The configuration is that
of config.json with every field given and every layer spelled out."""

import zlib

import torch

# Norms (before, after) attention and (before, after) the feed-forward.
PLACEMENTS = {
    "pre": ((True, False), (True, False)),
    "post": ((False, True), (False, True)),
    "sandwich": ((True, True), (True, True)),
    "pre_with_feed_forward_post": ((True, False), (True, True)),
}


def shapes_of(config: dict) -> dict[str, tuple[int, ...]]:
    width, vocab = config["width"], config["vocab_size"]
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (vocab, width), "norm.weight": (width,)}
    if not config["has_tied_head"]:
        shapes["head.weight"] = (vocab, width)
    for i, layer in enumerate(config["layers"]):
        heads, groups, head = layer["num_heads"], layer["num_kv_heads"], layer["head_width"]
        inner, ff_bias = layer["feed_forward_width"], layer["has_feed_forward_bias"]
        for name, outputs, inputs, has_bias in (
            ("attention.qkv", (heads + 2 * groups) * head, width, layer["has_qkv_bias"]),
            ("attention.output", width, heads * head, layer["has_output_bias"]),
            ("feed_forward.gate_up", 2 * inner, width, ff_bias),
            ("feed_forward.down", width, inner, ff_bias),
        ):
            shapes[f"layers.{i}.{name}.weight"] = (outputs, inputs)
            if has_bias:
                shapes[f"layers.{i}.{name}.bias"] = (outputs,)
        if layer["has_qk_norm"]:
            for name in ("q_norm", "k_norm"):
                shapes[f"layers.{i}.attention.{name}.weight"] = (head,)
        for part, (before, after) in zip(
            ("attention", "feed_forward"), PLACEMENTS[layer["norm_placement"]], strict=True
        ):
            if before:
                shapes[f"layers.{i}.{part}_norm.weight"] = (width,)
            if after:
                shapes[f"layers.{i}.{part}_post_norm.weight"] = (width,)
    return shapes


def random_weights(config: dict) -> dict[str, torch.Tensor]:
    """Of one shape the same in every configuration; norms and biases that do something."""
    weights = {}
    for name, shape in shapes_of(config).items():
        torch.manual_seed(zlib.crc32(name.encode()))
        if len(shape) == 2:
            weights[name] = torch.randn(shape) * shape[1] ** -0.5
        else:
            weights[name] = 0.3 * torch.randn(shape) + (1.0 if "norm" in name else 0.0)
    return weights


class Twin:
    """The decoder of one sequence: rows [L, D] and positions [L, 3] to logits [L, V]."""

    def __init__(self, config: dict) -> None:
        self.config = config
        self.weights = {
            name: value.double().requires_grad_() for name, value in random_weights(config).items()
        }

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        return self.weights["embed.weight"][ids]

    def logits(self, rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        x = rows * self.config["embedding_multiplier"]
        for i, layer in enumerate(self.config["layers"]):
            name = f"layers.{i}"
            around_attention, around_feed_forward = PLACEMENTS[layer["norm_placement"]]
            y = self.norm(x, f"{name}.attention_norm") if around_attention[0] else x
            y = self.attention(y, f"{name}.attention", layer, positions)
            y = self.norm(y, f"{name}.attention_post_norm") if around_attention[1] else y
            x = x + self.config["residual_multiplier"] * y
            y = self.norm(x, f"{name}.feed_forward_norm") if around_feed_forward[0] else x
            y = self.feed_forward(y, f"{name}.feed_forward")
            y = self.norm(y, f"{name}.feed_forward_post_norm") if around_feed_forward[1] else y
            x = x + self.config["residual_multiplier"] * y
        head = "embed.weight" if self.config["has_tied_head"] else "head.weight"
        x = self.norm(x, "norm") @ self.weights[head].T
        return x * self.config["logits_multiplier"]

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        mean_square = x.square().mean(-1, keepdim=True)
        weight = self.weights[f"{name}.weight"] + self.config["norm_weight_offset"]
        return x / (mean_square + self.config["norm_eps"]).sqrt() * weight

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0.0)

    def feed_forward(self, x: torch.Tensor, name: str) -> torch.Tensor:
        gate, up = self.linear(x, f"{name}.gate_up").chunk(2, -1)
        return self.linear(gate * torch.sigmoid(gate) * up, f"{name}.down")

    def attention(
        self, x: torch.Tensor, name: str, layer: dict, positions: torch.Tensor
    ) -> torch.Tensor:
        heads, groups, width = layer["num_heads"], layer["num_kv_heads"], layer["head_width"]
        rows = self.linear(x, f"{name}.qkv").unflatten(1, (-1, width))
        q, k, v = rows[:, :heads], rows[:, heads : heads + groups], rows[:, heads + groups :]
        if layer["has_qk_norm"]:
            q, k = self.norm(q, f"{name}.q_norm"), self.norm(k, f"{name}.k_norm")
        if layer["rotary"]["kind"] != "none":
            angles = angles_of(positions, layer["rotary"], width)
            q, k = (turn(x, angles, layer["rotary"]["kind"]) for x in (q, k))
        outputs = []
        distance = torch.arange(len(x)).view(-1, 1) - torch.arange(len(x))
        sees = (distance >= 0) & (distance < (layer["sliding_window"] or len(x)))
        for h in range(heads):
            group = h * groups // heads
            scores = q[:, h] @ k[:, group].T * (layer["attention_scale"] or width**-0.5)
            outputs.append(scores.masked_fill(~sees, -torch.inf).softmax(-1) @ v[:, group])
        return self.linear(torch.cat(outputs, 1), f"{name}.output")


def angles_of(positions: torch.Tensor, rotary: dict, head_width: int) -> torch.Tensor:
    """Radians [L, W / 2]: frequency i is theta^(-2i / W) and turns by its axis."""
    width = rotary["rotary_width"] or head_width
    axis = [0] * (width // 2)
    if rotary["axis_layout"] == "sectioned":  # Qwen2-VL
        axis = [a for a in range(3) for _ in range(rotary["axis_sections"][a])]
    elif rotary["axis_layout"] == "interleaved":  # Qwen3-VL: y from 1, x from 2, by threes
        for a in (1, 2):
            axis[a : 3 * rotary["axis_sections"][a] : 3] = [a] * rotary["axis_sections"][a]
    frequencies = rotary["theta"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return positions[:, axis].double() * rotary["position_scale"] * frequencies


def turn(x: torch.Tensor, angles: torch.Tensor, kind: str) -> torch.Tensor:
    """[L, H, K]: pairs of the leading W entries, as complex numbers times e^(i angle)."""
    width = 2 * angles.shape[1]
    is_half = kind == "half_rotation"
    leading = x[..., :width].unflatten(-1, (2, -1) if is_half else (-1, 2))
    pairs = leading.transpose(-1, -2) if is_half else leading
    turned = torch.complex(pairs[..., 0], pairs[..., 1]) * torch.exp(1j * angles).unsqueeze(1)
    pairs = torch.stack([turned.real, turned.imag], -2 if is_half else -1)
    return torch.cat([pairs.flatten(-2), x[..., width:]], -1)
