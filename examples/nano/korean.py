# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Korean particles that depend on how a word ends."""


def has_final(word: str) -> bool:
    """Whether the last syllable, or the last digit as it is read, ends in a consonant."""
    if word[-1].isdigit():
        return word[-1] in "013678"
    code = ord(word[-1]) - 0xAC00
    return 0 <= code < 11172 and code % 28 != 0


def with_particle(word: str, pair: str) -> str:
    """`word` with the right one of "을/를", "이/가", "은/는", "과/와", "이에요/예요"."""
    closed, opened = pair.split("/")
    return word + (closed if has_final(word) else opened)


def is_vowel_initial(word: str) -> bool:
    """Whether the first syllable begins with a vowel (a silent initial)."""
    code = ord(word[0]) - 0xAC00
    return 0 <= code < 11172 and code // 588 == 11
