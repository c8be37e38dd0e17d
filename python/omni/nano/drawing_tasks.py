# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tasks that are answered by a picture, and the image codec by itself."""

import io
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

import omni

from .recipe import Sample, script
from .scoring import Row, half_width, share
from .speaker import Speaker, image_levels, without_media

READER = "rule-based scene reader"
DRAWING = "drawing from a description"
EDITING = "changing a picture as asked"


def true_picture(sample: Sample) -> Image.Image:
    """The picture that the sample's answer shows."""
    part = sample.turns()[-1][1][-1]
    return Image.open(io.BytesIO(sample.files[part["file"]])).convert("RGB")


def pictures_of(
    speaker: Speaker, samples: Sequence[Sample], *, is_blind: bool = False
) -> list[Image.Image]:
    """What the model draws; a blank picture where it draws none."""
    drawn = []
    for index, sample in enumerate(samples):
        speaker.begin()
        change = without_media if is_blind else None
        asked = sample.turns()[0][0]
        reply = speaker.ask_parts(sample, asked, change=change, modalities=["image"], seed=index)
        if reply is None or not reply.images:
            drawn.append(Image.new("RGB", (64, 64), "white"))
        else:
            picture = Image.fromarray(image_levels(reply.images[0]))
            drawn.append(picture.resize((64, 64)))  # the reader's size, and omni-nano's
    return drawn


def evaluate_drawing(speaker: Speaker, sets: dict[str, list[Sample]]) -> list[Row]:
    """Drawings by what they show. `another's`: the same drawings, each judged by the
    next sample's description: what a picture gets that does not follow its words.
    `majority`: one and the same picture for all, the best there is."""
    reader = script("scene_reader")
    whole = Row(DRAWING, "shapes, colours and places all right", READER)
    single = Row(DRAWING, "one thing: shape and colour right", READER, target="≥ 80 %")
    for split, samples in sets.items():
        wanted = [reader.reading_of(sample.facts) for sample in samples]
        drawn = pictures_of(speaker, samples)
        truth = [true_picture(sample) for sample in samples]
        verdicts, shifted, true_verdicts = (
            [reader.judge_drawing(p, w) for p, w in zip(group, those, strict=True)]
            for group, those in (
                (drawn, wanted),
                (drawn, wanted[1:] + wanted[:1]),
                (truth, wanted),
            )
        )
        whole.add(
            split, share(v.all_right for v in verdicts), len(verdicts),
            {"another's": share(v.all_right for v in shifted),
             "majority": _most_frequent([_placed(w) for w in wanted]),
             "true media": share(v.all_right for v in true_verdicts)},
        )  # fmt: skip
        names = ("count", "cells", "shapes", "colours", "sizes", "background")
        whole.details[split] = {n: share(getattr(v, n) for v in verdicts) for n in names}
        ones = [i for i, w in enumerate(wanted) if len(w.things) == 1]
        if ones:
            single.add(
                split, share(_is_it(verdicts[i]) for i in ones), len(ones),
                {"another's": share(_is_it(shifted[i]) for i in ones),
                 "majority": _most_frequent([_pair(wanted[i]) for i in ones]),
                 "true media": share(_is_it(true_verdicts[i]) for i in ones)},
            )  # fmt: skip
            value = single.values[split]
            single.details[split] = {"half_width_95": half_width(value, len(ones))}
    return [single, whole]


def _placed(wanted: Any) -> Hashable:
    return frozenset((t.shape, t.colour, t.cell) for t in wanted.things)


def _pair(wanted: Any) -> Hashable:
    return wanted.things[0].shape, wanted.things[0].colour


def _most_frequent(looks: Sequence[Hashable]) -> float:
    """Share of the most frequent one."""
    return Counter(looks).most_common(1)[0][1] / len(looks)


def _is_it(verdict: Any) -> bool:
    """One thing, and nothing else, of the right shape and colour."""
    return bool(verdict.count and verdict.shapes and verdict.colours)


def evaluate_editing(speaker: Speaker, sets: dict[str, list[Sample]]) -> list[Row]:
    """Changes done, all else left. `unchanged`: giving the picture back."""
    reader = script("scene_reader")
    done = Row(EDITING, "change done and all else left", READER)
    change = Row(EDITING, "change done", READER)
    kept = Row(EDITING, "other cells left as they were", READER)
    for split, samples in sets.items():
        pairs = [
            tuple(reader.reading_of(s.facts[when]) for when in ("before", "after")) for s in samples
        ]
        given = [Image.open(io.BytesIO(s.files["0.png"])).convert("RGB") for s in samples]
        groups = {
            "": pictures_of(speaker, samples),
            "blind": pictures_of(speaker, samples, is_blind=True),
            "unchanged": given,
            "true media": [true_picture(sample) for sample in samples],
        }
        verdicts = {
            name: [reader.judge_edit(p, *pair) for p, pair in zip(group, pairs, strict=True)]
            for name, group in groups.items()
        }
        scores: tuple[tuple[Row, Callable[[list[Any]], float]], ...] = (
            (done, lambda vs: share(v.is_done and v.kept == 1.0 for v in vs)),
            (change, lambda vs: share(v.is_done for v in vs)),
            (kept, lambda vs: float(np.mean([v.kept for v in vs]))),
        )
        for row, score in scores:
            others = {name: score(vs) for name, vs in verdicts.items() if name}
            row.add(split, score(verdicts[""]), len(samples), others)
        kinds = sorted({sample.facts["kind"] for sample in samples})
        done.details[split] = {
            kind: share(
                v.is_done and v.kept == 1.0
                for v, s in zip(verdicts[""], samples, strict=True)
                if s.facts["kind"] == kind
            )
            for kind in kinds
        }
    return [done, change, kept]


def through_codec(model: omni.OmniModel, picture: Image.Image) -> tuple[Image.Image, float]:
    """A picture to codes and back, and how near it is: PSNR in dB."""
    pixels = model.codec_pixels(omni.Image(np.array(picture)))[None].to(model.dtype)
    with torch.inference_mode():
        back = model.image_codec.decode(model.image_codec.encode(pixels)).float()
    levels = ((back[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    got = levels.permute(1, 2, 0).contiguous().numpy()
    true = np.array(picture.resize((got.shape[1], got.shape[0])), dtype=np.float64)
    error = float(np.square(got - true).mean())
    return Image.fromarray(got).resize(picture.size), 10 * math.log10(255**2 / max(error, 1e-2))


def evaluate_image_codec(model: omni.OmniModel, sets: dict[str, list[Sample]]) -> list[Row]:
    """Of true drawings, to codes and back."""
    reader = script("scene_reader")
    near = Row("image codec", "PSNR of drawings, to 64 codes and back", "pixels", unit="dB")
    read = Row("image codec", "drawings still read right from their codes", READER)
    for split, samples in sets.items():
        results = [through_codec(model, true_picture(sample)) for sample in samples]
        near.add(split, float(np.mean([psnr for _, psnr in results])), len(samples))
        verdicts = [
            reader.judge_drawing(picture, reader.reading_of(sample.facts))
            for (picture, _), sample in zip(results, samples, strict=True)
        ]
        true = [reader.judge_drawing(true_picture(s), reader.reading_of(s.facts)) for s in samples]
        value, bound = share(v.all_right for v in verdicts), share(v.all_right for v in true)
        read.add(split, value, len(samples), {"true media": bound})
    return [near, read]
