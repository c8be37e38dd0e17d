# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Word and character error rates."""

from collections.abc import Iterable, Sequence


def edit_distance(expected: Sequence, got: Sequence) -> int:
    """Fewest insertions, deletions and replacements that turn one into the other."""
    row = list(range(len(got) + 1))
    for i, a in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def _rate(pairs: Iterable[tuple[Sequence, Sequence]]) -> float:
    errors = total = 0
    for expected, got in pairs:
        errors += edit_distance(expected, got)
        total += len(expected)
    if total == 0:
        raise ValueError("[error_rates] expected at least one word or character, got none.")
    return errors / total


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Of (expected, got): errors by words expected; above 1 where much is inserted."""
    return _rate((expected.split(), got.split()) for expected, got in pairs)


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """As `word_error_rate`, by characters; the spaces between words do not count."""
    return _rate(("".join(expected.split()), "".join(got.split())) for expected, got in pairs)
