# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What notebooks show: pictures, players, thumbnails, tables."""

import base64
import re

import pytest
import torch

import omni


def embedded(html: str, mime: str) -> list[bytes]:
    found = re.findall(rf"data:{mime};base64,([A-Za-z0-9+/=]+)", html)
    return [base64.b64decode(text) for text in found]


def test_a_picture_is_a_png(picture: omni.Image) -> None:
    assert omni.decode_image(picture._repr_png_()) == picture


def test_a_sound_is_a_player(sound: omni.Waveform) -> None:
    html = sound._repr_html_()
    assert "<audio controls" in html and "1.00 s at 16000 Hz" in html
    (wav,) = embedded(html, "audio/wav")
    assert omni.decode_audio(wav).samples.shape == sound.samples.shape


def test_a_clip_is_thumbnails_with_times_and_its_sound(clip: omni.VideoClip) -> None:
    html = clip._repr_html_()
    pictures = [omni.decode_image(png) for png in embedded(html, "image/png")]
    assert len(pictures) == 6
    assert torch.equal(pictures[2].pixels, clip.frames[2])
    assert re.findall(r"<figcaption>([^<]+)<", html)[-1] == "2.50 s"
    assert len(embedded(html, "audio/wav")) == 1


def test_long_clips_are_thinned_and_made_small() -> None:
    frames = torch.zeros(100, 300, 600, 3, dtype=torch.uint8)
    clip = omni.VideoClip(frames, times_seconds=torch.arange(100, dtype=torch.float64))
    html = clip._repr_html_()
    pictures = [omni.decode_image(png) for png in embedded(html, "image/png")]
    assert [(p.height, p.width) for p in pictures] == [(96, 192)] * 8
    times = re.findall(r"<figcaption>([^ ]+) s<", html)
    assert times[0] == "0.00" and times[-1] == "99.00"


def test_one_frame_shows() -> None:
    clip = omni.VideoClip(torch.zeros(1, 8, 8, 3, dtype=torch.uint8), times_seconds=[0.0])
    assert len(embedded(clip._repr_html_(), "image/png")) == 1


def test_a_receipt_is_a_table() -> None:
    receipt = omni.MediaReceipt(
        modality="image", source="<b>.png", width=30, height=20, token_begin=3, token_end=7
    )
    html = receipt._repr_html_()
    assert html.count("<tr>") == 2 and "&lt;b&gt;.png" in html and "<b>" not in html
    assert "30 × 20 px" in html and "3–7" in html


def test_the_receipt_of_a_reply_is_a_table(
    model: omni.OmniModel, picture: omni.Image, sound: omni.Waveform
) -> None:
    chat = omni.Chat(model)
    receipt = chat.send(picture, sound, "what?", max_text_tokens=2).receipt
    assert isinstance(receipt, omni.Receipt) and isinstance(receipt, list)
    html = receipt._repr_html_()
    assert html.startswith("<table>") and html.count("<tr>") == 3
    assert "30 × 20 px" in html and "1.00 s at 16000 Hz" in html
    # Without inputs, notebooks show the list itself.
    empty = chat.send("what?", max_text_tokens=2).receipt
    assert empty._repr_html_() is None and repr(empty) == "[]"


def test_a_reply_combines_them(model: omni.OmniModel, picture: omni.Image) -> None:
    reply = omni.Chat(model).send(picture, "draw", modalities=["image"])
    html = reply._repr_html_()
    assert omni.decode_image(embedded(html, "image/png")[0]) == reply.images[0]
    assert reply.receipt._repr_html_() in html and "picture" in html
    assert f"{reply.usage.prompt_tokens} tokens read" in html
    said = omni.Chat(model).send("<i>", max_text_tokens=20, temperature=1.0, seed=2)
    assert "<table>" not in said._repr_html_()


@pytest.mark.parametrize("reason", ["end_of_turn", "length"])
def test_a_reply_tells_that_it_was_cut(reason: str) -> None:
    html = omni.Reply(text="long", stop_reason=reason)._repr_html_()
    assert ("cut at the limit" in html) == (reason == "length")
