# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The engine Omni, as a user of the Python package runs a language model."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch
from answer_gaps import gaps_of
from engine_pipe import NUM_THREADS, ROOT, loaded, serve
from stored_bytes import of_folder, quantized_folder

import omni

DTYPES = {"bf16": torch.bfloat16, "float32": torch.float32}
model = None


def state_of(path: str) -> str:
    """Of what a quantised folder is made: the weights, and the library."""
    files = [*sorted(Path(path).glob("*.safetensors")), *Path(omni.__file__).parent.glob("*.so*")]
    files += (ROOT / "build" / "lib").glob("*.so")
    return "\n".join(f"{file} {file.stat().st_mtime_ns}" for file in files)


def quantized(path: str, format_name: str) -> Path:
    """A folder beside the other weights with these in another format, made anew when the
    weights or the library are others. By another process: what this one had held would be
    there for loading, and not be counted."""
    saved = quantized_folder(path, format_name)
    made_of = saved / "made_of.txt"
    if not made_of.exists() or made_of.read_text() != state_of(path):
        subprocess.run([sys.executable, __file__, path, format_name, saved], check=True)
        made_of.write_text(state_of(path))
    return saved


def quantize(path: str, format_name: str, saved: str) -> None:
    shutil.rmtree(saved, ignore_errors=True)
    omni.quantize(omni.load(path, dtype=torch.bfloat16), format_name).save(saved)


def load(path: str, format_name: str) -> dict[str, float]:
    torch.set_num_threads(NUM_THREADS)
    dtype = DTYPES.get(format_name)
    folder = path if dtype else quantized(path, format_name)

    def run() -> None:
        global model
        model = omni.load(folder, dtype=dtype) if dtype else omni.load(folder)

    weights = of_folder(folder, dtype.itemsize if dtype else None)
    return loaded(run) | {"weights_bytes": sum(weights.values())}


def text_ids() -> dict:
    """The first 2,000 ids of this project's own texts, of which published_parity.py measures
    the perplexity."""
    from published_parity import NUM_TEXT, texts

    return {"ids": model.tokenizer.encode(texts())[:NUM_TEXT]}


def generate(ids: list[int], count: int) -> list[int]:
    return model.generate(ids, max_new_tokens=count, temperature=0.0).tolist()


def greedy(ids: list[int], count: int) -> dict:
    return {"ids": generate(ids, count)}


def prefill(ids: list[int]) -> dict:
    began = time.perf_counter()
    generate(ids, 1)
    return {"seconds": time.perf_counter() - began, "count": len(ids)}


def decode(ids: list[int], count: int) -> dict:
    """The time of `count` ids more than one: prefill and set-up fall out. What is taken off
    is measured behind it: the first work after a pause, for other engines, is slower."""
    generate(ids, 1)
    began = time.perf_counter()
    made = len(generate(ids, count + 1)) - 1
    seconds = time.perf_counter() - began - prefill(ids)["seconds"]
    if made < count // 2:
        raise RuntimeError(f"the turn ended after {made} ids")
    return {"seconds": seconds, "count": made}


def mean_loss(ids: list[int]) -> dict:
    from published_parity import mean_loss as loss_of

    rows = torch.tensor([ids])
    with torch.no_grad():
        return {"loss": loss_of(model.logits(rows), rows)}


def gaps(ids: list[int], answer: list[int]) -> dict:
    with torch.no_grad():
        logits = model.logits(torch.tensor([ids + answer[:-1]]))[0, -len(answer) :]
    return gaps_of(logits.numpy(), answer)


if __name__ == "__main__" and len(sys.argv) > 1:
    quantize(*sys.argv[1:])
elif __name__ == "__main__":
    serve({"load": load, "text_ids": text_ids, "greedy": greedy, "decode": decode,
           "prefill": prefill, "mean_loss": mean_loss, "gaps": gaps})  # fmt: skip
