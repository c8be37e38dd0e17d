# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The engine OpenVINO GenAI on a GGUF file that it takes as it is."""

import numpy as np
import openvino
import openvino_genai
from engine_pipe import NUM_THREADS, loaded, serve

pipe = None


def load(path: str) -> dict[str, float]:
    def run() -> None:
        global pipe
        # By default a prompt seen before is not computed again.
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = False
        pipe = openvino_genai.LLMPipeline(
            path, "CPU", INFERENCE_NUM_THREADS=NUM_THREADS, scheduler_config=scheduler
        )

    return loaded(run)


def follow(ids: list[int], count: int) -> openvino_genai.EncodedResults:
    rows = np.array([ids], np.int64)
    inputs = openvino_genai.TokenizedInputs(
        openvino.Tensor(rows), openvino.Tensor(np.ones_like(rows))
    )
    settings = openvino_genai.GenerationConfig()
    settings.max_new_tokens, settings.do_sample, settings.ignore_eos = count, False, True
    return pipe.generate(inputs, settings)


def greedy(ids: list[int], count: int) -> dict:
    return {"ids": list(follow(ids, count).tokens[0])}


def decode(ids: list[int], count: int) -> dict:
    metrics = follow(ids, count + 1).perf_metrics
    return {"seconds": metrics.get_tpot().mean * count / 1e3, "count": count}


def prefill(ids: list[int]) -> dict:
    metrics = follow(ids, 1).perf_metrics
    return {"seconds": metrics.get_ttft().mean / 1e3, "count": len(ids)}


if __name__ == "__main__":
    serve({"load": load, "greedy": greedy, "decode": decode, "prefill": prefill})
