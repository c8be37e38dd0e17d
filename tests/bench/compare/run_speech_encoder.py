# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""30 s of sound through an encoder: Omni's conformer, its twin in plain PyTorch from the same
weights, and Whisper tiny.en in faster-whisper.

The last is another network. The conformer has the width, heads and layers of Whisper tiny and
two thirds of its arithmetic: a row for 4 frames and not for 2, two feed-forwards a layer and
a convolution, so it cannot hold Whisper's weights. What is compared is how fast either does
its own, in operations a second (products of matrices, convolutions, attention)."""

import subprocess
import sys
import time
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, serve
from safetensors.torch import load_file, save_file

FOLDER = ROOT / "build" / "bench" / "weights" / "conformer"
WIDTH, LAYERS, HEADS, INNER, MELS, FRAMES, KERNEL = 384, 4, 6, 1536, 80, 3000, 15
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
run = None  # rows of what the engine is given


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


def sound() -> torch.Tensor:
    """Log-mel frames [1, T, M], about as they are of speech."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, FRAMES, MELS, generator=generator) * 2.5 - 4.0


def write_folder() -> None:
    """Random weights, rounded to bf16; biases and norms too, that none is left out unseen. By
    another process than those that are measured."""
    import omni

    torch.manual_seed(0)
    encoder = {
        "num_mels": MELS, "width": WIDTH, "num_layers": LAYERS, "num_heads": HEADS,
        "feed_forward_width": INNER, "kernel_size": KERNEL, "num_ctc_labels": 0,
    }  # fmt: skip
    projector = {"input_width": WIDTH, "output_width": 32}
    audio = {"processor": {"num_mels": MELS}, "encoder": encoder, "projector": projector}
    model = omni.OmniModel({"name": "conformer", "audio": audio})
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.to(torch.bfloat16).save(FOLDER)


def load_omni(format_name: str) -> None:
    global run
    import omni

    model = omni.load(FOLDER, dtype=DTYPES[format_name])
    mel, lengths = sound(), torch.tensor([FRAMES])
    run = lambda: model.conformer(mel, lengths)[0][0]  # noqa: E731


def load_twin() -> None:
    global run
    from conformer_twin import ConformerTwin

    read = load_file(FOLDER / "model.safetensors")
    weights = {
        name.removeprefix("conformer."): value
        for name, value in read.items()
        if name.startswith("conformer.")
    }
    twin = ConformerTwin(weights, LAYERS, HEADS)
    mel = sound()[0]
    run = lambda: twin(mel)  # noqa: E731


def load_whisper(folder: str, format_name: str) -> None:
    global run
    import numpy as np
    from faster_whisper import WhisperModel

    model = WhisperModel(folder, device="cpu", compute_type=format_name, cpu_threads=NUM_THREADS)
    mel = np.random.default_rng(0).standard_normal((1, MELS, FRAMES), np.float32)
    # Copied: it has finished.
    run = lambda: torch.from_numpy(np.array(model.encode(mel)))  # noqa: E731


def load(engine: str, format_name: str, folder: str = "") -> dict[str, float]:
    global operations
    torch.set_num_threads(NUM_THREADS)
    torch.set_grad_enabled(False)
    if engine == "faster-whisper":
        operations = operations_of_whisper()
        return loaded(lambda: load_whisper(folder, format_name))
    if not (FOLDER / "config.json").exists():
        subprocess.run([sys.executable, __file__, "write"], check=True)
    operations = operations_of_conformer()
    return loaded(load_twin if engine == "eager" else lambda: load_omni(format_name))


def answer(path: str) -> dict:
    """Writes the rows, for others to be compared with."""
    save_file({"rows": run().float().contiguous()}, Path(path))
    return {}


def encode() -> dict:
    began = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - began, "count": operations / 1e9}


if sys.argv[1:] == ["write"]:
    write_folder()
elif __name__ == "__main__":
    serve({"load": load, "answer": answer, "encode": encode,
           "operations": lambda: {"operations": operations}})  # fmt: skip
