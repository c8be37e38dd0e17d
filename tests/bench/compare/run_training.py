# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Steps of training the nano backbone: bench_train, and train_twin.py's decoder in PyTorch,
eager or compiled, from the weights and the batch that bench_train writes."""

import json
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, memory_bytes, serve
from train_twin import IS_BFLOAT16_FAST, TOKENS, Ours, Twin, read_safetensors

MODEL = ROOT / "examples" / "nano" / "stages" / "model.json"
ours = twin = start_folder = None


def load(engine: str, folder: str) -> dict[str, float]:
    def run() -> None:
        global ours, twin, start_folder
        start_folder = Path(folder)
        if engine == "omni":
            program = str(ROOT / "build" / "bin" / "bench_train")
            ours = Ours([program, str(MODEL), folder, "packed", str(NUM_THREADS)])
            return
        config = json.loads(MODEL.read_text())["transformer"]
        twin = Twin(config, read_safetensors(Path(folder) / "start.safetensors"), is_packed=True)
        if engine == "compiled":
            twin.loss = torch.compile(twin.loss, dynamic=False)

    torch.set_num_threads(NUM_THREADS)
    return loaded(run)


def loss() -> dict:
    if ours:
        return {"loss": ours.ask("loss")[0]}
    with torch.no_grad():
        return {"loss": Twin.loss(twin).item()}


def operations() -> dict:
    """Of products, forward and twice as many back, for one id of the batch; and the dtype of
    those by all engines."""
    config = json.loads(MODEL.read_text())["transformer"]
    start = read_safetensors(start_folder / "start.safetensors")
    width, layer = config["width"], config["layers"][0]
    inner = layer["num_heads"] * layer["head_width"]
    block = 4 * width * inner + 3 * width * layer["feed_forward_width"]
    learned = int((start["targets"] >= 0).sum())
    seen = sum(
        int(n) * (int(n) + 1) // 2
        for row in start["segments"]
        for n in row.unique_consecutive(return_counts=True)[1]
    )
    forward = 2.0 * (TOKENS * layer["repeat"] * block + learned * width * config["vocab_size"])
    forward += 4.0 * layer["repeat"] * seen * inner
    dtype = "bf16" if IS_BFLOAT16_FAST else "float32"
    return {"operations_per_id": 3.0 * forward / TOKENS, "dtype": dtype}


def train(steps: int) -> dict:
    seconds = ours.ask(f"steps {steps}")[0] if ours else twin.steps(steps)[0]
    return {"seconds": seconds, "count": steps * TOKENS}


def memory() -> dict:
    return {"peak_bytes": memory_bytes("VmHWM", ours.process.pid if ours else "self")}


if __name__ == "__main__":
    serve({"load": load, "loss": loss, "operations": operations, "train": train,
           "memory": memory})  # fmt: skip
