# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What is held out from training, all of it as rules in this one file.

Splits: `train`; `validation` (the rules of training, other samples); `heldout` (every
sample breaks a rule of training: an unseen composition, sentence, voice or topic);
`phrasing` (questions asked in words that training never uses).
"""

from rng import stable_share

SPLITS = ("train", "validation", "heldout", "phrasing")

# Shares of all combinations that training never sees.
PAIR_SHARE = 0.15  # (shape, colour)
COUNT_SHARE = 0.15  # (count, shape, colour)
SENTENCE_SHARE = 0.20
VOICE_SHARE = 0.15  # held out; as many again for validation
TOPIC_SHARE = 0.20


def pair_is_held_out(shape: str, colour: str) -> bool:
    return stable_share("pair", shape, colour) < PAIR_SHARE


def count_is_held_out(count: int, shape: str, colour: str) -> bool:
    """Of scenes with exactly `count` >= 2 objects of that shape and colour."""
    return count >= 2 and stable_share("count", count, shape, colour) < COUNT_SHARE


def sentence_is_held_out(sentence: str) -> bool:
    return stable_share("sentence", sentence) < SENTENCE_SHARE


def spoken_length_is_held_out(num_digits: int) -> bool:
    """Of digits said one by one: training has two to four, and six."""
    return num_digits == 5


def digits_are_held_out(digits: str) -> bool:
    return stable_share("digits", digits) < SENTENCE_SHARE


def word_is_held_out(word: str) -> bool:
    """Words to be read from pictures."""
    return stable_share("printed", word) < PAIR_SHARE


def voice_split(variant: str) -> str:
    """By family: steph, steph2 and steph3 are one voice; m1 to m8 are eight."""
    family = variant.rstrip("0123456789") if len(variant) > 2 else variant
    share = stable_share("voice", family.lower())
    if share < VOICE_SHARE:
        return "heldout"
    return "validation" if share < 2 * VOICE_SHARE else "train"


def topic_is_held_out(topic: str) -> bool:
    return stable_share("topic", topic) < TOPIC_SHARE


def phrasings(all_of_them, split: str):
    """The templates a split may use: the last of each list are never trained."""
    kept = max(1, len(all_of_them) - max(1, len(all_of_them) // 4))
    return all_of_them[kept:] if split == "phrasing" else all_of_them[:kept]
