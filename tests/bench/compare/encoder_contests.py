# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Encoders: a vision tower of 0.4e9 weights, and 30 s of sound."""

import sys
from collections.abc import Iterator

from bfloat16_speed import IS_BFLOAT16_FAST
from contest import Contest, Contestant, Target
from engine_pipe import ROOT
from machine_limits import of_products
from published_weights import FOLDER, WHISPER, member_of
from safetensors.torch import load_file

ANSWERS = ROOT / "build" / "bench" / "answers"
CONFORMER = "Omni conformer"
# Of rows, by the norm of what they should be. Rows in float32 are those of another order of
# sums; those of bf16 and int8 are rounded.
MOST_APART = {"float32": 1e-4, "bf16": 0.05, "bfloat16": 0.05, "int8": 0.1}
OF_BFLOAT16 = dict.fromkeys(MOST_APART, 0.05)  # where the first is in bf16


def compare_answers(
    contestants: list[Contestant], most_apart: dict[str, float], **arguments
) -> None:
    """All rows beside those of the first, by the norm of the difference over its norm; how
    far they may be apart by format."""
    ANSWERS.mkdir(parents=True, exist_ok=True)
    wanted = None
    for one in contestants:
        path = ANSWERS / "rows.safetensors"
        of_one = {"engine": one.load["engine"]} if arguments else {}
        got = one.ask("answer", **{"to" if arguments else "path": str(path)}, **of_one, **arguments)
        one.note_memory()
        if got is None:
            continue
        rows = load_file(path)["rows"]
        if wanted is None:
            wanted, one.check = rows, "what others are compared with"
        elif rows.shape != wanted.shape:
            one.is_right, one.check = False, f"WRONG: {list(rows.shape)}, not {list(wanted.shape)}"
        else:
            apart = ((rows - wanted).norm() / wanted.norm()).item()
            one.is_right = apart <= most_apart[one.format_name]
            one.check = f"{apart:.1g} apart{'' if one.is_right else ': WRONG'}"


def vision_contest(limits: dict[str, float], missing: dict[str, str]) -> Iterator[Contest]:
    ours = Contestant("Omni bf16", "run_vit.py", {"engine": "omni"}, "bf16", python=sys.executable)
    quantized = Contestant(
        "Omni int8", "run_vit.py", {"engine": "omni int8"}, "int8", python=sys.executable
    )
    peers = [
        Contestant(f"transformers bf16 {kind}", "run_vit.py", {"engine": kind}, "bf16",
                   needs="transformers", rival="Omni bf16")
        for kind in ("eager", "compiled")
    ]  # fmt: skip
    everyone = [ours, quantized, *peers]
    if not IS_BFLOAT16_FAST:
        everyone.append(
            Contestant("transformers float32 eager", "run_vit.py", {"engine": "float32 eager"},
                       "float32", needs="transformers", rival="Omni bf16")
        )  # fmt: skip
    try:
        for one in everyone:
            one.start(missing)
        compare_answers(everyone, OF_BFLOAT16)
        work = ours.ask("operations")
        yield Contest(
            "vit", "vision tower of 0.4e9 weights, 1024 patches", "pictures/s", "encode", {},
            everyone,
            tuple(
                Target(one.name, (peer.name,), factor)
                for one in (ours, quantized)
                for peer, factor in zip(peers, (1.5, 1.05), strict=True)
            ),
            (lambda one: of_products(limits, one.format_name, work["operations"]))
            if work else None,
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()


def whisper_folder() -> str:
    """What faster-whisper reads of the package that carries Whisper tiny.en."""
    package = WHISPER[0]
    files = ("config.json", "vocabulary.txt", "tokenizer.json", "model.bin")
    return str([member_of(package, name, FOLDER) for name in files][0].parent)


def what_is_compared(one: Contestant, billions: float) -> str:
    """Rates of arithmetic stand beside each other, not the same work."""
    text = f"{billions:.1f} Gop a run"
    if not one.name.startswith("faster-whisper"):
        return f"{text} of a conformer, which cannot hold Whisper's weights"
    is_like = one.rival.endswith({"bfloat16": "bf16"}.get(one.format_name, one.format_name))
    return f"{text} of Whisper's encoder{'' if is_like else ', at another precision than ours'}"


def sound_contestants() -> tuple[list[Contestant], list[Contestant]]:
    """Of the conformer, its twin first; of Whisper's encoder."""

    def of(name: str, format_name: str, load: dict[str, str], **settings) -> Contestant:
        load = {"format_name": format_name, **load}
        return Contestant(
            f"{name} {format_name}", "run_speech_encoder.py", load, format_name, **settings
        )

    here = {"python": sys.executable}
    twin = of("PyTorch eager", "float32", {"engine": "eager"}, rival=f"{CONFORMER} float32", **here)
    ours = [of(CONFORMER, name, {"engine": "omni"}, **here) for name in ("float32", "bf16")]
    whisper = {"engine": "faster-whisper", "folder": whisper_folder()}
    peers = [
        of("faster-whisper", name, whisper, needs="faster-whisper", rival=f"{CONFORMER} {rival}")
        for name, rival in (("float32", "float32"), ("bfloat16", "bf16"), ("int8", "bf16"))
    ]
    return [twin, *ours], peers


def sound_contest(limits: dict[str, float], missing: dict[str, str]) -> Iterator[Contest]:
    conformers, whispers = sound_contestants()
    everyone = [*conformers[1:], conformers[0], *whispers]
    work: dict[str, float] = {}
    try:
        for one in everyone:
            one.start(missing)
            if got := one.ask("operations"):
                work[one.name] = got["operations"]
        compare_answers(conformers, MOST_APART)
        compare_answers(whispers, MOST_APART)
        for one in everyone:
            if one.name in work:
                one.check += f"; {what_is_compared(one, work[one.name] / 1e9)}"
        yield Contest(
            "sound", "encode of 30 s of sound, Whisper tiny's width and depth", "Gop/s",
            "encode", {}, everyone,
            (
                Target(f"{CONFORMER} float32", ("faster-whisper float32",), 1.1),
                Target(f"{CONFORMER} bf16", ("faster-whisper bfloat16",), 1.1),
            ),
            lambda one: of_products(
                limits, {"bfloat16": "bf16"}.get(one.format_name, one.format_name), 1e9
            ),
            shows_seconds=True,
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()
