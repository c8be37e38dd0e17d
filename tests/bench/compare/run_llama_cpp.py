# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The engine llama.cpp: a GGUF file by the C functions of llama-cpp-python."""

import contextlib
import math
import time
from collections.abc import Iterator

import llama_cpp
import numpy as np
from answer_gaps import gaps_of
from engine_pipe import NUM_THREADS, loaded, serve

CONTEXT = 1024  # ids that timed work needs at most
model = None
vocab_size = 0
context = None


def new_context(length: int) -> int:
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = length
    settings.n_batch = settings.n_ubatch = min(length, 512)
    settings.n_threads = settings.n_threads_batch = NUM_THREADS
    settings.no_perf = True
    made = llama_cpp.llama_init_from_model(model, settings)
    if not made:
        raise MemoryError(f"no context of {length} ids")
    return made


def load(path: str) -> dict[str, float]:
    def run() -> None:
        global model, context, vocab_size
        llama_cpp.llama_backend_init()
        model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params()
        )
        if not model:
            raise OSError(f"llama.cpp does not take {path}")
        vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        context = new_context(CONTEXT)

    return loaded(run)


def feed(where: int, ids: list[int], begin: int, wants_all: bool = False) -> None:
    """Runs ids that stand from `begin` on; logits of the last, or of all."""
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, id_ in enumerate(ids):
        batch.token[i], batch.pos[i] = id_, begin + i
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        batch.logits[i] = wants_all or i == len(ids) - 1
    failure = llama_cpp.llama_decode(where, batch)
    llama_cpp.llama_batch_free(batch)
    if failure:
        raise RuntimeError(f"llama_decode ended with {failure}")


def logits(where: int, row: int = -1) -> np.ndarray:
    pointer = llama_cpp.llama_get_logits_ith(where, row)
    return np.ctypeslib.as_array(pointer, shape=(vocab_size,))


def forget(where: int) -> None:
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(where), True)


def follow(ids: list[int], count: int) -> tuple[list[int], float]:
    """`count` greedy ids after `ids`, and the seconds of all but the first of them."""
    forget(context)
    feed(context, ids, 0)
    made = [int(logits(context).argmax())]
    began = time.perf_counter()
    for position in range(len(ids), len(ids) + count - 1):
        feed(context, made[-1:], position)
        made.append(int(logits(context).argmax()))
    return made, time.perf_counter() - began


def greedy(ids: list[int], count: int) -> dict:
    return {"ids": follow(ids, count)[0]}


def decode(ids: list[int], count: int) -> dict:
    seconds = follow(ids, count + 1)[1]
    return {"seconds": seconds, "count": count}


def prefill(ids: list[int]) -> dict:
    forget(context)
    began = time.perf_counter()
    feed(context, ids, 0)
    logits(context).argmax()
    return {"seconds": time.perf_counter() - began, "count": len(ids)}


@contextlib.contextmanager
def context_of(length: int) -> Iterator[int]:
    made = new_context(length)
    try:
        yield made
    finally:
        llama_cpp.llama_free(made)


def mean_loss(ids: list[int]) -> dict:
    total = 0.0
    with context_of(len(ids)) as where:
        for begin in range(0, len(ids), 256):
            part = ids[begin : begin + 256]
            feed(where, part, begin, wants_all=True)
            for row, target in enumerate(ids[begin + 1 : begin + 1 + len(part)]):
                values = logits(where, row).astype(np.float64)
                highest = values.max()
                total += highest + math.log(np.exp(values - highest).sum()) - values[target]
    return {"loss": total / (len(ids) - 1)}


def gaps(ids: list[int], answer: list[int]) -> dict:
    with context_of(len(ids) + len(answer)) as where:
        feed(where, ids[:-1], 0)
        feed(where, [ids[-1], *answer[:-1]], len(ids) - 1, wants_all=True)
        rows = [logits(where, row).astype(np.float64) for row in range(len(answer))]
    return gaps_of(np.stack(rows), answer)


if __name__ == "__main__":
    serve({"load": load, "greedy": greedy, "decode": decode, "prefill": prefill,
           "mean_loss": mean_loss, "gaps": gaps})  # fmt: skip
