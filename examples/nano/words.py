# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The words omni-nano hears, says and reads, and the sentences they make."""

from functools import cache

from korean import with_particle
from rng import choose
from splits import sentence_is_held_out, spoken_length_is_held_out

VERBS = (
    "push pull take bring open close move find keep drop lift turn wash hide show paint carry "
    "fix count draw"
).split()
ADJECTIVES = (
    "small large old new clean heavy light round long short warm cold quiet soft empty broken"
).split()
COLOURS = "red orange yellow green blue purple pink brown black white".split()
OBJECTS = (
    "box ball cup door book lamp chair table bottle window clock bag hat shoe key spoon "
    "plate ladder basket mirror pencil paper phone camera car train boat bike drum bell "
    "ring coin rope shirt coat glove letter picture guitar hammer"
).split()
PLACES = (
    "kitchen garden river school market station bridge forest office library park beach "
    "tower village street corner mountain island museum hospital"
).split()
NAMES = "anna ben clara david emma frank grace henry julia kevin laura martin".split()
PEOPLE = "mother father sister brother teacher doctor farmer driver".split()
ANIMALS = "dog cat bird horse rabbit fish mouse sheep lion tiger duck frog snake turtle".split()
FOODS = "bread rice soup apple lemon cheese milk water coffee honey cake salt sugar tea".split()
NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
DIGITS = "zero one two three four five six seven eight nine".split()
TIMES = "today tomorrow tonight now later soon again always never".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
MOTIONS = "runs sleeps waits sings jumps walks swims eats plays".split()
FEELINGS = "happy sad tired hungry angry ready late busy".split()
WEATHER = "rain snow wind sun fog".split()
SHAPES = "circle square triangle star cross heart".split()

ENGLISH = (
    ("{verb} the {adjective} {object}", dict(verb=VERBS, adjective=ADJECTIVES, object=OBJECTS)),
    ("{verb} the {colour} {object}", dict(verb=VERBS, colour=COLOURS, object=OBJECTS)),
    ("{verb} the {object} in the {place}", dict(verb=VERBS, object=OBJECTS, place=PLACES)),
    ("{name} likes the {colour} {animal}", dict(name=NAMES, colour=COLOURS, animal=ANIMALS)),
    ("the {animal} {motion} in the {place}", dict(animal=ANIMALS, motion=MOTIONS, place=PLACES)),
    ("{name} is in the {place} {time}", dict(name=NAMES, place=PLACES, time=TIMES)),
    ("i want {number} cups of {food}", dict(number=NUMBERS, food=FOODS)),
    ("show me the {adjective} {animal}", dict(adjective=ADJECTIVES, animal=ANIMALS)),
    ("there is {weather} on the {place} {time}", dict(weather=WEATHER, place=PLACES, time=TIMES)),
    ("{number} and {other} are numbers", dict(number=NUMBERS, other=NUMBERS)),
    ("give {name} the {object} and the {food}", dict(name=NAMES, object=OBJECTS, food=FOODS)),
    ("where is the {colour} {object}", dict(colour=COLOURS, object=OBJECTS)),
    ("{name} has {number} {colour} bags", dict(name=NAMES, number=NUMBERS, colour=COLOURS)),
    ("the {food} is {adjective} {time}", dict(food=FOODS, adjective=ADJECTIVES, time=TIMES)),
    ("please {verb} the {object} {time}", dict(verb=VERBS, object=OBJECTS, time=TIMES)),
    ("the {object} is near the {place}", dict(object=OBJECTS, place=PLACES)),
    ("my {person} is {feeling} {time}", dict(person=PEOPLE, feeling=FEELINGS, time=TIMES)),
    ("the {person} is in the {place} on {day}", dict(person=PEOPLE, place=PLACES, day=DAYS)),
    ("we go to the {place} on {day}", dict(place=PLACES, day=DAYS)),
    ("draw the {colour} {shape}", dict(colour=COLOURS, shape=SHAPES)),
    ("the {shape} is {colour} and {adjective}",
     dict(shape=SHAPES, colour=COLOURS, adjective=ADJECTIVES)),
    ("does the {person} have the {colour} {object}",
     dict(person=PEOPLE, colour=COLOURS, object=OBJECTS)),
    ("put the {food} and the {food2} in the {object}",
     dict(food=FOODS, food2=FOODS, object=OBJECTS)),
    ("{name} and {person} are {feeling}", dict(name=NAMES, person=PEOPLE, feeling=FEELINGS)),
)  # fmt: skip

