# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes vit.bin, conformer_rotary.bin and conformer_relative.bin: rows float32 that
plain twins of the encoders make in float64, written from the papers, one item at a time
and without padding. Parameters and inputs are formulas of their names and indices
(`filled`), so that only results are stored. Needs PyTorch."""

import math
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


def filled(name, shape):
    """Numbers that look random: the same formula is in tests/encoders/filled.h."""
    seed = sum((i + 1) * ord(c) for i, c in enumerate(name)) % 997
    count = math.prod(shape)
    index = torch.arange(count, dtype=torch.float64)
    values = torch.sin(index * 12.9898 + seed) * 43758.5453
    return (values - values.floor() - 0.5).float().double().reshape(shape)


def weight(name, *shape):
    """A map's weight: spread over the inputs. Norm weights are near one."""
    if len(shape) == 1:
        near = 1.0 if name.endswith("norm.weight") else 0.0
        return (near + 0.5 * filled(name, shape)).float().double()
    fan_in = math.prod(shape[1:])
    return (filled(name, shape) * 3.0 / math.sqrt(fan_in)).float().double()


def linear(x, name, out_width, bias=True):
    y = x @ weight(name + ".weight", out_width, x.shape[-1]).T
    return y + weight(name + ".bias", out_width) if bias else y


def norm(x, name):
    scale = weight(name + ".weight", x.shape[-1])
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * scale


def turn(x, angles):
    """x [L, K], angles [L, K / 2]: entry i and entry i + K / 2 are one plane."""
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attention(x, name, heads, angles=None, relative=None):
    length, width = x.shape
    size = width // heads
    qkv = linear(x, name + ".qkv", 3 * width)
    mixed = []
    for h in range(heads):
        q, k, v = (
            qkv[:, part * width + h * size : part * width + (h + 1) * size] for part in range(3)
        )
        if angles is not None:
            q, k = turn(q, angles), turn(k, angles)
        scores = q @ k.T
        if relative is not None:
            u = weight(name + ".content_bias", heads, size)[h]
            w = weight(name + ".position_bias", heads, size)[h]
            scores = (q + u) @ k.T
            by_distance = linear(relative, name + ".position", width, bias=False)
            by_distance = by_distance[:, h * size : (h + 1) * size]
            for i in range(length):
                for j in range(length):
                    scores[i, j] += (q[i] + w) @ by_distance[length - 1 - (i - j)]
        mixed.append(torch.softmax(scores / math.sqrt(size), -1) @ v)
    return linear(torch.cat(mixed, -1), name + ".output", width)


def feed_forward(x, name, inner, activation):
    return linear(activation(linear(x, name + ".up", inner)), name + ".down", x.shape[-1])


def vit(patches, rows, columns, merge=2, width=16, heads=2, layers=2, inner=24):
    """Dosovitskiy et al. 2020 with the rotary positions of Qwen2-VL."""
    places = [
        (y * merge + dy, x * merge + dx)
        for y in range(rows // merge)
        for x in range(columns // merge)
        for dy in range(merge)
        for dx in range(merge)
    ]
    quarter = width // heads // 4
    frequencies = [100.0 ** (-j / quarter) for j in range(quarter)]
    angles = torch.tensor(
        [[p * f for p in place for f in frequencies] for place in places],
        dtype=torch.float64,
    )
    x = linear(patches, "patch_embed", width)
    for i in range(layers):
        at = f"layers.{i}."
        x = x + attention(norm(x, at + "attention_norm"), at + "attention", heads, angles)
        normed = norm(x, at + "feed_forward_norm")
        x = x + feed_forward(normed, at + "feed_forward", inner, F.gelu)
    return norm(x, "norm").reshape(len(places) // merge**2, merge**2 * width)


def conformer(mel, kind, width=16, heads=2, layers=2, inner=24, kernel=5):
    """Gulati et al. 2020, RMSNorm instead of batch norm."""

    def conv(x, name, out, size, stride, groups=1):
        w = weight(name + ".weight", out, x.shape[-1] // groups, size)
        b = weight(name + ".bias", out)
        return F.conv1d(x.T[None], w, b, stride, size // 2, 1, groups)[0].T

    x = F.silu(conv((mel + 4.0) / 2.5, "first_stem", 2 * width, 3, 2))
    x = F.silu(conv(x, "second_stem", width, 3, 2))
    length = x.shape[0]
    angles = relative = None
    span = width // heads if kind == "rotary" else width
    rates = 10000.0 ** (-torch.arange(span // 2, dtype=torch.float64) / (span // 2))
    if kind == "rotary":
        angles = torch.arange(length, dtype=torch.float64)[:, None] * rates
    else:
        distance = torch.arange(length - 1, -length, -1, dtype=torch.float64)
        relative = distance[:, None] * rates
        relative = torch.cat([relative.sin(), relative.cos()], 1)
    for i in range(layers):
        at = f"layers.{i}."
        half = feed_forward(norm(x, at + "first_norm"), at + "first_feed_forward", inner, F.silu)
        x = x + 0.5 * half
        normed = norm(x, at + "attention_norm")
        x = x + attention(normed, at + "attention", heads, angles, relative)
        gated = linear(norm(x, at + "convolution_norm"), at + "convolution.input", 2 * width)
        gated = gated[:, :width] * torch.sigmoid(gated[:, width:])
        mixed = conv(gated, at + "convolution.depthwise", width, kernel, 1, width)
        mixed = F.silu(norm(mixed, at + "convolution.norm"))
        x = x + linear(mixed, at + "convolution.output", width)
        half = feed_forward(norm(x, at + "second_norm"), at + "second_feed_forward", inner, F.silu)
        x = norm(x + 0.5 * half, at + "norm")
    return x


def write(name, parts):
    data = torch.cat([part.flatten() for part in parts]).float()
    data.numpy().tofile(HERE / name)


def main():
    grids = [(4, 6), (2, 2), (4, 6), (6, 2)]
    write(
        "vit.bin",
        [vit(4.0 * filled(f"picture{i}", (r * c, 12)), r, c) for i, (r, c) in enumerate(grids)],
    )
    lengths = [23, 9, 14]
    for kind in ("rotary", "relative"):
        write(
            f"conformer_{kind}.bin",
            [
                conformer(10.0 * filled(f"sound{i}", (n, 5)) - 4.0, kind)
                for i, n in enumerate(lengths)
            ],
        )


if __name__ == "__main__":
    main()
