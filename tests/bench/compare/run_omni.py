# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The engine Omni, as a user of the Python package runs a language model."""

import shutil
import sys
import time
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, serve

import omni

sys.path.append(str(Path(__file__).resolve().parents[1]))
DTYPES = {"bf16": torch.bfloat16, "float32": torch.float32}
model = None


def quantized(path: str, format_name: str) -> Path:
    """A folder beside the other weights with these in another format, made anew."""
    if not hasattr(omni, "quantize"):
        raise NotImplementedError("omni.quantize is missing")
    saved = ROOT / "build" / "bench" / "weights" / f"omni-{Path(path).name}-{format_name}"
    shutil.rmtree(saved, ignore_errors=True)
    omni.quantize(omni.load(path, dtype=torch.bfloat16), format_name).save(saved)
    return saved


def load(path: str, format_name: str) -> dict[str, float]:
    torch.set_num_threads(NUM_THREADS)
    dtype = DTYPES.get(format_name)
    folder = path if dtype else quantized(path, format_name)

    def run() -> None:
        global model
        model = omni.load(folder, dtype=dtype) if dtype else omni.load(folder)

    return loaded(run)


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
    """The time of `count` ids more than one: prefill and set-up fall out."""
    first = prefill(ids)["seconds"]
    began = time.perf_counter()
    made = len(generate(ids, count + 1)) - 1
    seconds = time.perf_counter() - began - first
    if made < count // 2:
        raise RuntimeError(f"the turn ended after {made} ids")
    return {"seconds": seconds, "count": made}


def mean_loss(ids: list[int]) -> dict:
    from published_parity import mean_loss as loss_of

    rows = torch.tensor([ids])
    with torch.no_grad():
        return {"loss": loss_of(model.logits(rows), rows)}


if __name__ == "__main__":
    serve({"load": load, "text_ids": text_ids, "greedy": greedy, "decode": decode,
           "prefill": prefill, "mean_loss": mean_loss})  # fmt: skip
