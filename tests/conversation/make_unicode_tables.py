# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes omni/conversation/jinja/unicode_tables.cpp from the Unicode database of the
Python that runs it: `.venv/bin/python tests/conversation/make_unicode_tables.py`
"""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

TABLES = Path(__file__).resolve().parents[2] / "omni/conversation/jinja/unicode_tables.cpp"
HEADER = """\
// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Written by tests/conversation/make_unicode_tables.py; not by hand. Ranges are pairs:
// code points to skip since the last range, code points in this one.
#include "omni/conversation/jinja/unicode_tables.h"

// clang-format off
namespace omni {
"""


def characters() -> Iterator[str]:
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def ranges(test: Callable[[str], bool]) -> list[int]:
    numbers, end, begin = [], 0, None
    for c in range(0x110001):
        is_in = c < 0x110000 and not 0xD800 <= c < 0xE000 and test(chr(c))
        if is_in and begin is None:
            begin = c
        elif not is_in and begin is not None:
            numbers += [begin - end, c - begin]
            begin, end = None, c
    return numbers


def runs(change: Callable[[str], str]) -> list[tuple[int, int, int, int]]:
    """Code points [first, last] in steps of `stride` that all move by `delta`."""
    found: list[list[int]] = []
    for character in characters():
        changed = change(character)
        if len(changed) != 1 or changed == character:
            continue
        code, delta = ord(character), ord(changed) - ord(character)
        if found and found[-1][2] == delta:
            first, last, _, stride = found[-1]
            if code - last == stride or (first == last and code - last == 2):
                found[-1] = [first, code, delta, code - last]
                continue
        found.append([code, code, delta, 1])
    return [tuple(run) for run in found]


def specials(change: Callable[[str], str]) -> list[str]:
    return [f'{{{ord(c)},"{change(c)}"}}' for c in characters() if len(change(c)) != 1]


def table(kind: str, name: str, cells: list[str]) -> str:
    rows = textwrap.fill(", ".join(cells), 88, break_on_hyphens=False, break_long_words=False)
    return (
        f"\nstatic constexpr {kind} k{name}Cells[] = {{\n{rows}}};\n"
        f"const std::span<const {kind}> k{name} = k{name}Cells;\n"
    )


def text() -> str:
    parts = [HEADER]
    for name, test in {
        "Alphabetic": str.isalpha,
        "Decimal": str.isdecimal,
        "Digit": str.isdigit,
        "Numeric": str.isnumeric,
        "Printable": str.isprintable,
        # What the changes of case do not say.
        "LowerAlone": lambda c: c.islower() and c.upper() == c,
        "UpperAlone": lambda c: c.isupper() and c.lower() == c,
        "TitleAlone": lambda c: c.istitle() and not c.isupper(),
        "NotLower": lambda c: not c.islower() and c.upper() != c,
        "NotUpper": lambda c: not c.isupper() and c.lower() != c,
    }.items():
        parts.append(table("uint32_t", name, [str(n) for n in ranges(test)]))
    for name, change in {"ToUpper": str.upper, "ToLower": str.lower, "ToTitle": str.title}.items():
        rows = [f"{{{a},{b},{d},{s}}}" for a, b, d, s in runs(change)]
        parts.append(table("CaseRun", name, rows))
        parts.append(table("CaseSpecial", name + "Special", specials(change)))
    return "".join(parts) + "\n} // namespace omni\n"


if __name__ == "__main__":
    TABLES.write_text(text(), encoding="utf-8")
