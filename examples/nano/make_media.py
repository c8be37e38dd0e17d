# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes the sample inputs of examples/media; none of them is a sample of training.

python examples/nano/make_media.py examples/media
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import sounds  # noqa: E402
import video_stories  # noqa: E402
from espeak import RATE, Voice, speak  # noqa: E402
from reading import print_text  # noqa: E402
from rng import sample_rng  # noqa: E402
from samples import wav_bytes  # noqa: E402
from speech import trimmed  # noqa: E402
from splits import sentence_is_held_out, voice_split  # noqa: E402
from videos import encode_mp4  # noqa: E402
from world import Scene, Thing, render  # noqa: E402

# Held-out sentences in held-out voices; the last is asked about scene.png.
SPOKEN = {
    "korean.wav": ("동현은 오늘 시장에 있어요", Voice("ko", "f2", 50, 150)),
    "english.wav": ("laura is in the market soon", Voice("en-us", "john", 50, 150)),
    "question.wav": ("왼쪽 위에 있는 도형은 뭐예요", Voice("ko", "f2", 50, 150)),
}
SCENE = Scene(
    (
        Thing("star", "blue", "large", 0, 0.6, 0.9, 6.0),
        Thing("heart", "red", "medium", 4, -0.8, 0.4, -5.0),
        Thing("square", "green", "small", 8, 0.3, -0.7, 9.0),
    ),
    "cream",
)


def find_story(seed: int) -> tuple[video_stories.Story, np.random.Generator]:
    """A clip in which a shape changes its colour and one bell is heard."""
    index = 0
    while True:
        rng = sample_rng(seed, "media", "validation", index)
        story = video_stories.moving(rng, "validation")
        if "at_sound" in story.answers and story.answers["timbre"][0] == "bell":
            return story, rng
        index += 1


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = sample_rng(1, "media", "validation", 0)
    render(SCENE).save(folder / "scene.png")
    print_text("사과", rng)[0].save(folder / "word.png")
    for name, (text, voice) in SPOKEN.items():
        is_new = name == "question.wav" or sentence_is_held_out(text)
        if not is_new or voice_split(voice.variant) != "heldout":
            raise ValueError(f"expected a held-out sentence and voice for {name}, got {text!r}")
        sound = trimmed(speak(text, voice).samples)
        (folder / name).write_bytes(wav_bytes(0.5 * sound / np.abs(sound).max(), RATE))
    clip = sounds.sequence(rng, "validation")
    (folder / "sound.wav").write_bytes(wav_bytes(0.8 * clip.samples, RATE))
    story, rng = find_story(1)
    count = round(story.seconds * video_stories.FPS)
    frames = [np.asarray(render(story.scene_at(i / video_stories.FPS), rng)) for i in range(count)]
    (folder / "clip.mp4").write_bytes(encode_mp4(frames, video_stories.soundtrack(story, rng)))
    print("sound.wav:", clip.answers)
    print("clip.mp4:", story.answers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
