# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Small talk, small facts, and questions about what lies outside the small world."""

from espeak import RATE
from korean import with_particle
from outside import ABOUT_PICTURE, ABOUT_SOUND, ASK, TOPICS, topics_of, with_particles
from pictures import PHRASES, question
from reading import print_text
from rng import choose, sample_rng
from samples import Sample
from sounds import PHRASES as SOUND_PHRASES
from sounds import random_clip
from splits import phrasings, topic_is_held_out
from world import COLOURS, COLOURS_KO, SHAPES, SHAPES_KO, random_scene, render

REFUSAL = (
    "I only know my small world: shapes, colours, sounds and short sentences.",
    "저는 작은 세계만 알아요. 도형, 색, 소리, 짧은 문장에 대해 물어봐 주세요.",
)
SMALL_TALK = (
    (("Hello!", "Hi.", "Hello there.", "Good morning."), "Hello! Show me a picture, a sound or a video."),
    (("안녕하세요?", "안녕!", "반가워요.", "좋은 아침이에요."), "안녕하세요! 그림이나 소리, 영상을 보여 주세요."),
    (("Who are you?", "What is your name?", "What are you?", "Tell me who you are."), "I am omni-nano, a small model."),
    (("누구세요?", "이름이 뭐예요?", "너는 뭐야?", "자기소개를 해 줘."), "저는 omni-nano라는 작은 모델이에요."),
    (("What can you do?", "How can you help?", "What may I ask?", "What do you know?"),
     "I answer questions about pictures, sounds and videos, draw shapes and speak."),
    (("무엇을 할 수 있어요?", "뭘 도와줄 수 있어?", "무엇을 물어볼까요?", "뭘 알아요?"),
     "그림, 소리, 영상에 대한 질문에 답하고 도형을 그리고 말할 수 있어요."),
    (("Thank you.", "Thanks!", "Thanks a lot.", "Many thanks."), "You are welcome."),
    (("고마워요.", "감사합니다.", "고마워!", "정말 고맙습니다."), "천만에요."),
    (("Goodbye.", "Bye!", "See you.", "Good night."), "Goodbye!"),
    (("잘 가요.", "안녕히 계세요.", "또 봐요.", "잘 있어."), "안녕히 가세요!"),
)  # fmt: skip

# Asked about a picture or a sound that is not there.
MISSING = {
    "picture": ("Please show me a picture first.", "먼저 그림을 보여 주세요."),
    "sound": ("Please give me a sound first.", "먼저 소리를 들려주세요."),
}


def small_talk(rng, split: str, korean: bool) -> tuple[str, str]:
    rows = SMALL_TALK[1::2] if korean else SMALL_TALK[0::2]
    asked, answer = choose(rng, rows)
    return choose(rng, phrasings(asked, split)), answer


def arithmetic(rng, split: str, korean: bool) -> tuple[str, str]:
    a, b = int(rng.integers(0, 11)), int(rng.integers(0, 10))
    if a >= b and rng.random() < 0.4:
        return (
            f"{a} 빼기 {with_particle(str(b), '은/는')}?" if korean else f"What is {a} minus {b}?"
        ), str(a - b)
    return (
        f"{a} 더하기 {with_particle(str(b), '은/는')}?" if korean else f"What is {a} plus {b}?"
    ), str(a + b)


def translation(rng, split: str, korean: bool) -> tuple[str, str]:
    table = choose(rng, (SHAPES_KO, COLOURS_KO))
    english = choose(rng, SHAPES if table is SHAPES_KO else list(COLOURS))
    if korean:
        return f"한국어로 {english} 뭐예요?", table[english]
    return f"What is {table[english]} in English?", english


def outside(rng, split: str, korean: bool) -> tuple[str, str]:
    """A question about a topic that the small world does not hold."""
    topic = choose(rng, topics_of(split))
    things, questions = TOPICS[topic][int(korean)], TOPICS[topic][2 + int(korean)]
    if split != "phrasing" and rng.random() < 0.5:
        return choose(rng, questions), REFUSAL[int(korean)]
    template = choose(rng, phrasings(ASK[int(korean)], split))
    return with_particles(template, choose(rng, things), korean), REFUSAL[int(korean)]


def outside_of_media(rng, split: str, korean: bool, questions) -> tuple[str, str]:
    """A question beside a picture or a sound that does not hold the answer."""
    table = [q for q in questions[int(korean)] if topic_is_held_out(q) == (split == "heldout")]
    return choose(rng, table), REFUSAL[int(korean)]


def missing(rng, split: str, korean: bool) -> tuple[str, str]:
    """A question about a picture or a sound, without it."""
    if rng.random() < 0.3:
        kind = choose(rng, list(SOUND_PHRASES))
        asked = choose(rng, phrasings(SOUND_PHRASES[kind][int(korean)], split))
        return asked, MISSING["sound"][int(korean)]
    made = None
    while made is None:
        scene = random_scene(rng, "train")
        made = question(choose(rng, list(PHRASES)), scene, rng, split, korean)
    return made[0], MISSING["picture"][int(korean)]


def small_picture(rng):
    if rng.random() < 0.7:
        return render(random_scene(rng, "train"), rng)
    return print_text(str(int(rng.integers(1000))), rng)[0]


MAKERS = {
    "outside": outside,
    "missing": missing,
    "small_talk": small_talk,
    "arithmetic": arithmetic,
    "translation": translation,
}


def make_chat(seed: int, split: str, index: int) -> Sample:
    """One turn or a few; `heldout` asks about topics that training never mentions."""
    rng = sample_rng(seed, "chat", split, index)
    sample = Sample("chat")
    kinds = []
    mix = ("outside",) * 4 + ("missing", "small_talk", "small_talk", "arithmetic", "translation")
    for turn in range(int(rng.integers(1, 5)) if split == "train" else 1):
        korean = bool(rng.random() < 0.5)
        kind = "outside" if split == "heldout" else choose(rng, mix)
        attached = []
        share = rng.random()
        if turn == 0 and kind == "outside" and share < 0.35:
            if share < 0.23:
                attached, table = [sample.picture(small_picture(rng))], ABOUT_PICTURE
            else:
                samples = random_clip(rng, "train").samples * rng.uniform(0.4, 1.0)
                attached, table = [sample.sound(samples, RATE)], ABOUT_SOUND
            if rng.random() < 0.6:
                asked, answer = outside_of_media(rng, split, korean, table)
            else:
                asked, answer = outside(rng, split, korean)
        else:
            asked, answer = MAKERS[kind](rng, split, korean)
            if kind == "missing" and sample.files:  # a picture is there, turns ago
                kind, (asked, answer) = "outside", outside(rng, split, korean)
        kinds.append(kind)
        sample.say("user", *attached, asked)
        sample.say("assistant", answer)
    sample.facts = {"kinds": kinds}
    return sample


def world_text() -> list[str]:
    """What the model says, and small talk of training."""
    lines = [*REFUSAL, *(text for pair in MISSING.values() for text in pair)]
    for asked, answer in SMALL_TALK:
        lines += [*phrasings(asked, "train"), answer]
    return lines
