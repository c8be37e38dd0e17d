# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The engine transformers: a checkpoint folder, eager or compiled; float32 is what every
engine's answers are judged by.

Eager grows its cache as it goes; compiled uses a cache of fixed size and weights packed
beforehand (inductor's freezing), each the faster way of its kind."""

import time

import torch
from answer_gaps import gaps_of
from engine_pipe import NUM_THREADS, loaded, serve
from transformers import AutoModelForCausalLM, DynamicCache, StaticCache

CONTEXT = 1024  # ids that timed work needs at most
DTYPES = {"bf16": torch.bfloat16, "float32": torch.float32}
model = None
forward = None
static = None  # the cache of the compiled model


def load(path: str, format_name: str, is_compiled: bool = False) -> dict[str, float]:
    def run() -> None:
        global model, forward, static
        model = AutoModelForCausalLM.from_pretrained(path, dtype=DTYPES[format_name]).eval()
        forward = model.forward
        if is_compiled:
            from torch._inductor import config

            config.freezing = True
            forward = torch.compile(model.forward, dynamic=False)
            settings = model.config
            static = StaticCache(config=settings, max_cache_len=CONTEXT)
            # Else the first use makes it, and the second is compiled once more without that.
            static.early_initialization(
                1, settings.num_key_value_heads, model.model.layers[0].self_attn.head_dim,
                model.dtype, model.device,
            )  # fmt: skip

    torch.set_num_threads(NUM_THREADS)
    torch.set_grad_enabled(False)
    return loaded(run)


def fresh_cache():
    if static is None:
        return DynamicCache(config=model.config)
    static.reset()
    return static


def step(ids: torch.Tensor, cache) -> torch.Tensor:
    return forward(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=1).logits


def follow(ids: list[int], count: int) -> tuple[list[int], float]:
    """`count` greedy ids after `ids`, and the seconds of all but the first of them."""
    cache = fresh_cache()
    last = step(torch.tensor([ids]), cache)[:, -1].argmax(-1, keepdim=True)
    made = [last]
    began = time.perf_counter()
    for _ in range(count - 1):
        last = step(last, cache)[:, -1].argmax(-1, keepdim=True)
        made.append(last)
    seconds = time.perf_counter() - began
    return torch.cat(made, 1)[0].tolist(), seconds


def greedy(ids: list[int], count: int) -> dict:
    return {"ids": follow(ids, count)[0]}


def decode(ids: list[int], count: int) -> dict:
    return {"seconds": follow(ids, count + 1)[1], "count": count}


def prefill(ids: list[int]) -> dict:
    rows, cache = torch.tensor([ids]), fresh_cache()
    began = time.perf_counter()
    step(rows, cache).argmax(-1)
    return {"seconds": time.perf_counter() - began, "count": len(ids)}


def mean_loss(ids: list[int]) -> dict:
    rows = torch.tensor([ids])
    logits = model(rows).logits[0, :-1].float()
    return {"loss": torch.nn.functional.cross_entropy(logits, rows[0, 1:]).item()}


def gaps(ids: list[int], answer: list[int]) -> dict:
    rows = torch.tensor([ids + answer[:-1]])
    logits = model(rows, logits_to_keep=len(answer)).logits[0].float()
    return gaps_of(logits.numpy(), answer)


if __name__ == "__main__":
    serve({"load": load, "greedy": greedy, "decode": decode, "prefill": prefill,
           "mean_loss": mean_loss, "gaps": gaps})  # fmt: skip
