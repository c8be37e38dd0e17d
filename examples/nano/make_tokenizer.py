# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Trains omni-nano's text tokenizer on text of its own generators; deterministic.

python examples/nano/make_tokenizer.py examples/nano/tokenizer.model
"""

import io
import string
import sys
from collections import Counter
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).parent))

import chat  # noqa: E402
import drawing  # noqa: E402
import outside  # noqa: E402
import pictures  # noqa: E402
import reading  # noqa: E402
import sounds  # noqa: E402
import speech  # noqa: E402
import videos  # noqa: E402
import voice_answers  # noqa: E402
import words  # noqa: E402
import world  # noqa: E402
from rng import sample_rng  # noqa: E402

VOCABULARY = 2048


def world_lines():
    """Text of the small world as its tasks hold it, without rendering anything."""
    for index in range(6000):
        rng = sample_rng(7, "text", "train", index)
        scene = world.random_scene(rng, "train")
        korean = index % 2 == 0
        language = "ko" if korean else "en"
        for kind in pictures.PHRASES:
            made = pictures.question(kind, scene, rng, "train", korean)
            if made:
                yield from made
        yield words.sentence(rng, language, "train")
        yield words.random_words(rng, language)
        yield speech.picture_question(rng, language, "train")
        yield from voice_answers.fact(rng, korean)
        yield from chat.arithmetic(rng, "train", korean)
        yield from chat.translation(rng, "train", korean)
        yield from reading.text_and_answer("word", rng, "train")
        yield from reading.text_and_answer("digits", rng, "train")
        plain = drawing.plain_scene(rng, "train", 3)
        template = drawing.DRAW[int(korean)][index % 3]
        yield template.format(what=drawing.describe_scene(plain, korean))
        changed = drawing.change(plain, rng, "train", korean)
        if changed:
            yield changed[1]
    for table in (reading.READ_PHRASES, sounds.PHRASES, videos.PHRASES):
        for phrases in table.values():
            for group in phrases:
                yield from group[:3] * 50
    for phrases in (speech.RECOGNISE, speech.SAY, voice_answers.ALOUD):
        for group in phrases:
            yield from (phrase.replace("{text}", "") for phrase in group[:3] * 50)
    yield from (sounds.all_answers() + videos.all_answers()) * 50
    yield from chat.world_text() * 20
    for language in ("en", "ko"):
        yield from words.all_words(language) * 5
    yield from list(string.printable.strip()) * 3


def outside_lines(known: set[str]):
    """Questions about what training knows to be outside. Hangul that is rare and not of
    the small world stays out of the vocabulary: it is spelled in bytes, in training too,
    which tells the model that something is foreign."""
    lines = outside.all_text("train")
    counts = Counter("".join(lines))
    for line in lines:
        if all(c in known or c.isascii() or counts[c] > 20 for c in line):
            yield line


def lines():
    seen: set[str] = set()
    for line in world_lines():
        seen.update(line)
        yield line
    yield from outside_lines(seen)


def main(path: str) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()),
        model_writer=model,
        model_type="unigram",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        num_threads=1,
        minloglevel=1,
    )
    Path(path).write_bytes(model.getvalue())
    print(f"{path}: {len(model.getvalue())} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
