# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-nano at work: an answer about a picture, a drawing, speech. And the loss of answers
with its weights in another format."""

import functools
import time

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, serve

import omni
from omni.nano.recipe import find_recipe, script

model = None
QUESTION = "무엇이 보이나요?"
# Of small talk, in wording and about topics that training leaves out.
SPLITS, NUM_SAMPLES = ("heldout", "phrasing"), 150


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


@functools.cache
def answers() -> list[tuple[list[int], list[int]]]:
    """Ids of prompts and of their answers; of samples without media, the same each time."""
    find_recipe(ROOT / "examples" / "nano")
    make = script("chat").make_chat
    samples = [make(0, split, i) for split in SPLITS for i in range(NUM_SAMPLES)]
    made = []
    for sample in samples:
        if not sample.files:
            asked, answered = (message["content"][0]["text"] for message in sample.messages)
            prompt = model.compose([{"role": "user", "content": asked}]).tolist()
            made.append((prompt, [*model.tokenizer.encode(answered), model.eos_ids[0]]))
    return made


def answer_loss(format_name: str) -> dict:
    """The mean over the ids of all answers."""
    of_format = omni.load(dtype=torch.bfloat16)
    if format_name != "bf16":
        of_format = omni.quantize(of_format, format_name)
    total = count = 0
    for prompt, answer in answers():
        rows = torch.tensor([prompt + answer])
        with torch.no_grad():
            logits = of_format.logits(rows)[0, len(prompt) - 1 : -1].double()
        total += torch.nn.functional.cross_entropy(
            logits, torch.tensor(answer), reduction="sum"
        ).item()
        count += len(answer)
    return {"loss": total / count, "count": count}


if __name__ == "__main__":
    serve({"load": load, "picture_answer": picture_answer, "drawing": drawing,
           "speech": speech, "answer_loss": answer_loss})  # fmt: skip
