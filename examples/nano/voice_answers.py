# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Answering by voice: a question that is spoken, or typed with the wish to hear the answer.

Whoever speaks is answered in text and by voice; whoever types, in text alone unless asked.
"""

import words
from chat import REFUSAL, outside
from espeak import RATE
from korean import with_particle
from pictures import PHRASES, question
from rng import choose, sample_rng
from samples import Sample
from speech import said_by_someone, speech_part, spoken_form
from splits import phrasings
from world import label_grids, random_scene, render

ALOUD = (
    ("Answer aloud: {text}", "Tell me by voice: {text}", "Say the answer: {text}",
     "Answer with your voice: {text}"),
    ("소리 내어 대답해 줘: {text}", "말로 대답해 줘: {text}", "목소리로 알려 줘: {text}",
     "음성으로 답해 줘: {text}"),
)  # fmt: skip
LEGS = {"dog": 4, "cat": 4, "horse": 4, "bird": 2, "duck": 2, "rabbit": 4, "snake": 0, "fish": 0,
        "sheep": 4, "lion": 4, "tiger": 4, "frog": 4, "mouse": 4, "turtle": 4}  # fmt: skip
LEGS_KO = {"강아지": 4, "고양이": 4, "말": 4, "새": 2, "오리": 2, "토끼": 4, "양": 4, "사자": 4,
           "호랑이": 4, "개구리": 4, "거북이": 4}  # fmt: skip
FOOD_COLOURS = {"milk": "white", "coffee": "brown", "salt": "white", "honey": "yellow",
                "lemon": "yellow", "rice": "white", "sugar": "white", "apple": "red"}  # fmt: skip
FOOD_COLOURS_KO = {"소금": "하얀색", "귤": "주황색", "설탕": "하얀색", "우유": "하얀색",
                   "커피": "갈색", "밥": "하얀색", "사과": "빨간색", "포도": "보라색"}  # fmt: skip


def count_ko(number: int) -> str:
    return f"{words.KO_COUNTS[number - 1]} 개" if number else "없어요"


def spoken_answer(answer: str) -> str:
    """A typed answer as it is said: numbers in words."""
    if answer.endswith("개") and answer[0].isdigit():
        return count_ko(int(answer[:-1]))
    return answer


def fact(rng, korean: bool) -> tuple[str, str]:
    """Something every child knows, asked and answered in spoken form."""
    kind = choose(rng, ("legs", "colour", "next", "sum", "sum"))
    if kind == "legs":
        animal = choose(rng, list(LEGS_KO if korean else LEGS))
        if korean:
            return f"{animal} 다리는 몇 개예요", count_ko(LEGS_KO[animal])
        return f"how many legs has a {animal}", NUMBERS_20[LEGS[animal]]
    if kind == "colour":
        food = choose(rng, list(FOOD_COLOURS_KO if korean else FOOD_COLOURS))
        if korean:
            return f"{with_particle(food, '은/는')} 무슨 색이에요", FOOD_COLOURS_KO[food]
        return f"what colour is {food}", FOOD_COLOURS[food]
    if kind == "next":
        at = int(rng.integers(0, 9))
        if korean:
            return f"{words.KO_NUMBERS[at]} 다음은 뭐예요", words.KO_NUMBERS[at + 1]
        return f"what comes after {words.NUMBERS[at]}", words.NUMBERS[at + 1]
    a, b = (int(v) for v in rng.integers(1, 6, 2))
    if korean:
        ends = with_particle(words.KO_NUMBERS[b - 1], "은/는")
        return f"{words.KO_NUMBERS[a - 1]} 더하기 {ends}", words.KO_NUMBERS[a + b - 1]
    return f"what is {NUMBERS_20[a]} plus {NUMBERS_20[b]}", NUMBERS_20[a + b]


NUMBERS_20 = ("zero", *words.NUMBERS)


def make_answer_by_voice(seed: int, split: str, index: int) -> Sample:
    rng = sample_rng(seed, "answer_by_voice", split, index)
    language = choose(rng, ("en", "ko"))
    korean = language == "ko"
    about = choose(rng, ("picture",) * 6 + ("fact",) * 3 + ("outside",))
    sample = Sample("answer_by_voice")
    attached = []
    if about == "picture":
        scene = random_scene(rng, split)
        attached = [sample.picture(render(scene, rng), label_grids(scene))]
        asked = None
        while asked is None:
            asked = question(choose(rng, list(PHRASES)), scene, rng, split, korean)
        text, answer = asked[0], spoken_answer(asked[1])
    elif about == "fact":
        text, answer = fact(rng, korean)
    else:
        text, answer = outside(rng, split, korean)[0], REFUSAL[int(korean)]
    is_spoken = bool(rng.random() < 0.7)
    if about == "fact" and split == "heldout":  # no fact is held out, but voices are
        is_spoken = True
    if is_spoken:
        sound, _ = said_by_someone(spoken_form(text), rng, language, split)
        attached.append(sample.sound(sound, RATE, transcript=spoken_form(text)))
    else:
        attached.append(choose(rng, phrasings(ALOUD[int(korean)], split)).format(text=text))
    sample.say("user", *attached)
    part = speech_part(sample, spoken_form(answer), language)
    sample.say("assistant", answer, part)
    sample.facts = {"about": about, "is_spoken": is_spoken, "question": text, "answer": answer}
    return sample