KO_COLOURS = "빨간 노란 파란 검은 하얀 초록 분홍 보라 주황 갈색".split()
KO_ADJECTIVES = "작은 큰 오래된 새로운 깨끗한 무거운 가벼운 둥근 따뜻한 차가운".split()
KO_OBJECTS = (
    "상자 공 컵 문 책 의자 책상 병 창문 시계 가방 모자 신발 열쇠 숟가락 접시 사다리 바구니 "
    "거울 연필 종이 전화 사진 자동차 기차 배 자전거"
).split()
KO_PLACES = "부엌 정원 학교 시장 역 다리 숲 사무실 도서관 공원 바다 마을 거리 산 섬 집".split()
KO_NAMES = "민수 지영 서준 하늘 은지 동현 유나 태호".split()
KO_PEOPLE = "엄마 아빠 누나 동생 선생님 의사".split()
KO_ANIMALS = "강아지 고양이 새 말 토끼 물고기 양 사자 호랑이 오리 개구리 거북이".split()
KO_FOODS = "빵 밥 국 사과 우유 물 커피 꿀 소금 설탕 김치 라면 귤 포도".split()
KO_NUMBERS = "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열".split()
KO_COUNTS = "한 두 세 네 다섯 여섯 일곱 여덟 아홉 열".split()
KO_DIGITS = "공 일 이 삼 사 오 육 칠 팔 구".split()
KO_TIMES = "오늘 내일 지금 나중에 다시 항상 아침에 저녁에".split()
KO_DAYS = "월요일 화요일 수요일 목요일 금요일 토요일 일요일".split()
KO_REQUESTS = "밀어 당겨 가져와 열어 닫아 옮겨 찾아 들어 돌려 씻어 보여".split()
KO_MOTIONS = "달려요 자요 기다려요 노래해요 걸어요 먹어요 놀아요".split()
KO_FEELINGS = "기뻐요 슬퍼요 피곤해요 바빠요".split()
KO_SHAPES = "원 네모 세모 별 십자 하트".split()

KOREAN = (
    ("{adjective} {object:을/를} {request} 주세요",
     dict(adjective=KO_ADJECTIVES, object=KO_OBJECTS, request=KO_REQUESTS)),
    ("{colour} {object:을/를} {request} 주세요",
     dict(colour=KO_COLOURS, object=KO_OBJECTS, request=KO_REQUESTS)),
    ("{place}에서 {object:을/를} {request} 주세요",
     dict(place=KO_PLACES, object=KO_OBJECTS, request=KO_REQUESTS)),
    ("{name:은/는} {colour} {animal:을/를} 좋아해요",
     dict(name=KO_NAMES, colour=KO_COLOURS, animal=KO_ANIMALS)),
    ("{animal:이/가} {place}에서 {motion}",
     dict(animal=KO_ANIMALS, place=KO_PLACES, motion=KO_MOTIONS)),
    ("{name:은/는} {time} {place}에 있어요",
     dict(name=KO_NAMES, time=KO_TIMES, place=KO_PLACES)),
    ("{food} {count} 개 주세요", dict(food=KO_FOODS, count=KO_COUNTS)),
    ("{food:과/와} {other:을/를} 사고 싶어요", dict(food=KO_FOODS, other=KO_FOODS)),
    ("{time} {place}에 가요", dict(time=KO_TIMES, place=KO_PLACES)),
    ("{adjective} {animal:이/가} {motion}",
     dict(adjective=KO_ADJECTIVES, animal=KO_ANIMALS, motion=KO_MOTIONS)),
    ("{colour} {object:은/는} 어디에 있어요", dict(colour=KO_COLOURS, object=KO_OBJECTS)),
    ("{name}에게 {object:을/를} 주세요", dict(name=KO_NAMES, object=KO_OBJECTS)),
    ("{object:이/가} {place}에 {count} 개 있어요",
     dict(object=KO_OBJECTS, place=KO_PLACES, count=KO_COUNTS)),
    ("{number:과/와} {other}", dict(number=KO_NUMBERS, other=KO_NUMBERS)),
    ("{person:은/는} {day}에 {place}에 가요",
     dict(person=KO_PEOPLE, day=KO_DAYS, place=KO_PLACES)),
    ("{name:은/는} {time} {feeling}", dict(name=KO_NAMES, time=KO_TIMES, feeling=KO_FEELINGS)),
    ("{colour} {shape:을/를} 그려 주세요", dict(colour=KO_COLOURS, shape=KO_SHAPES)),
    ("{colour} {shape:이/가} {count} 개 있어요",
     dict(colour=KO_COLOURS, shape=KO_SHAPES, count=KO_COUNTS)),
    ("{person:이/가} {food:을/를} 먹어요", dict(person=KO_PEOPLE, food=KO_FOODS)),
    ("{day}에 {person:과/와} {food:을/를} 먹어요",
     dict(day=KO_DAYS, person=KO_PEOPLE, food=KO_FOODS)),
    ("{food:은/는} {place}에 있어요", dict(food=KO_FOODS, place=KO_PLACES)),
    ("{adjective} {object:이/가} {place}에 있어요",
     dict(adjective=KO_ADJECTIVES, object=KO_OBJECTS, place=KO_PLACES)),
    ("{person}의 {object:은/는} {place}에 있어요",
     dict(person=KO_PEOPLE, object=KO_OBJECTS, place=KO_PLACES)),
    ("{name:과/와} {person:은/는} {place}에서 {motion}",
     dict(name=KO_NAMES, person=KO_PEOPLE, place=KO_PLACES, motion=KO_MOTIONS)),
)  # fmt: skip

