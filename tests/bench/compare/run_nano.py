# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-nano at work: an answer about a picture, a drawing, speech."""

import time

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, serve

import omni

model = None
QUESTION = "무엇이 보이나요?"


def load() -> dict[str, float]:
    def run() -> None:
        global model
        model = omni.load()

    torch.set_num_threads(NUM_THREADS)
    return loaded(run)


def spent(*parts, **options) -> tuple[float, omni.Reply]:
    chat = omni.Chat(model)
    began = time.perf_counter()
    reply = chat.send(*parts, **options)
    return time.perf_counter() - began, reply


def picture_answer() -> dict:
    picture = omni.read_image(sorted((ROOT / "examples" / "media").glob("*.png"))[0])
    seconds, reply = spent(picture, QUESTION, seed=0)
    return {"seconds": seconds, "note": reply.text}


def drawing() -> dict:
    seconds, reply = spent("그려 줘: 빨간 원", modalities=["image"], seed=0)
    assert reply.images
    return {"seconds": seconds, "note": f"{reply.images[0].width} pixels a side"}


def speech() -> dict:
    seconds, reply = spent("안녕?", modalities=["speech"], seed=0)
    sound = reply.speech.duration_seconds
    return {"seconds": seconds / sound, "note": f"of {sound:.2f} s"}


if __name__ == "__main__":
    serve({"load": load, "picture_answer": picture_answer, "drawing": drawing,
           "speech": speech})  # fmt: skip
