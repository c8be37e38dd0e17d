# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""How values show in notebooks: pictures, audio players, thumbnails, tables."""

import base64
import html
from collections.abc import Iterable

import torch

from . import _omni

THUMBNAILS = 8  # of a clip
THUMBNAIL_HEIGHT = 96  # pixels
CELL = "padding:2px 8px;text-align:left;vertical-align:top"


def _data_uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def _shown(image: _omni.Image) -> str:
    return f'<img src="{_data_uri("image/png", _omni.encode_png(image))}">'


def image_png(self: _omni.Image) -> bytes:
    """The picture as a PNG file."""
    return _omni.encode_png(self)


def waveform_html(self: _omni.Waveform) -> str:
    """A player."""
    uri = _data_uri("audio/wav", _omni.encode_wav(self))
    return (
        f'<audio controls src="{uri}"></audio>'
        f"<div>{self.duration_seconds:.2f} s at {self.sample_rate_hz} Hz</div>"
    )


def clip_html(self: _omni.VideoClip) -> str:
    """Frames spread over the clip, with their times, and a player of the soundtrack."""
    count = self.frames.shape[0]
    step = max(count - 1, 1) / max(min(count, THUMBNAILS) - 1, 1)
    chosen = [round(i * step) for i in range(min(count, THUMBNAILS))]
    frames = self.frames[torch.tensor(chosen)]
    height = min(THUMBNAIL_HEIGHT, frames.shape[1])
    width = max(1, round(frames.shape[2] * height / frames.shape[1]))
    small = _omni.resize_pixels(frames, height=height, width=width)
    cells = "".join(
        f'<figure style="display:inline-block;margin:2px">{_shown(_omni.Image(pixels))}'
        f"<figcaption>{time:.2f} s</figcaption></figure>"
        for pixels, time in zip(small, self.times_seconds[chosen].tolist(), strict=True)
    )
    sound = waveform_html(self.audio) if self.audio is not None else ""
    return f"<div>{cells}</div>{sound}"


def _row(cells: Iterable[str], tag: str = "td") -> str:
    inner = "".join(f'<{tag} style="{CELL}">{cell}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def receipts_html(receipts: Iterable[_omni.MediaReceipt]) -> str:
    """A table, a row for each input."""
    rows = []
    for receipt in receipts:
        size = f"{receipt.width} × {receipt.height} px" if receipt.width else ""
        frames = ", ".join(f"{time:.2f} s" for time in receipt.frame_times_seconds)
        heard = (
            f"{receipt.seconds_heard:.2f} s at {receipt.sample_rate_hz} Hz"
            if receipt.sample_rate_hz
            else ""
        )
        took = "reused" if receipt.was_cached else f"{receipt.encode_seconds * 1e3:.1f} ms"
        rows.append(
            _row(
                (
                    html.escape(receipt.modality),
                    html.escape(receipt.source),
                    size,
                    frames,
                    heard,
                    f"{receipt.token_begin}–{receipt.token_end}",
                    took,
                    html.escape(receipt.dropped),
                )
            )
        )
    if not rows:
        return ""
    names = ("input", "source", "size", "frames", "heard", "tokens", "encoded", "left out")
    return f"<table>{_row(names, 'th')}{''.join(rows)}</table>"


def reply_html(self: _omni.Reply) -> str:
    """What was thought, the text, calls, the pictures, the speech and what was read."""
    text = html.escape(self.text).replace("\n", "<br>")
    pieces = []
    if self.reasoning:
        thought = html.escape(self.reasoning).replace("\n", "<br>")
        pieces.append(f"<details><summary>reasoning</summary><p>{thought}</p></details>")
    pieces += [f"<p>{text}</p>"] if text else []
    for call in self.tool_calls:
        pieces.append(f"<code>{html.escape(f'{call.name}({call.arguments})')}</code>")
    pieces += [_shown(image) for image in self.images]
    if self.speech is not None:
        pieces.append(waveform_html(self.speech))
    pieces.append(receipts_html(self.receipt))
    usage, seconds = self.usage, self.seconds
    end = ", cut at the limit" if self.stop_reason == "length" else ""
    pieces.append(
        f"<small>{usage.prompt_tokens} tokens read ({usage.prefilled_tokens} computed), "
        f"{usage.answer_tokens} given{end}; {seconds.total:.2f} s</small>"
    )
    return "".join(pieces)


def receipt_html(self: _omni.MediaReceipt) -> str:
    """A table of one row."""
    return receipts_html([self])


def install() -> None:
    """Gives the extension's values the methods that notebooks look for."""
    for kind, name, method in (
        (_omni.Image, "_repr_png_", image_png),
        (_omni.Waveform, "_repr_html_", waveform_html),
        (_omni.VideoClip, "_repr_html_", clip_html),
        (_omni.MediaReceipt, "_repr_html_", receipt_html),
        (_omni.Reply, "_repr_html_", reply_html),
    ):
        setattr(kind, name, method)
