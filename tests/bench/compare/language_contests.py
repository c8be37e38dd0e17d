# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Language models: decode and prefill of SmolLM2-135M, decode of a llama of 1.1e9 weights.

Every engine first answers for its arithmetic. Its mean loss on this project's own texts has
to be that of transformers in float32, and its greedy ids have to be what that finds most
likely, both within what the weights' format allows; and what it finds most likely itself when
it sees them all at once, in any format."""

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bfloat16_speed import IS_BFLOAT16_FAST
from contest import Contest, Contestant, Figures, Target
from language_folders import BITS_PER_WEIGHT, LanguageFolder, big_folder, small_folder
from machine_limits import Limit, of_products, of_reading
from memory_figures import memory_figures
from perplexities import has_loss, perplexities

OURS = sys.executable
LLAMA_CPP = "llama-cpp-python"


@dataclass(frozen=True)
class Allowed:
    """What an engine may be off for the format of its weights alone."""

    loss: float  # nats, the mean over a text
    worst_gap: float  # of a greedy id below the most likely one, in sd of the logits
    mean_gap: float  # of all greedy ids, in nats


ROUNDED = Allowed(0.01, 0.1, 0.02)
IN_8_BITS = Allowed(0.02, 0.2, 0.05)
IN_4_BITS = Allowed(0.05, 0.5, 0.1)
# A loss of 0.05 is the 5 % of perplexity that int4 may cost. Without a minimum in each group,
# as in Q4_0 and in what Q4_K falls back to for rows like SmolLM2's, 4 bits cost more.
ALLOWED = {
    "float32": Allowed(0.001, 0.01, 0.001),
    "bf16": ROUNDED, "BF16": ROUNDED, "F16": ROUNDED,
    "int8": IN_8_BITS, "Q8_0": IN_8_BITS,
    "int4": IN_4_BITS, "Q4_1": IN_4_BITS,
    "Q4_K": Allowed(0.2, 0.5, 0.2),
    "Q4_0": Allowed(0.5, 1.0, 0.5),
}  # fmt: skip
# Random weights prefer no id by much: those of 4 bits prefer others. What they decode is held
# to themselves alone.
ALLOWED_OF_RANDOM = ALLOWED | dict.fromkeys(("int4", "Q4_0"), Allowed(0.3, math.inf, math.inf))
MOST_OF_OWN = 0.2  # below its own most likely id, in sd of the logits
NUM_CHECKED = 24  # greedy ids
# Of an entry of the cache, where it is not 16.
CACHE_BITS = {"run_openvino.py": 8}
NUM_LOSS = 512  # ids


def omni_of(folder: LanguageFolder, format_name: str) -> Contestant:
    load = {"path": str(folder.path), "format_name": format_name}
    return Contestant(f"Omni {format_name}", "run_omni.py", load, format_name, python=OURS)


def llama_cpp_of(folder: LanguageFolder, format_name: str, rival: str) -> Contestant:
    made = Contestant(
        f"llama.cpp {format_name}", "run_llama_cpp.py", {}, format_name, needs=LLAMA_CPP,
        rival=rival,
    )  # fmt: skip
    try:
        made.load = {"path": str(folder.gguf(format_name))}
    except OSError as error:
        made.reason = str(error)
    return made


def transformers_of(folder: LanguageFolder) -> list[Contestant]:
    """Eager and compiled in bf16, and eager in float32 where that is faster."""

    def of(format_name: str, is_compiled: bool) -> Contestant:
        name = f"transformers {format_name} {'compiled' if is_compiled else 'eager'}"
        load = {
            "path": str(folder.path), "format_name": format_name, "is_compiled": is_compiled,
        }  # fmt: skip
        return Contestant(
            name, "run_transformers.py", load, format_name, needs="transformers",
            rival="Omni bf16",
        )  # fmt: skip

    made = [of("bf16", False), of("bf16", True)]
    return made if IS_BFLOAT16_FAST else [*made, of("float32", False)]


def openvino_of(folder: LanguageFolder, format_name: str, rival: str) -> Contestant:
    made = llama_cpp_of(folder, format_name, rival)
    made.name, made.program = f"OpenVINO {format_name}", "run_openvino.py"
    made.needs = made.needs if made.reason else "openvino-genai"
    return made


def reference_of(folder: LanguageFolder) -> Contestant:
    load = {"path": str(folder.path), "format_name": "float32"}
    return Contestant("transformers float32", "run_transformers.py", load, "float32")


def check(
    contestants: list[Contestant],
    reference: Contestant,
    ids: list[int],
    loss_ids: list[int],
    allowed: dict[str, Allowed],
) -> None:
    """Starts the reference, judges every contestant by it, ends it. Says as well how many
    ids are those of the first contestant, before one differs."""
    reference.start({})
    wanted = reference.ask("mean_loss", ids=loss_ids)
    first = None
    for one in contestants:
        answer = one.ask("greedy", ids=ids, count=NUM_CHECKED)
        one.note_memory()  # of a model that has answered; what checks take is left out
        if answer is None:
            continue
        if wanted is None:
            one.check, one.is_right = f"no reference: {reference.reason}", False
            continue
        made = answer["ids"]
        gaps = reference.ask("gaps", ids=ids, answer=made)
        own = one.ask("gaps", ids=ids, answer=made) if has_loss(one) else None
        loss = one.ask("mean_loss", ids=loss_ids) if has_loss(one) else None
        off = abs(loss["loss"] - wanted["loss"]) if loss else 0.0
        one.is_right = is_allowed(allowed[one.format_name], off, gaps, own)
        first = first or made
        of_loss = f"loss {off:.4f} off, " if loss else ""
        of_own = f", {own['worst']:.2f} sd by itself" if own else ""
        one.check = (
            f"{of_loss}greedy {gaps['worst']:.2f} sd below, "
            f"{gaps['mean']:.3f} nats in the mean{of_own}; "
            f"{num_equal(first, made)} of {len(first)} ids as the first's"
            f"{'' if one.is_right else ': WRONG'}"
        )
    reference.stop()


def is_allowed(
    most: Allowed, off: float, gaps: dict[str, float], own: dict[str, float] | None
) -> bool:
    return (
        off <= most.loss
        and gaps["worst"] <= most.worst_gap
        and gaps["mean"] <= most.mean_gap
        and (own is None or own["worst"] <= MOST_OF_OWN)
    )


def arithmetic_of(format_name: str) -> str:
    """Whose limit of operations holds for products of such weights."""
    return {32.0: "float32", 16.0: "bf16"}.get(BITS_PER_WEIGHT[format_name], "int8")


def reading_limit(
    limits: dict[str, float], folder: LanguageFolder, context: float
) -> Callable[[Contestant], Limit]:
    def limit(one: Contestant) -> Limit:
        cache_bits = 32 if one.format_name == "float32" else CACHE_BITS.get(one.program, 16)
        return of_reading(limits, folder.decode_bytes(one.format_name, context, cache_bits))

    return limit


def num_equal(first: list[int], second: list[int]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def small_contests(
    wanted: set[str], is_quick: bool, limits: dict[str, float], missing: dict[str, str]
) -> Iterator[Contest | Figures]:
    """Those of SmolLM2 that are `wanted`; each is to be run before the next is asked for."""
    folder = small_folder()
    ours = [omni_of(folder, name) for name in ("bf16", "int8", "int4")]
    peers = [
        llama_cpp_of(folder, "BF16", "Omni bf16"),
        llama_cpp_of(folder, "Q8_0", "Omni int8"),
        *(llama_cpp_of(folder, name, "Omni int4") for name in ("Q4_0", "Q4_1", "Q4_K")),
        *transformers_of(folder),
        openvino_of(folder, "F16", "Omni bf16"),
        openvino_of(folder, "Q8_0", "Omni int8"),
        openvino_of(folder, "Q4_0", "Omni int4"),
    ]
    everyone = [*ours, *peers]
    try:
        for one in everyone:
            one.start(missing)
        text = ours[0].ask("text_ids")
        if text is None:
            raise SystemExit(f"[compare] expected Omni to run SmolLM2, got: {ours[0].reason}")
        ids = text["ids"][:512]
        check(everyone, reference_of(folder), ids, text["ids"][:NUM_LOSS], ALLOWED)
        yield memory_figures("memory", "SmolLM2-135M, memory at load / weights", ours)
        count = 16 if is_quick else 96
        if "decode" in wanted:
            yield Contest(
                "decode", "SmolLM2-135M, decode at 512", "ids/s", "decode",
                {"ids": ids, "count": count}, everyone,
                (
                    Target("Omni bf16", ("llama.cpp BF16",), 1.25),
                    Target("Omni int8", ("llama.cpp Q8_0",), 1.25),
                    Target("Omni int4", tuple(f"llama.cpp {n}" for n in ("Q4_0", "Q4_1", "Q4_K")),
                           1.25),
                ),
                reading_limit(limits, folder, len(ids) + count / 2), notes=folder.notes,
            )  # fmt: skip
        if "prefill" in wanted:
            yield Contest(
                "prefill", "SmolLM2-135M, prefill of 512", "ids/s", "prefill", {"ids": ids},
                everyone,
                (
                    Target("Omni bf16", ("llama.cpp BF16",), 1.35),
                    Target("Omni bf16", ("transformers bf16 eager", "transformers bf16 compiled"),
                           1.1),
                ),
                lambda one: of_products(
                    limits, arithmetic_of(one.format_name),
                    folder.prefill_operations(len(ids)) / len(ids),
                ),
                notes=folder.notes,
            )  # fmt: skip
        if "perplexity" in wanted:
            yield perplexities(everyone, text["ids"], folder.notes)
    finally:
        for one in everyone:
            one.stop()


def big_contests(
    is_quick: bool, limits: dict[str, float], missing: dict[str, str]
) -> Iterator[Contest | Figures]:
    folder = big_folder()
    ours = [omni_of(folder, "bf16"), omni_of(folder, "int4")]
    everyone = [
        *ours,
        llama_cpp_of(folder, "BF16", "Omni bf16"),
        llama_cpp_of(folder, "Q4_0", "Omni int4"),
    ]
    ids = [int(1 + (7919 * i * i + 104729 * i) % 31999) for i in range(128)]
    try:
        for one in everyone:
            one.start(missing)
        check(everyone, reference_of(folder), ids, ids, ALLOWED_OF_RANDOM)
        yield memory_figures(
            "big_memory", "a llama of 1.1e9 weights, memory at load / weights", ours
        )
        count = 8 if is_quick else 32
        yield Contest(
            "big", "a llama of 1.1e9 random weights, decode at 128", "ids/s", "decode",
            {"ids": ids, "count": count}, everyone,
            (
                Target("Omni bf16", ("llama.cpp BF16",), 1.05),
                Target("Omni int4", ("llama.cpp Q4_0",), 1.0),
            ),
            reading_limit(limits, folder, len(ids) + count / 2),
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()
