# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Omni: one model that reads text, pictures, sound and video, and answers in text,
pictures and speech.

    >>> import omni
    >>> chat = omni.Chat(omni.load())
    >>> reply = chat.send(omni.read_image("cat.png"), "What is this?", seed=0)
    >>> print(reply.text)
"""

from .built_with import OMNI_VERSION as __version__
from .built_with import TORCH_VERSION

try:
    import torch
except ImportError as error:
    raise ImportError(
        f"[omni] expected the package torch {TORCH_VERSION}, got none. "
        f"Install it into this Python: pip install torch=={TORCH_VERSION}"
    ) from error

if torch.__version__.split("+")[0] != TORCH_VERSION:
    raise ImportError(
        f"[omni] expected torch {TORCH_VERSION}, with which this package was built, got "
        f"{torch.__version__}. Build it again for this torch: pip install "
        "--force-reinstall --no-deps <the folder of Omni's sources>"
    )

from . import display, kernels, pickling
from ._omni import (
    ChatTemplate,
    Event,
    Image,
    MediaBudget,
    MediaReceipt,
    Message,
    Reply,
    SamplingOptions,
    TextTokenizer,
    Timing,
    TokenSpace,
    ToolCall,
    ToolResult,
    TrainEvent,
    Usage,
    VideoClip,
    Waveform,
    decode_audio,
    decode_image,
    decode_video,
    default_dtype,
    encode_flac,
    encode_jpeg,
    encode_png,
    encode_wav,
    read_audio,
    read_chat_template,
    read_image,
    read_video,
    resample,
    resize_pixels,
    write_audio,
    write_image,
)
from .chat import Chat, Stream
from .model import OmniModel, load
from .quantization import quantize
from .receipt import Receipt
from .training import train

display.install()
pickling.install()

__all__ = [
    "Chat",
    "ChatTemplate",
    "Event",
    "Image",
    "MediaBudget",
    "MediaReceipt",
    "Message",
    "OmniModel",
    "Receipt",
    "Reply",
    "SamplingOptions",
    "Stream",
    "TextTokenizer",
    "Timing",
    "TokenSpace",
    "ToolCall",
    "ToolResult",
    "TrainEvent",
    "Usage",
    "VideoClip",
    "Waveform",
    "__version__",
    "decode_audio",
    "decode_image",
    "decode_video",
    "default_dtype",
    "encode_flac",
    "encode_jpeg",
    "encode_png",
    "encode_wav",
    "kernels",
    "load",
    "quantize",
    "read_audio",
    "read_chat_template",
    "read_image",
    "read_video",
    "resample",
    "resize_pixels",
    "train",
    "write_audio",
    "write_image",
]
