# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes the two small SentencePiece models that the tests read.

tiny_unigram.model   512 pieces, byte fallback, identity normalisation, control and
                     user-defined symbols, a dummy prefix: lossless
tiny_bpe.model       320 pieces, no byte fallback, extra spaces removed, a character map
                     that writes full-width characters in ASCII
"""

import io
import tempfile
from pathlib import Path

import sentencepiece

ENGLISH = """
the red circle is to the left of the blue square
a small green triangle is above the big yellow star
what do you see in this picture? I see two red circles and one blue square.
what colour is the circle? the circle is red.
how many objects are there? there are three objects.
what do you hear? I hear a dog, then a bell.
which sound comes first? the bell comes first, the dog comes second.
please draw a yellow star under a green circle
say the sentence aloud: push the small box to the wall
I cannot answer that; I only know shapes, colours, sounds and short words.
the video shows a ball that moves from left to right while a horn plays
read the printed word: river, window, morning, paper, 0 1 2 3 4 5 6 7 8 9
""".strip().splitlines()

KOREAN = """
빨간 원이 파란 네모 왼쪽에 있어요
작은 초록 세모가 큰 노란 별 위에 있어요
이 그림에서 무엇이 보이나요? 빨간 원 두 개와 파란 네모 하나가 보여요.
원은 무슨 색이에요? 원은 빨간색이에요.
물체가 몇 개 있나요? 물체가 세 개 있어요.
무슨 소리가 들리나요? 개 소리가 들리고 종 소리가 들려요.
어느 소리가 먼저 나요? 종 소리가 먼저 나고 개 소리가 나중에 나요.
초록 원 아래에 노란 별을 그려 주세요
이 문장을 소리 내어 읽어 주세요: 작은 상자를 벽으로 밀어요
그건 대답할 수 없어요. 저는 모양과 색과 소리와 짧은 낱말만 알아요.
영상에서 공이 왼쪽에서 오른쪽으로 움직이고 나팔 소리가 나요
쓰여 있는 낱말을 읽어 보세요: 강, 창문, 아침, 종이
""".strip().splitlines()


def train(path: Path, **options: object) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter((ENGLISH + KOREAN) * 4),
        model_writer=model,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    path.write_bytes(model.getvalue())
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    folder = Path(__file__).parent
    train(
        folder / "tiny_unigram.model",
        model_type="unigram",
        vocab_size=512,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        control_symbols=["<|user|>", "<|assistant|>", "<|image|>"],
        user_defined_symbols=["<sep>"],
        hard_vocab_limit=False,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for code in range(0x21, 0x7F):
            rules.write(f"{code + 0xFEE0:X}\t{code:X}\n")
        rules.write("3000\t20\nB\t20\n2026\t2E 2E 2E\n")
        rules.flush()
        train(
            folder / "tiny_bpe.model",
            model_type="bpe",
            vocab_size=320,
            character_coverage=1.0,
            normalization_rule_tsv=rules.name,
            control_symbols=["<|user|>", "#"],
        )


if __name__ == "__main__":
    main()
