# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Short clips with a soundtrack, and questions of which some need the sound."""

import io
from fractions import Fraction

import av
import numpy as np

from espeak import RATE
from rng import choose, sample_rng
from samples import Sample
from splits import phrasings
from video_stories import (
    CHANGES_KO,
    DIRECTIONS_KO,
    EVENTS_KO,
    FPS,
    SPEEDS_KO,
    STORIES,
    soundtrack,
)  # fmt: skip
from world import render

PHRASES = {
    "direction": (
        ("Which way does it move?", "In which direction does the shape go?", "Where is it moving?", "Tell me the direction of motion."),
        ("어느 쪽으로 움직여요?", "도형이 어디로 가요?", "움직이는 방향이 뭐예요?", "어느 방향으로 가나요?"),
    ),
    "shape": (
        ("Which shape is moving?", "What is moving?", "What shape do you see?", "Name the moving shape."),
        ("무엇이 움직여요?", "어떤 도형이 움직여요?", "무슨 모양이에요?", "움직이는 것은 뭐예요?"),
    ),
    "colour": (
        ("What colour is the shape?", "Which colour does it have?", "Name its colour.", "What is the colour of the moving thing?"),
        ("도형은 무슨 색이에요?", "색이 뭐예요?", "무슨 색이 보여요?", "어떤 색의 도형인가요?"),
    ),
    "change": (
        ("Which colour does it have at the end?", "What colour does it become?", "Name the last colour.", "Into which colour does it turn?"),
        ("마지막에는 무슨 색이에요?", "무슨 색으로 바뀌어요?", "끝에는 어떤 색이에요?", "나중 색은 뭐예요?"),
    ),
    "timbre": (
        ("Which sound does it make?", "What sound is heard?", "What do you hear in the clip?", "Name the sound of the clip."),
        ("어떤 소리가 나요?", "무슨 소리가 들려요?", "영상에서 무엇이 들려요?", "영상의 소리는 뭐예요?"),
    ),
    "times": (
        ("How many times does it sound?", "How many sounds are there?", "Count the sounds in the clip.", "How often does it sound?"),
        ("소리가 몇 번 나요?", "몇 번 울려요?", "영상에서 소리를 세어 줘.", "소리는 모두 몇 번인가요?"),
    ),
    "when": (
        ("When does the sound come: start, middle or end?", "At what part is the sound?", "When do you hear it?", "In which part does it sound?"),
        ("소리가 언제 나요?", "소리는 처음, 중간, 끝 중 언제예요?", "언제 들려요?", "어느 때 소리가 나나요?"),
    ),
    "at_sound": (
        ("What colour is the shape when it sounds?", "Which colour does it have at the sound?", "Name the colour at the moment of the sound.", "When you hear it, what colour is the shape?"),
        ("소리가 날 때 무슨 색이에요?", "소리가 나는 순간의 색은 뭐예요?", "들릴 때 도형의 색을 말해 줘.", "소리와 함께 보이는 색은 뭐예요?"),
    ),
    "speed": (
        ("Is it slow or fast?", "How fast does it move?", "What is its speed?", "Does it move quickly or slowly?"),
        ("빨라요, 느려요?", "얼마나 빨리 움직여요?", "움직이는 빠르기가 어때요?", "빠르게 가요, 느리게 가요?"),
    ),
    "bounces": (
        ("How many times does it bounce?", "Count the bounces.", "How many bounces do you see?", "How often does it turn back?"),
        ("몇 번 튕겨요?", "튕기는 횟수를 세어 줘.", "벽에 몇 번 부딪혀요?", "몇 번이나 되돌아오나요?"),
    ),
    "at_bounce": (
        ("Does it sound when it bounces?", "Is there a sound at each bounce?", "Do the sounds come with the bounces?", "Is every bounce heard?"),
        ("튕길 때 소리가 나요?", "부딪힐 때마다 소리가 나요?", "소리가 튕기는 순간에 나요?", "튕기는 소리가 들리나요?"),
    ),
    "appears": (
        ("Does something appear or disappear?", "Does a shape come or go?", "What happens: does one appear or disappear?", "Is a shape added or taken away?"),
        ("무엇이 나타나요, 사라져요?", "도형이 나타나요, 사라져요?", "도형에 무슨 일이 생겨요?", "도형이 생기나요, 없어지나요?"),
    ),
    "what_appears": (
        ("What appears?", "Which shape appears?", "Name the shape that appears.", "What comes into the picture?"),
        ("무엇이 나타나요?", "어떤 도형이 나타나요?", "나타나는 것을 말해 줘.", "새로 생기는 것은 뭐예요?"),
    ),
    "what_disappears": (
        ("What disappears?", "Which shape disappears?", "Name the shape that disappears.", "What goes away?"),
        ("무엇이 사라져요?", "어떤 도형이 사라져요?", "사라지는 것을 말해 줘.", "없어지는 것은 뭐예요?"),
    ),
    "order": (
        ("Which shape was there first?", "What was there from the start?", "Which shape did you see first?", "Name the shape that was there before."),
        ("처음부터 있던 것은 뭐예요?", "먼저 보인 도형은 뭐예요?", "어떤 도형이 먼저 있었어요?", "원래 있던 것은 무엇인가요?"),
    ),
    "sound_at_change": (
        ("Which sound comes with the change?", "What do you hear when the shape comes or goes?", "Name the sound at the change.", "Which sound is there at that moment?"),
        ("도형이 바뀔 때 무슨 소리가 나요?", "나타나거나 사라질 때 어떤 소리가 들려요?", "바뀌는 순간의 소리를 말해 줘.", "그 순간에 들리는 소리는 뭐예요?"),
    ),
    "maker": (
        ("Which shape makes the sound?", "What is growing when it sounds?", "Which one grows with the sound?", "Which of them can be heard?"),
        ("어떤 도형이 소리를 내요?", "소리가 날 때 무엇이 커져요?", "소리와 함께 커지는 것은 뭐예요?", "둘 중에 무엇이 소리를 내나요?"),
    ),
    "grows_first": (
        ("Which shape grows first?", "What grows first?", "Name the one that grows first.", "Which one is the first to grow?"),
        ("무엇이 먼저 커져요?", "어떤 도형이 먼저 커져요?", "먼저 커지는 것을 말해 줘.", "처음에 커지는 것은 뭐예요?"),
    ),
}  # fmt: skip
NEEDS_SOUND = ("timbre", "times", "when", "at_sound", "at_bounce", "sound_at_change", "maker")