# Also said: places in a picture, answers, and what questions about pictures are made of.
EXTRA = (
    "yes no top bottom left right center none korean english hello goodbye rising falling low "
    "high slow fast what how many which same colour bigger larger than above below plus minus"
).split()
KO_EXTRA = (
    "예 아니요 위 아래 왼쪽 오른쪽 가운데 없어요 한국어 영어 안녕하세요 무슨 색이에요 몇 개예요 "
    "같은 더 커요 도형은 모양이에요 빨간색 노란색 파란색 검은색 초록색 분홍색 보라색 주황색 "
    "더하기 빼기 뭐예요 원은 별은 네모는 세모는 하트는 십자는"
).split()

PRINTED_EN = [w for w in OBJECTS + ANIMALS + FOODS + COLOURS + SHAPES if len(w) <= 6]
PRINTED_KO = [w for w in KO_OBJECTS + KO_ANIMALS + KO_FOODS + KO_SHAPES if 2 <= len(w) <= 3]
SYLLABLES_KO = sorted(set("".join(PRINTED_KO)))


class _Slot(str):
    """A word that a format specification gives its particle."""

    def __format__(self, pair: str) -> str:
        return with_particle(str(self), pair) if pair else str(self)


def grammar(language: str):
    return ENGLISH if language == "en" else KOREAN


def fill(template: str, slots: dict, rng) -> str:
    return template.format(**{key: _Slot(choose(rng, words)) for key, words in slots.items()})


def sentence(rng, language: str, split: str) -> str:
    """A sentence of the grammar; `heldout` ones are never trained."""
    while True:
        template, slots = choose(rng, grammar(language))
        text = fill(template, slots, rng)
        if sentence_is_held_out(text) == (split == "heldout"):
            return text


def slot_forms(piece: str, slots: dict) -> list[str]:
    """What one word of a template can be: its slot filled in every way, or itself."""
    if "{" not in piece:
        return [piece]
    key = piece[piece.index("{") + 1 : piece.index("}")].split(":")[0]
    return [piece.format(**{key: _Slot(word)}) for word in slots[key]]


def is_sentence(text: str, language: str) -> bool:
    """Whether the grammar makes this sentence (others are digits, questions, words)."""
    spoken = text.split()
    for template, slots in grammar(language):
        pieces = template.split()
        if len(pieces) == len(spoken) and all(
            word in slot_forms(piece, slots) for piece, word in zip(pieces, spoken, strict=False)
        ):
            return True
    return False


def minimal_pairs(rng, language: str, count: int) -> list[str]:
    """Held-out sentences that differ from the first in one word only."""
    while True:
        template, slots = choose(rng, grammar(language))
        pieces = template.split()
        words = [choose(rng, slot_forms(piece, slots)) for piece in pieces]
        first = " ".join(words)
        if not sentence_is_held_out(first):
            continue
        found = {first: None}
        for at in rng.permutation([i for i, piece in enumerate(pieces) if "{" in piece]):
            for form in rng.permutation(slot_forms(pieces[at], slots)):
                text = " ".join([*words[:at], str(form), *words[at + 1 :]])
                if len(found) < count and sentence_is_held_out(text):
                    found[text] = None
        if len(found) == count:
            return list(found)


@cache
def all_words(language: str) -> tuple[str, ...]:
    """Every word form that the language's sentences, digits and answers hold."""
    forms = set(EXTRA + DIGITS if language == "en" else KO_EXTRA + KO_DIGITS)
    for template, slots in grammar(language):
        for piece in template.split():
            forms.update(slot_forms(piece, slots))
    return tuple(sorted(forms))


def random_words(rng, language: str) -> str:
    """Words in no order that grammar knows: reading them cannot be guessed."""
    while True:
        count = int(rng.integers(1, 6))
        text = " ".join(choose(rng, all_words(language)) for _ in range(count))
        if not sentence_is_held_out(text):
            return text


def digit_words(rng, language: str, split: str) -> str:
    """Digits one by one; never held-out lengths in training."""
    table = DIGITS if language == "en" else KO_DIGITS
    while True:
        count = int(rng.integers(2, 7))
        if spoken_length_is_held_out(count) == (split == "heldout"):
            return " ".join(choose(rng, table) for _ in range(count))
