# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Trains omni-nano's text tokenizer on text of its own generators; deterministic.

    python examples/nano/make_tokenizer.py examples/nano/tokenizer.model
"""

import io
import sys
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).parent))

import chat  # noqa: E402
import pictures  # noqa: E402
import sounds  # noqa: E402
import speech  # noqa: E402
import videos  # noqa: E402
import words  # noqa: E402
from rng import sample_rng  # noqa: E402
from world import random_scene  # noqa: E402

VOCABULARY = 2048


def lines():
    """Text as the tasks hold it, without rendering anything."""
    for split in ("train", "phrasing"):
        for index in range(6000):
            rng = sample_rng(7, "text", split, index)
            scene = random_scene(rng, "train")
            korean = index % 2 == 0
            for kind in pictures.PHRASES:
                made = pictures.question(kind, scene, rng, split, korean)
                if made:
                    yield from made
            yield words.sentence(rng, "ko" if korean else "en", "train")
            plain = pictures.plain_scene(rng, "train", 3)
            template = pictures.DRAW[int(korean)][index % 4]
            yield template.format(what=pictures.describe_scene(plain, korean))
            changed = pictures.change(plain, rng, "train", korean)
            if changed:
                yield changed[1]
    for table in (pictures.READ_PHRASES, sounds.PHRASES, videos.PHRASES):
        for english, korean_phrases in table.values():
            yield from english * 20
            yield from korean_phrases * 20
    for group in (speech.RECOGNISE, speech.SAY, speech.SMALL_QUESTIONS, speech.SMALL_QUESTIONS_KO):
        for item in group:
            for text in item if isinstance(item[0], str) and not isinstance(item[1], dict) else [item[0]]:
                yield text
    yield from sounds.all_answers()
    yield from videos.all_answers()
    yield from chat.all_text()
    for number in range(100):
        yield f"{number}+{number}"


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
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=1,
    )
    Path(path).write_bytes(model.getvalue())
    print(f"{path}: {len(model.getvalue())} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
