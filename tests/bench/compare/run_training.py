# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Steps of training the nano backbone: bench_train, and train_twin.py's decoder in PyTorch,
eager or compiled, from the weights and the batch that bench_train writes."""

import json
import sys
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, memory_bytes, serve

sys.path.append(str(Path(__file__).resolve().parents[1]))
from train_twin import TOKENS, Ours, Twin, read_safetensors  # noqa: E402

MODEL = ROOT / "examples" / "nano" / "stages" / "model.json"
ours = twin = None


def load(engine: str, folder: str) -> dict[str, float]:
    def run() -> None:
        global ours, twin
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


def train(steps: int) -> dict:
    seconds = ours.ask(f"steps {steps}")[0] if ours else twin.steps(steps)[0]
    return {"seconds": seconds, "count": steps * TOKENS}


def memory() -> dict:
    return {"peak_bytes": memory_bytes("VmHWM", ours.process.pid if ours else "self")}


if __name__ == "__main__":
    serve({"load": load, "loss": loss, "train": train, "memory": memory})