def encode_mp4(frames: list[np.ndarray], samples: np.ndarray, *, fps: int = FPS) -> bytes:
    """H.264 and AAC in one MP4; frames uint8 [Y, X, 3]."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        video = container.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "crf": "18", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        audio = container.add_stream("aac", rate=RATE)
        audio.layout = "mono"
        for pixels in frames:
            for packet in video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
        data = np.clip(samples, -1, 1).astype(np.float32)
        for begin in range(0, len(data), 1024):
            chunk = av.AudioFrame.from_ndarray(data[None, begin : begin + 1024], "fltp", "mono")
            chunk.rate, chunk.pts, chunk.time_base = RATE, begin, Fraction(1, RATE)
            for packet in audio.encode(chunk):
                container.mux(packet)
        for packet in audio.encode():
            container.mux(packet)
    return buffer.getvalue()


def make_video(seed: int, split: str, index: int) -> Sample:
    """A short clip with up to five questions behind it."""
    rng = sample_rng(seed, "video", split, index)
    maker = choose(rng, STORIES)
    story = maker(rng, split)
    count = round(story.seconds * FPS)
    frames = [np.asarray(render(story.scene_at(i / FPS), rng)) for i in range(count)]
    sample = Sample("video")
    part = sample.video(encode_mp4(frames, soundtrack(story, rng)))
    kinds = [str(kind) for kind in rng.permutation(list(story.answers))][:5]
    for kind in kinds:
        korean = bool(rng.random() < 0.5)
        asked = choose(rng, phrasings(PHRASES[kind][int(korean)], split))
        sample.say("user", *([part] if kind == kinds[0] else []), asked)
        sample.say("assistant", story.answers[kind][int(korean)])
    sample.facts = {"story": maker.__name__, "kinds": kinds}
    return sample


def all_answers() -> list[str]:
    tables = (DIRECTIONS_KO, SPEEDS_KO, EVENTS_KO, CHANGES_KO)
    return [word for table in tables for pair in table.items() for word in pair]
