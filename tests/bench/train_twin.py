# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Training speed beside PyTorch: bench_train and the same decoder in eager PyTorch.

    .venv/bin/python tests/bench/train_twin.py [--attention packed|causal] [--threads 1]

Both take the weights and the batch that bench_train writes (8 x 512 ids, clipped
gradients, fused AdamW on everything; bf16 autocast where the processor is fast by it,
else float32. First their losses have to agree, then
they are timed in turns; the tokens a second are of the median turn, in processor time
(which a busy machine hardly changes) and in wall time."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from bfloat16_speed import IS_BFLOAT16_FAST
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
DTYPES = {"F32": torch.float32, "I64": torch.int64}
TOKENS = 8 * 512


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return {
        name: torch.frombuffer(
            data, dtype=DTYPES[entry["dtype"]], offset=8 + size + entry["data_offsets"][0],
            count=(entry["data_offsets"][1] - entry["data_offsets"][0])
            // DTYPES[entry["dtype"]].itemsize,
        ).reshape(entry["shape"]).clone()
        for name, entry in header.items()
        if name != "__metadata__"
    }  # fmt: skip


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight, 1e-6).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, width: int, layer: dict) -> None:
        super().__init__()
        self.heads, self.head_width = layer["num_heads"], layer["head_width"]
        self.qkv = nn.Linear(width, 3 * self.heads * self.head_width, bias=False)
        self.output = nn.Linear(self.heads * self.head_width, width, bias=False)
        self.q_norm, self.k_norm = Norm(self.head_width), Norm(self.head_width)

    def forward(self, x, cos, sin, mask):
        rows, length, _ = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, self.heads, self.head_width).unbind(2)
        q, k = turn(self.q_norm(q), cos, sin), turn(self.k_norm(k), cos, sin)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.output(y.transpose(1, 2).reshape(rows, length, -1))


def turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    first, second = x.float().chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, width: int, layer: dict) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = Norm(width), Norm(width)
        self.attention = Attention(width, layer)
        self.feed_forward = FeedForward(width, layer["feed_forward_width"])

    def forward(self, x, cos, sin, mask):
        x = x + self.attention(self.attention_norm(x), cos, sin, mask)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Decoder(nn.Module):
    def __init__(self, config: dict) -> None:
        super().__init__()
        layer = config["layers"][0]
        self.rotary, self.head_width = layer["rotary"], layer["head_width"]
        self.embed = nn.Embedding(config["vocab_size"], config["width"])
        self.layers = nn.ModuleList(Block(config["width"], layer) for _ in range(layer["repeat"]))
        self.norm = Norm(config["width"])

    def angles(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        count = self.head_width // 2
        axes = [i % 3 if i // 3 < self.rotary["axis_sections"][i % 3] else 0 for i in range(count)]
        exponents = torch.arange(count, dtype=torch.float64) / count
        angles = positions[..., axes] * self.rotary["theta"] ** -exponents
        return angles.cos().float().unsqueeze(2), angles.sin().float().unsqueeze(2)

    def forward(self, ids, positions, mask):
        cos, sin = self.angles(positions)
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class Twin:
    def __init__(self, config: dict, start: dict[str, torch.Tensor], is_packed: bool) -> None:
        batch = {k: start.pop(k) for k in ("ids", "segments", "targets", "positions")}
        self.ids, self.positions = batch["ids"], batch["positions"]
        self.rows = (batch["targets"].flatten() >= 0).nonzero().squeeze(1)
        self.targets = batch["targets"].flatten()[self.rows]
        self.mask = None
        if is_packed:
            same = batch["segments"].unsqueeze(1) == batch["segments"].unsqueeze(2)
            self.mask = same.tril().unsqueeze(1)
        self.model = Decoder(config)
        self.model.load_state_dict(start)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        )

    def loss(self) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=IS_BFLOAT16_FAST):
            hidden = self.model(self.ids, self.positions, self.mask).flatten(0, 1)
            logits = F.linear(hidden[self.rows], self.model.embed.weight)
        return F.cross_entropy(logits.float(), self.targets)

    def steps(self, count: int) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            self.optimizer.zero_grad(set_to_none=True)
            self.loss().backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        return time.perf_counter() - wall, time.process_time() - cpu


class Ours:
    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, line: str) -> list[float]:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(x) for x in self.process.stdout.readline().split()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--model", type=Path, default=ROOT / "examples/nano/stages/model.json")
    parser.add_argument("--attention", choices=["packed", "causal"], default="packed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps a turn")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = json.loads(options.model.read_text())["transformer"]
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours([
            str(options.build / "bin/bench_train"), str(options.model), folder,
            options.attention, str(options.threads),
        ])  # fmt: skip
        start = read_safetensors(Path(folder) / "start.safetensors")
    twin = Twin(config, start, options.attention == "packed")

    def compare(when: str, tolerance: float) -> None:
        with torch.no_grad():
            wanted, got = twin.loss().item(), ours.ask("loss")[0]
        print(f"loss {when}: omni {got:.4f}, PyTorch {wanted:.4f}")
        if abs(got - wanted) > tolerance * wanted:
            sys.exit("the losses differ: these are not the same model")

    compare("before", 1e-3)
    times: dict[str, list] = {"omni": [], "PyTorch": []}
    for turn_number in range(options.turns + 1):
        of_ours, of_twin = ours.ask(f"steps {options.steps}"), twin.steps(options.steps)
        if turn_number > 0:  # the first warms up
            times["omni"].append(of_ours)
            times["PyTorch"].append(of_twin)
    compare(f"after {options.steps * (options.turns + 1)} steps", 2e-2)
    ours.process.stdin.close()
    rates = {}
    for name, of_name in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*of_name, strict=True))
        rates[name] = [TOKENS * options.steps / seconds for seconds in (cpu, wall)]
        of_cpu, of_wall = rates[name]
        print(f"{name:8s} {of_cpu:8.0f} tokens/s of processor, {of_wall:8.0f} of wall time")
    ratios = [a / b for a, b in zip(rates["omni"], rates["PyTorch"], strict=True)]
    print(f"omni / PyTorch  {ratios[0]:.2f} of processor, {ratios[1]:.2f} of wall time "
          f"({options.attention}, {options.threads} thread(s))")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
