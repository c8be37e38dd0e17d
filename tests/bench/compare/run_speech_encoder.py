# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""30 s of sound through an encoder: Omni's conformer, and Whisper tiny.en in faster-whisper.

They are not one network. The conformer has the width, heads and layers of Whisper tiny and
two thirds of its arithmetic: a row for 4 frames and not for 2, two feed-forwards a layer and
a convolution, so it cannot hold Whisper's weights. What is compared is how fast either does
its own, in operations a second (products of matrices, convolutions, attention)."""

import time

import torch
from engine_pipe import NUM_THREADS, loaded, serve

WIDTH, LAYERS, HEADS, INNER, MELS, FRAMES, KERNEL = 384, 4, 6, 1536, 80, 3000, 15
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
run = None


def operations_of_conformer() -> float:
    rows = FRAMES // 4
    block = 4 * WIDTH * INNER + 4 * WIDTH**2 + 3 * WIDTH**2 + KERNEL * WIDTH
    stem = FRAMES // 2 * MELS * 2 * WIDTH * 3 + rows * 2 * WIDTH * WIDTH * 3
    return 2.0 * (LAYERS * rows * block + stem) + 4.0 * LAYERS * rows**2 * WIDTH


def operations_of_whisper() -> float:
    rows = FRAMES // 2
    block = 2 * WIDTH * INNER + 4 * WIDTH**2
    stem = FRAMES * MELS * WIDTH * 3 + rows * WIDTH * WIDTH * 3
    return 2.0 * (LAYERS * rows * block + stem) + 4.0 * LAYERS * rows**2 * WIDTH


def load_omni(format_name: str) -> None:
    global run
    import omni

    torch.manual_seed(0)
    encoder = {
        "num_mels": MELS, "width": WIDTH, "num_layers": LAYERS, "num_heads": HEADS,
        "feed_forward_width": INNER, "kernel_size": KERNEL, "num_ctc_labels": 0,
    }  # fmt: skip
    projector = {"input_width": WIDTH, "output_width": 32}
    audio = {"processor": {"num_mels": MELS}, "encoder": encoder, "projector": projector}
    model = omni.OmniModel({"name": "conformer", "audio": audio}).to(DTYPES[format_name])
    mel, lengths = torch.randn(1, FRAMES, MELS), torch.tensor([FRAMES])
    run = lambda: model.conformer(mel, lengths)  # noqa: E731


def load_whisper(folder: str, format_name: str) -> None:
    global run
    import numpy as np
    from faster_whisper import WhisperModel

    model = WhisperModel(folder, device="cpu", compute_type=format_name, cpu_threads=NUM_THREADS)
    mel = np.random.default_rng(0).standard_normal((1, MELS, FRAMES), np.float32)
    run = lambda: np.array(model.encode(mel)).shape  # noqa: E731 (copied: it has finished)


def load(engine: str, format_name: str, folder: str = "") -> dict[str, float]:
    global operations
    torch.set_num_threads(NUM_THREADS)
    torch.set_grad_enabled(False)
    if engine == "omni":
        operations = operations_of_conformer()
        return loaded(lambda: load_omni(format_name))
    operations = operations_of_whisper()
    return loaded(lambda: load_whisper(folder, format_name))


def encode() -> dict:
    began = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - began, "count": operations / 1e9}


if __name__ == "__main__":
    serve({"load": load, "encode": encode,
           "operations": lambda: {"operations": operations}})  # fmt: skip
