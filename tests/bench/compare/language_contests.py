# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Language models: decode and prefill of SmolLM2-135M, decode of a llama of 1.1e9 weights.

Every engine first answers for its arithmetic. Its mean loss on this project's own texts has
to be that of transformers in float32, and its greedy ids have to be what that finds most
likely, both within what the weights' format allows."""

import itertools
import math
import sys
from collections.abc import Iterator

from bfloat16_speed import IS_BFLOAT16_FAST
from contest import Contest, Contestant, Figure, Figures, Target
from language_folders import BITS_PER_WEIGHT, LanguageFolder, big_folder, small_folder
from memory_figures import memory_figures
from verdicts import at_most

OURS = sys.executable
LLAMA_CPP = "llama-cpp-python"
# By bits of a weight: how far the mean loss may be off in nats, and how far below the most
# likely id a greedy one may lie in standard deviations of the logits.
ALLOWED = {
    32.0: (0.001, 0.01),
    16.0: (0.01, 0.1),
    8.5: (0.02, 0.2),
    5.0: (0.3, math.inf),
    4.5: (0.3, math.inf),
}
NUM_CHECKED = 24  # greedy ids
NUM_LOSS = 512  # ids
# By which the perplexity of fewer bits may be above that of bf16, in percent.
MOST_PERPLEXITY = {"Omni int8": 0.5, "Omni int4": 5.0}


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
    contestants: list[Contestant], reference: Contestant, ids: list[int], loss_ids: list[int]
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
        gap = reference.ask("worst_gap", ids=ids, answer=answer["ids"])["gap"]
        loss = one.ask("mean_loss", ids=loss_ids) if has_loss(one) else None
        off = abs(loss["loss"] - wanted["loss"]) if loss else 0.0
        most_off, most_gap = ALLOWED[BITS_PER_WEIGHT[one.format_name]]
        one.is_right = off <= most_off and gap <= most_gap
        first = first or answer["ids"]
        of_loss = f"loss {off:.4f} off, " if loss else ""
        one.check = (
            f"{of_loss}greedy {gap:.2f} sd below, {num_equal(first, answer['ids'])} of "
            f"{len(first)} ids as the first's{'' if one.is_right else ': WRONG'}"
        )
    reference.stop()


def arithmetic_of(format_name: str) -> str:
    """Whose limit of operations holds for products of such weights."""
    return {32.0: "float32", 16.0: "bf16"}.get(BITS_PER_WEIGHT[format_name], "int8")


def num_equal(first: list[int], second: list[int]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def has_loss(one: Contestant) -> bool:
    return one.program != "run_openvino.py"


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
        check(everyone, reference_of(folder), ids, text["ids"][:NUM_LOSS])
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
                lambda name: limits["read"] / folder.decode_bytes(name, len(ids) + count / 2),
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
                lambda name: limits[arithmetic_of(name)]
                * len(ids) / folder.prefill_operations(len(ids)),
            )  # fmt: skip
        if "perplexity" in wanted:
            yield perplexities(everyone, text["ids"])
    finally:
        for one in everyone:
            one.stop()


def perplexities(everyone: list[Contestant], ids: list[int]) -> Figures:
    """By the format of the weights, and how much above Omni in bf16."""
    losses = {}
    for one in everyone:
        if not one.reason and has_loss(one) and not one.name.endswith("compiled"):
            if answer := one.ask("mean_loss", ids=ids):
                losses[one.name] = answer["loss"]
    return perplexity_figures(f"SmolLM2-135M, perplexity of {len(ids)} ids", losses)


def perplexity_figures(title: str, losses: dict[str, float]) -> Figures:
    """The mean loss by engine; a bound that is broken is an error, on any machine."""
    found = Figures("perplexity", title)
    first = losses.get("Omni bf16")
    for name, loss in losses.items():
        above = None if first is None else 100 * math.expm1(loss - first)
        text = f"{math.exp(loss):.4f}" + ("" if above is None else f" ({above:+.2f} %)")
        outcome = None
        if most := MOST_PERPLEXITY.get(name):
            what = f"{title}, percent above bf16: {name}"
            outcome = at_most(what, above, most, ".2f", must_hold=True)
        found.lines[name] = Figure(text, outcome)
        found.records.append({"name": name, "loss": loss, "percent_above": above})
    return found


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
        check(everyone, reference_of(folder), ids, ids)
        yield memory_figures("memory", "a llama of 1.1e9 weights, memory at load / weights", ours)
        count = 8 if is_quick else 32
        yield Contest(
            "big", "a llama of 1.1e9 random weights, decode at 128", "ids/s", "decode",
            {"ids": ids, "count": count}, everyone,
            (
                Target("Omni bf16", ("llama.cpp BF16",), 1.05),
                Target("Omni int4", ("llama.cpp Q4_0",), 1.0),
            ),
            lambda name: limits["read"] / folder.decode_bytes(name, len(ids) + count / 2),
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()
