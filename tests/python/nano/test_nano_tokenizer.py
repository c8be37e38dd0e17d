# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The committed tokenizer: lossless, small, and whole on the words of the small world."""

import random
from pathlib import Path

import pytest
import sentencepiece

import words
import world

MODEL = Path(__file__).resolve().parents[3] / "examples" / "nano" / "tokenizer.model"


@pytest.fixture(scope="module")
def tokenizer():
    return sentencepiece.SentencePieceProcessor(model_file=str(MODEL))


def test_size_and_kinds_of_pieces(tokenizer):
    assert MODEL.stat().st_size < 60_000
    assert tokenizer.get_piece_size() == 2048
    ids = range(2048)
    assert [i for i in ids if tokenizer.is_unknown(i)] == [0]
    assert not any(tokenizer.is_control(i) for i in ids)
    assert sum(tokenizer.is_byte(i) for i in ids) == 256


def test_decoding_gives_back_any_text(tokenizer):
    generator = random.Random(0)
    alphabet = "ab Z0.?\n\t  가각힣뷁한ㅎ\u1112\u1161é語🙂"
    texts = ["", " ", "  a  b ", "<s></s><unk>", "e\u0301"]
    texts += ["".join(generator.choices(alphabet, k=generator.randint(1, 30))) for _ in range(500)]
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_digits_stand_alone(tokenizer):
    pieces = tokenizer.encode("1234 + 56", out_type=str)
    assert [p for p in pieces if any(c.isdigit() for c in p)] == list("123456")


def test_syllables_of_the_small_world_are_whole(tokenizer):
    known = set("".join(words.all_words("ko"))) | set("".join(world.COLOURS_KO.values()))
    for syllable in known - {" "}:
        assert tokenizer.piece_to_id(syllable) != 0 or not tokenizer.is_byte(
            tokenizer.encode(syllable)[-1]
        )
    assert tokenizer.is_byte(tokenizer.encode("뷁")[-1])
