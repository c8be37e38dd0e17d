# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# Written by python/make_stubs.py; not by hand.
"""
Bindings of libomni; import omni instead.
"""
from __future__ import annotations
import collections.abc
import numpy.typing
import omni.receipt
import os
import pathlib
import torch
import typing
__all__: list[str] = ['Cancellation', 'ChatHandle', 'ChatTemplate', 'Event', 'Image', 'MediaBudget', 'MediaReceipt', 'Message', 'ModelHandle', 'Reply', 'SamplingOptions', 'TextTokenizer', 'Timing', 'TokenSpace', 'ToolCall', 'ToolResult', 'TrainEvent', 'Usage', 'VideoClip', 'Waveform', 'audio_projector_forward', 'conformer_ctc_logits', 'conformer_forward', 'decode_audio', 'decode_image', 'decode_video', 'default_dtype', 'dtype_from_name', 'embedded_model_folder', 'encode_flac', 'encode_jpeg', 'encode_png', 'encode_wav', 'explain', 'image_codec_decode', 'image_codec_encode', 'image_codec_losses', 'load_model', 'op_names', 'read_audio', 'read_chat_template', 'read_image', 'read_video', 'resample', 'resize_pixels', 'speech_codec_decode', 'speech_codec_encode', 'speech_codec_losses', 'train_file', 'train_json', 'transformer_embed', 'transformer_forward', 'transformer_logits', 'vision_projector_forward', 'vit_forward', 'vocoder_forward', 'vocoder_losses', 'write_audio', 'write_image']
class Image:
    """
    A picture: `pixels` uint8 [Y, X, 3], RGB.
    """
    __hash__: typing.ClassVar[None] = None
    def __array__(self, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any:
        ...
    def __dlpack__(self, **kwargs) -> typing.Any:
        ...
    def __dlpack_device__(self) -> typing.Any:
        ...
    def __eq__(self, other: typing.Any) -> typing.Any:
        """
        Whether the contents agree; `source` does not count.
        """
    def __getstate__(self) -> tuple[torch.Tensor, str]:
        ...
    def __init__(self, pixels: torch.Tensor | numpy.typing.ArrayLike, *, source: str = '') -> None:
        """
        A picture over the memory of `pixels`, not a copy.

        Args:
            pixels: uint8 [Y, X, 3], RGB: a torch.Tensor, a NumPy array, any DLPack object.
            source: what receipts call it, such as a path.

        Raises:
            TypeError: of another dtype. ValueError: of another shape, or empty.

        Example:
            >>> omni.Image(torch.zeros(480, 640, 3, dtype=torch.uint8))
            Image(uint8 [480, 640, 3])
        """
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def _repr_png_(self) -> bytes:
        """
        The picture as a PNG file.
        """
    @property
    def height(self) -> int:
        """
        In pixels.
        """
    @property
    def pixels(self) -> torch.Tensor:
        """
        uint8 [Y, X, 3], RGB.
        """
    @property
    def source(self) -> str:
        """
        What receipts call it: a path, "bytes" or empty.
        """
    @source.setter
    def source(self, arg0: str) -> None:
        ...
    @property
    def width(self) -> int:
        """
        In pixels.
        """
class Waveform:
    """
    Sound: `samples` float32 [S], mono, and their rate.
    """
    __hash__: typing.ClassVar[None] = None
    def __array__(self, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any:
        ...
    def __dlpack__(self, **kwargs) -> typing.Any:
        ...
    def __dlpack_device__(self) -> typing.Any:
        ...
    def __eq__(self, other: typing.Any) -> typing.Any:
        """
        Whether the contents agree; `source` does not count.
        """
    def __getstate__(self) -> tuple[torch.Tensor, int, str]:
        ...
    def __init__(self, samples: torch.Tensor | numpy.typing.ArrayLike, *, sample_rate_hz: typing.SupportsInt | typing.SupportsIndex, source: str = '') -> None:
        """
        Sound over the memory of `samples`, not a copy.

        Args:
            samples: float32 [S] in [-1, 1], mono: torch.Tensor, NumPy array, DLPack object.
            sample_rate_hz: samples a second.
            source: what receipts call it, such as a path.

        Raises:
            TypeError: of another dtype. ValueError: of another shape, empty, or no rate.

        Example:
            >>> omni.Waveform(torch.zeros(24000), sample_rate_hz=16000)
            Waveform(1.50 s at 16000 Hz)
        """
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def _repr_html_(self) -> str:
        """
        A player.
        """
    @property
    def duration_seconds(self) -> float:
        """
        Samples over their rate.
        """
    @property
    def sample_rate_hz(self) -> int:
        """
        Samples a second.
        """
    @property
    def samples(self) -> torch.Tensor:
        """
        float32 [S], mono, in [-1, 1].
        """
    @property
    def source(self) -> str:
        """
        What receipts call it: a path, "bytes" or empty.
        """
    @source.setter
    def source(self, arg0: str) -> None:
        ...
class VideoClip:
    """
    Frames uint8 [N, Y, X, 3] with their times, and a soundtrack on one clock.
    """
    __hash__: typing.ClassVar[None] = None
    def __array__(self, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any:
        ...
    def __dlpack__(self, **kwargs) -> typing.Any:
        ...
    def __dlpack_device__(self) -> typing.Any:
        ...
    def __eq__(self, other: typing.Any) -> typing.Any:
        """
        Whether the contents agree; `source` does not count.
        """
    def __getstate__(self) -> tuple[torch.Tensor, torch.Tensor, Waveform | None, float, float, int, str]:
        ...
    def __init__(self, frames: torch.Tensor | numpy.typing.ArrayLike, *, times_seconds: torch.Tensor | numpy.typing.ArrayLike, audio: Waveform | None = None, audio_start_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0, duration_seconds: typing.SupportsFloat | typing.SupportsIndex | None = None, source: str = '') -> None:
        """
        A clip over the memory of `frames`, not a copy.

        Args:
            frames: uint8 [N, Y, X, 3], RGB: torch.Tensor, NumPy array, DLPack object.
            times_seconds: float64 [N], increasing, of each frame.
            audio: the soundtrack.
            audio_start_seconds: time of its first sample, on the same clock.
            duration_seconds: of the whole clip; None: until the last frame or sample.
            source: what receipts call it, such as a path.

        Raises:
            TypeError: of another dtype. ValueError: of another shape, or empty.

        Example:
            >>> omni.VideoClip(torch.zeros(2, 48, 64, 3, dtype=torch.uint8),
            ...                times_seconds=[0.0, 0.5])
            VideoClip(uint8 [2, 48, 64, 3] at 0.00 to 0.50 s)
        """
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def _repr_html_(self) -> str:
        """
        Frames spread over the clip, with their times, and a player of the soundtrack.
        """
    @property
    def audio(self) -> Waveform | None:
        """
        The soundtrack, a Waveform, or None.
        """
    @property
    def audio_start_seconds(self) -> float:
        """
        Time of the soundtrack's first sample, on the clock of the frames.
        """
    @property
    def duration_seconds(self) -> float:
        """
        Of the whole clip, its frames kept or not.
        """
    @property
    def frames(self) -> torch.Tensor:
        """
        uint8 [N, Y, X, 3], RGB.
        """
    @property
    def num_frames_in_file(self) -> int:
        """
        Frames the requested range of the file holds, kept or not; 0: unknown.
        """
    @property
    def source(self) -> str:
        """
        What receipts call it: a path, "bytes" or empty.
        """
    @source.setter
    def source(self, arg0: str) -> None:
        ...
    @property
    def times_seconds(self) -> torch.Tensor:
        """
        float64 [N], of each frame on the clip's own clock.
        """
class MediaBudget:
    """
    What reading one media file may cost. Held against what is read and decoded, never
    against what a header declares; OSError names the limit that a file goes over.

    Args:
        max_bytes: of the file or buffer.
        max_image_pixels: of a picture or of one frame.
        max_image_side: pixels.
        max_image_aspect: long side over short side.
        max_audio_seconds: decoded.
        max_video_seconds: of the requested range.
        max_video_frames: frames kept of a clip.
        max_frames_per_second: by the time stamps of a clip's frames.
        max_streams: in one file.
        max_decoded_bytes: of the frames kept, or of the samples.
        max_wall_seconds: of one call.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('max_bytes', 'max_image_pixels', 'max_image_side', 'max_image_aspect', 'max_audio_seconds', 'max_video_seconds', 'max_video_frames', 'max_frames_per_second', 'max_streams', 'max_decoded_bytes', 'max_wall_seconds')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[int, int, int, float, float, float, int, float, int, int, float]:
        ...
    def __init__(self, *, max_bytes: typing.SupportsInt | typing.SupportsIndex = 268435456, max_image_pixels: typing.SupportsInt | typing.SupportsIndex = 50000000, max_image_side: typing.SupportsInt | typing.SupportsIndex = 16384, max_image_aspect: typing.SupportsFloat | typing.SupportsIndex = 200.0, max_audio_seconds: typing.SupportsFloat | typing.SupportsIndex = 3600.0, max_video_seconds: typing.SupportsFloat | typing.SupportsIndex = 3600.0, max_video_frames: typing.SupportsInt | typing.SupportsIndex = 1024, max_frames_per_second: typing.SupportsFloat | typing.SupportsIndex = 1000.0, max_streams: typing.SupportsInt | typing.SupportsIndex = 16, max_decoded_bytes: typing.SupportsInt | typing.SupportsIndex = 4294967296, max_wall_seconds: typing.SupportsFloat | typing.SupportsIndex = 120.0) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def max_audio_seconds(self) -> float:
        ...
    @property
    def max_bytes(self) -> int:
        ...
    @property
    def max_decoded_bytes(self) -> int:
        ...
    @property
    def max_frames_per_second(self) -> float:
        ...
    @property
    def max_image_aspect(self) -> float:
        ...
    @property
    def max_image_pixels(self) -> int:
        ...
    @property
    def max_image_side(self) -> int:
        ...
    @property
    def max_streams(self) -> int:
        ...
    @property
    def max_video_frames(self) -> int:
        ...
    @property
    def max_video_seconds(self) -> float:
        ...
    @property
    def max_wall_seconds(self) -> float:
        ...
class TextTokenizer:
    """
    Text to ids and back. Safe to share between threads.

    Pickles by content: another process, here or on another machine, needs none of the files
    it was loaded from. Two are equal when their files are.
    """
    @staticmethod
    def load(path: str | os.PathLike[str]) -> TextTokenizer:
        """
        The tokenizer of a folder, a tokenizer.json or a tokenizer.model.

        Raises:
            OSError: naming what is wrong with the file. ValueError: of an unsupported kind.

        Example:
            >>> tokenizer = omni.TextTokenizer.load("tokenizer.json")
        """
    def __eq__(self, other: object) -> typing.Any:
        """
        Whether both were loaded from equal files.
        """
    def __hash__(self) -> int:
        """
        Equal for equal ones.
        """
    def __len__(self) -> int:
        ...
    def __reduce__(self) -> tuple[typing.Any, ...]:
        """
        By content: the receiver needs none of the files.
        """
    def __repr__(self) -> str:
        ...
    def _add_files(self, path: os.PathLike | str | bytes) -> None:
        ...
    def bytes_of(self, id: typing.SupportsInt | typing.SupportsIndex) -> bytes:
        """
        The raw bytes that one id adds to the text; empty for special tokens.
        """
    def decode(self, ids: torch.Tensor | numpy.typing.ArrayLike, skip_special: bool = False) -> str:
        """
        The text of ids.

        Args:
            ids: whole numbers: a list, an int64 tensor [L] or an array.
            skip_special: leaves special tokens out.

        Raises:
            IndexError: for an id outside [0, vocab_size). TypeError: for what is no whole
                number.
        """
    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """
        Ids of a text, in [0, vocab_size).

        Args:
            text: any string.
            allow_special: whether special tokens written in it are more than text.

        Example:
            >>> tokenizer.decode(tokenizer.encode("안녕"))
            '안녕'
        """
    def encode_with_ranges(self, text: str, allow_special: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        """
        Ids of a text, and for each the part of the text that it is for.

        Args:
            text: any string.
            allow_special: whether special tokens written in it are more than text.

        Returns:
            The ids of encode() and as many (begin, end): characters of the text, half-open. Ids
            that share a character have it both.

        Raises:
            ValueError: of a tokenizer.model, which cannot tell.

        Example:
            >>> ids, ranges = tokenizer.encode_with_ranges("안녕")
            >>> "안녕"[ranges[0][0]:ranges[0][1]]
        """
    @property
    def _files(self) -> dict[str, bytes] | None:
        ...
    @property
    def frame(self) -> tuple[list[int], list[int]]:
        """
        Ids that the file puts before and after a whole text; encode() does not.
        """
    @property
    def special_tokens(self) -> dict[str, int]:
        """
        Ids that only allow_special makes from text, by how they are written.
        """
    @property
    def vocab_size(self) -> int:
        """
        Ids there are.
        """
class TokenSpace:
    """
    The one id range [0, vocab_size) of a model, in segments.

    Attributes:
        vocab_size: ids there are; 0 for a model without a transformer.
        segments: half-open ranges (begin, end) of ids by name: "text", "control",
            "spelling", "image", "speech". A model lacks those of what it does not give.
        control_ids: ids by role: "eos", "user", "draw_begin", ...
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('vocab_size', 'segments', 'control_ids')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[int, dict[str, tuple[int, int]], dict[str, int]]:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def control(self, role: str) -> int:
        """
        The id of a role. ValueError when the model lacks it.
        """
    def segment_of(self, id: typing.SupportsInt | typing.SupportsIndex) -> str:
        """
        The segment an id falls in. IndexError outside [0, vocab_size).
        """
    @property
    def control_ids(self) -> dict[str, int]:
        ...
    @property
    def segments(self) -> dict[str, tuple[int, int]]:
        ...
    @property
    def vocab_size(self) -> int:
        ...
class ToolCall:
    """
    A function that a model asks to be called.

    Attributes:
        name: of the function.
        arguments: a JSON object as text: json.loads() reads it.
        id: as the model named the call, else "call00000", "call00001", ...
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('name', 'arguments', 'id')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, str, str]:
        ...
    def __init__(self, *, name: str = '', arguments: str = '{}', id: str = '') -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def arguments(self) -> str:
        ...
    @property
    def id(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
class ToolResult:
    """
    What a function gave back, for Chat.send_tool_results().

    Attributes:
        content: text, JSON or not.
        name: of the function; empty: not said.
        call_id: `id` of the ToolCall it is for; empty: not said.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('content', 'name', 'call_id')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, str, str]:
        ...
    def __init__(self, *, content: str = '', name: str = '', call_id: str = '') -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def call_id(self) -> str:
        ...
    @property
    def content(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
class MediaReceipt:
    """
    What became of one media input of a message.

    Attributes:
        modality: "image", "audio" or "video".
        source: a path, "bytes", what the value was given, or empty.
        height, width: pixels as decoded; 0 for sound.
        num_frames: frames of a clip given to the model.
        frame_times_seconds: of those frames, from the clip's begin.
        sample_rate_hz: samples a second as decoded; 0 without sound.
        seconds_heard: of the sound given to the model.
        token_begin, token_end: its rows in the sequence, half-open.
        encode_seconds: from pixels and samples to rows; 0 when `was_cached`.
        was_cached: whether rows of an earlier turn were used again.
        dropped: sentences that say what was left out and why; empty: nothing.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('modality', 'source', 'height', 'width', 'num_frames', 'frame_times_seconds', 'sample_rate_hz', 'seconds_heard', 'token_begin', 'token_end', 'encode_seconds', 'was_cached', 'dropped')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, str, int, int, int, list[float], int, float, int, int, float, bool, str]:
        ...
    def __init__(self, *, modality: str = 'image', source: str = '', height: typing.SupportsInt | typing.SupportsIndex = 0, width: typing.SupportsInt | typing.SupportsIndex = 0, num_frames: typing.SupportsInt | typing.SupportsIndex = 0, frame_times_seconds: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] = [], sample_rate_hz: typing.SupportsInt | typing.SupportsIndex = 0, seconds_heard: typing.SupportsFloat | typing.SupportsIndex = 0.0, token_begin: typing.SupportsInt | typing.SupportsIndex = 0, token_end: typing.SupportsInt | typing.SupportsIndex = 0, encode_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0, was_cached: bool = False, dropped: str = '') -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def __str__(self) -> str:
        ...
    def _repr_html_(self) -> str:
        """
        A table of one row.
        """
    @property
    def dropped(self) -> str:
        ...
    @property
    def encode_seconds(self) -> float:
        ...
    @property
    def frame_times_seconds(self) -> list[float]:
        ...
    @property
    def height(self) -> int:
        ...
    @property
    def modality(self) -> str:
        ...
    @property
    def num_frames(self) -> int:
        ...
    @property
    def sample_rate_hz(self) -> int:
        ...
    @property
    def seconds_heard(self) -> float:
        ...
    @property
    def source(self) -> str:
        ...
    @property
    def token_begin(self) -> int:
        ...
    @property
    def token_end(self) -> int:
        ...
    @property
    def was_cached(self) -> bool:
        ...
    @property
    def width(self) -> int:
        ...
class Usage:
    """
    Tokens of one answer.

    Attributes:
        prompt_tokens: of the whole sequence before the answer, rows of media too.
        prefilled_tokens: of those, what was computed now and not found in the cache.
        answer_tokens: ids given, of any kind.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('prompt_tokens', 'prefilled_tokens', 'answer_tokens')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[int, int, int]:
        ...
    def __init__(self, *, prompt_tokens: typing.SupportsInt | typing.SupportsIndex = 0, prefilled_tokens: typing.SupportsInt | typing.SupportsIndex = 0, answer_tokens: typing.SupportsInt | typing.SupportsIndex = 0) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def answer_tokens(self) -> int:
        ...
    @property
    def prefilled_tokens(self) -> int:
        ...
    @property
    def prompt_tokens(self) -> int:
        ...
class Timing:
    """
    Seconds of one answer.

    Attributes:
        encode: media into rows.
        prefill: from then to the first id.
        generate: from there to the end: ids, pictures and sound.
        total: all of it.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('encode', 'prefill', 'generate', 'total')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[float, float, float, float]:
        ...
    def __init__(self, *, encode: typing.SupportsFloat | typing.SupportsIndex = 0.0, prefill: typing.SupportsFloat | typing.SupportsIndex = 0.0, generate: typing.SupportsFloat | typing.SupportsIndex = 0.0, total: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def encode(self) -> float:
        ...
    @property
    def generate(self) -> float:
        ...
    @property
    def prefill(self) -> float:
        ...
    @property
    def total(self) -> float:
        ...
class Reply:
    """
    An answer: text, pictures, speech and receipts.

    Attributes:
        text: the answer itself; empty when there is none.
        reasoning: what a published model thought before it answered; else empty.
        tool_calls: ToolCalls that the model wants to be answered, in order.
        images: pictures drawn, in order, each an Image of uint8 [Y, X, 3].
        speech: a Waveform of float32 [S], or None.
        receipt: a Receipt: a list of one MediaReceipt for each media input, in order.
        usage: how many tokens, a Usage.
        seconds: how long it took, a Timing.
        stop_reason: "end_of_turn", "length", "stop_string" or "cancelled".
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('text', 'reasoning', 'tool_calls', 'images', 'speech', 'receipt', 'usage', 'seconds', 'stop_reason')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, str, list[ToolCall], list[Image], Waveform | None, list[MediaReceipt], Usage, Timing, str]:
        ...
    def __init__(self, *, text: str = '', reasoning: str = '', tool_calls: collections.abc.Sequence[ToolCall] = [], images: collections.abc.Sequence[Image] = [], speech: Waveform | None = None, receipt: collections.abc.Sequence[MediaReceipt] = [], usage: Usage = ..., seconds: Timing = ..., stop_reason: str = 'end_of_turn') -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def __str__(self) -> str:
        ...
    def _repr_html_(self) -> str:
        """
        What was thought, the text, calls, the pictures, the speech and what was read.
        """
    @property
    def images(self) -> list[Image]:
        ...
    @property
    def reasoning(self) -> str:
        ...
    @property
    def receipt(self) -> omni.receipt.Receipt:
        ...
    @property
    def seconds(self) -> Timing:
        ...
    @property
    def speech(self) -> Waveform | None:
        ...
    @property
    def stop_reason(self) -> str:
        ...
    @property
    def text(self) -> str:
        ...
    @property
    def tool_calls(self) -> list[ToolCall]:
        ...
    @property
    def usage(self) -> Usage:
        ...
class SamplingOptions:
    """
    How ids are drawn and when generation ends.

    What is None is what the model recommends (`OmniModel.sampling_defaults`), and else the
    neutral value in brackets.

    Args:
        temperature: 0: always the most likely id (0).
        top_k: 0: all (0).
        top_p: nucleus mass in (0, 1] (1).
        min_p: share of the largest probability, in [0, 1) (0).
        repetition_penalty: on ids that the prompt or the answer's text has; logits above 0
            are divided by it, others multiplied, as in transformers; 1: none (1).
        presence_penalty: off the logit of a text id that the answer has; usually -2 to 2, as
            with OpenAI and vLLM; 0: none (0).
        frequency_penalty: off it for each time that the answer has the id; usually -2 to 2;
            0: none (0).
        seed: same seed, same ids.
        max_text_tokens: limit of text (none for a published model, whose text ends with the
            turn or the context; 256 for one of ours).
        max_images, max_speech_codes: limits; 25 speech codes a second.
        image_temperature: of image codes (1).
        image_guidance_scale: classifier-free guidance; 1: none (1).
        speech_temperature: of speech codes (0).
        stop: text ends before the first of these; a special token is looked for as an id.
        modalities: what may come out. Empty: text, and pictures where the model decides
            to draw. ["image"]: a picture at once. ["speech"]: text, then the speech that
            says it.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('temperature', 'top_k', 'top_p', 'min_p', 'repetition_penalty', 'presence_penalty', 'frequency_penalty', 'seed', 'max_text_tokens', 'max_images', 'max_speech_codes', 'image_temperature', 'image_guidance_scale', 'speech_temperature', 'stop', 'modalities')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[float | None, int | None, float | None, float | None, float | None, float | None, float | None, int, int | None, int, int, float | None, float | None, float | None, list[str], list[str]]:
        ...
    def __init__(self, *, temperature: typing.SupportsFloat | typing.SupportsIndex | None = None, top_k: typing.SupportsInt | typing.SupportsIndex | None = None, top_p: typing.SupportsFloat | typing.SupportsIndex | None = None, min_p: typing.SupportsFloat | typing.SupportsIndex | None = None, repetition_penalty: typing.SupportsFloat | typing.SupportsIndex | None = None, presence_penalty: typing.SupportsFloat | typing.SupportsIndex | None = None, frequency_penalty: typing.SupportsFloat | typing.SupportsIndex | None = None, seed: typing.SupportsInt | typing.SupportsIndex = 0, max_text_tokens: typing.SupportsInt | typing.SupportsIndex | None = None, max_images: typing.SupportsInt | typing.SupportsIndex = 1, max_speech_codes: typing.SupportsInt | typing.SupportsIndex = 750, image_temperature: typing.SupportsFloat | typing.SupportsIndex | None = None, image_guidance_scale: typing.SupportsFloat | typing.SupportsIndex | None = None, speech_temperature: typing.SupportsFloat | typing.SupportsIndex | None = None, stop: collections.abc.Sequence[str] = [], modalities: collections.abc.Sequence[str] = []) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def frequency_penalty(self) -> float | None:
        ...
    @property
    def image_guidance_scale(self) -> float | None:
        ...
    @property
    def image_temperature(self) -> float | None:
        ...
    @property
    def max_images(self) -> int:
        ...
    @property
    def max_speech_codes(self) -> int:
        ...
    @property
    def max_text_tokens(self) -> int | None:
        ...
    @property
    def min_p(self) -> float | None:
        ...
    @property
    def modalities(self) -> list[str]:
        ...
    @property
    def presence_penalty(self) -> float | None:
        ...
    @property
    def repetition_penalty(self) -> float | None:
        ...
    @property
    def seed(self) -> int:
        ...
    @property
    def speech_temperature(self) -> float | None:
        ...
    @property
    def stop(self) -> list[str]:
        ...
    @property
    def temperature(self) -> float | None:
        ...
    @property
    def top_k(self) -> int | None:
        ...
    @property
    def top_p(self) -> float | None:
        ...
class Event:
    """
    What a running answer reports: look at `kind` first.

    Attributes:
        kind: "text": a piece of text; "reasoning": a piece of what the model thinks before
            it answers; "tool_call": a function it wants to be called; "drawing": a picture
            is on its way; "image": it is finished; "speech": a chunk that follows the one
            before without a gap; "done": the last event.
        text: of "text" and "reasoning", whole characters; else empty.
        image: of "image", an Image of uint8 [Y, X, 3]; else None.
        speech: of "speech", a Waveform of float32 [S]; else None.
        num_done, num_total: of "drawing", codes so far and of the whole picture; else 0.
        call: of "tool_call", a ToolCall; else None.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('kind', 'text', 'image', 'speech', 'num_done', 'num_total', 'call')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, str, Image | None, Waveform | None, int, int, ToolCall | None]:
        ...
    def __init__(self, kind: str, *, text: str = '', image: Image | None = None, speech: Waveform | None = None, num_done: typing.SupportsInt | typing.SupportsIndex = 0, num_total: typing.SupportsInt | typing.SupportsIndex = 0, call: ToolCall | None = None) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def call(self) -> ToolCall | None:
        ...
    @property
    def image(self) -> Image | None:
        ...
    @property
    def kind(self) -> str:
        ...
    @property
    def num_done(self) -> int:
        ...
    @property
    def num_total(self) -> int:
        ...
    @property
    def speech(self) -> Waveform | None:
        ...
    @property
    def text(self) -> str:
        ...
class Message:
    """
    One turn: a role, its parts, and what else belongs to it.

    Attributes:
        role: "system", "user", "assistant" or "tool".
        parts: texts, Images, Waveforms and VideoClips in order.
        ids: of an answer as generated, else None.
        reasoning: of an answer, what was thought before it; else empty.
        tool_calls: of an answer, ToolCalls in order.
        tool_name, tool_call_id: of a tool's result, which call it answers; else empty.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('role', 'parts', 'ids', 'reasoning', 'tool_calls', 'tool_name', 'tool_call_id')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, list[str | Image | Waveform | VideoClip], list[int] | None, str, list[ToolCall], str, str]:
        ...
    def __init__(self, role: str, parts: collections.abc.Iterable[str | Image | Waveform | VideoClip], *, ids: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] | None = None, reasoning: str = '', tool_calls: collections.abc.Sequence[ToolCall] = [], tool_name: str = '', tool_call_id: str = '') -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def ids(self) -> list[int] | None:
        ...
    @property
    def parts(self) -> list[str | Image | Waveform | VideoClip]:
        ...
    @property
    def reasoning(self) -> str:
        ...
    @property
    def role(self) -> str:
        ...
    @property
    def tool_call_id(self) -> str:
        ...
    @property
    def tool_calls(self) -> list[ToolCall]:
        ...
    @property
    def tool_name(self) -> str:
        ...
class ModelHandle:
    """
    What omni.OmniModel is made of.
    """
    sampling_defaults: SamplingOptions
    def __init__(self, config_json: str, *, tokenizer: TextTokenizer | None = None, tokenizer_path: os.PathLike | str | bytes | None = None) -> None:
        ...
    def codec_mel(self, waveform: Waveform) -> torch.Tensor:
        ...
    def codec_pixels(self, image: Image) -> torch.Tensor:
        ...
    def compose(self, messages: collections.abc.Sequence[Message], *, tools: str = '', thinks: bool | None = None) -> torch.Tensor:
        ...
    def copy(self) -> ModelHandle:
        ...
    def encode(self, *args) -> list:
        ...
    def generate(self, ids: torch.Tensor, *, max_new_tokens: typing.SupportsInt | typing.SupportsIndex = 32, sampling: SamplingOptions = ..., wants_log_probabilities: bool = False, captures_decode: bool = False) -> tuple:
        ...
    def generate_several(self, prompts: collections.abc.Sequence[torch.Tensor], *, max_new_tokens: typing.SupportsInt | typing.SupportsIndex = 32, sampling: SamplingOptions = ..., wants_log_probabilities: bool = False) -> list:
        ...
    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        ...
    def module_tree(self) -> list:
        ...
    def quantize(self, format: str) -> ModelHandle:
        ...
    def save(self, folder: str | os.PathLike[str], *, max_shard_bytes: typing.SupportsInt | typing.SupportsIndex = 4294967296) -> None:
        ...
    def set_training(self, path: str, mode: bool) -> None:
        ...
    @property
    def config_json(self) -> str:
        ...
    @property
    def device(self) -> torch.device:
        ...
    @property
    def dtype(self) -> torch.dtype:
        ...
    @property
    def eos_ids(self) -> list[int]:
        ...
    @property
    def num_parameters(self) -> int:
        ...
    @property
    def token_space(self) -> TokenSpace:
        ...
    @property
    def tokenizer(self) -> TextTokenizer | None:
        ...
    @property
    def unused_tensors(self) -> list[str]:
        ...
    @property
    def weight_format(self) -> str | None:
        ...
class ChatTemplate:
    """
    The chat template of a model: Jinja as `transformers` reads it. Runs no code but the
    template's, within limits; safe to share between threads. Pickles; two are equal when
    their source and defaults are.

    Args:
        source: the template, such as `chat_template` in a tokenizer_config.json.

    Raises:
        ValueError: naming line and column, for a source that is no template.

    Example:
        >>> template = omni.ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}")
        >>> template.render([{"role": "user", "content": "안녕"}])
        '안녕'
    """
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, dict]:
        ...
    def __hash__(self) -> int:
        ...
    def __init__(self, source: str) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def render(self, messages: collections.abc.Sequence[typing.Any], add_generation_prompt: bool = False, tools: collections.abc.Sequence[typing.Any] | None = None, **kwargs) -> str:
        """
        The prompt of a conversation.

        Args:
            messages: dicts with "role", "content" and whatever else the template reads.
            add_generation_prompt: whether the prompt ends where an answer begins.
            tools: descriptions of functions that may be called, as JSON schemas.
            variables: what else the template asks for: bos_token, enable_thinking.

        Raises:
            ValueError: where the template fails, raises an error itself or goes over a limit.
            TypeError: for values other than None, bool, int, float, str, list, tuple, dict.
        """
    @property
    def defaults(self) -> dict:
        """
        Variables that render() may be given otherwise: the special tokens of the folder that read_chat_template() read.
        """
    @property
    def source(self) -> str:
        """
        The template as text.
        """
class Cancellation:
    """
    Ends an answer before its next id, from any thread.
    """
    def __init__(self) -> None:
        ...
    def cancel(self) -> None:
        ...
    @property
    def is_wanted(self) -> bool:
        ...
class ChatHandle:
    """
    What omni.Chat is made of.
    """
    thinks: bool | None
    def __init__(self, model: ModelHandle, *, system: str = '', tools: str = '', thinks: bool | None = None, cache_bytes: typing.SupportsInt | typing.SupportsIndex = 268435456, captures_decode: bool = False) -> None:
        ...
    def reset(self) -> None:
        ...
    def send(self, parts: collections.abc.Iterable[str | Image | Waveform | VideoClip], *, sampling: SamplingOptions = ..., on_event: collections.abc.Callable[[Event], typing.Any] | None = None, cancellation: Cancellation | None = None) -> Reply:
        ...
    def send_tool_results(self, results: collections.abc.Sequence[ToolResult], *, sampling: SamplingOptions = ..., on_event: collections.abc.Callable[[Event], typing.Any] | None = None, cancellation: Cancellation | None = None) -> Reply:
        ...
    def undo(self) -> bool:
        ...
    @property
    def conversation(self) -> list[Message]:
        ...
class TrainEvent:
    """
    What a training run reports: look at `kind` first.

    Attributes:
        kind: "left_out": samples of a data set lack what the objective needs; "step": one
            of these each `log_every` steps; "evaluated": one for each set; "started",
            "resumed", "saved", "finished", "stopped": the run itself.
        step, num_steps: steps done, and of the whole run.
        name: of "evaluated" the set, of "saved" the folder, of "left_out" the data.
        precision: of "started" and "resumed", what `precision` is on this machine: "float32"
            or "bfloat16".
        needs, num_left_out: of "left_out", what samples lack and how many they are.
        losses: means by term, without their weights: of "step" since the last one, of
            "evaluated" over the set.
        figures: the same of what is no loss: accuracies in [0, 1], "psnr" in dB, ...
        learning_rate_share: of "step", what the schedule leaves of the learning rates, in
            [0, 1].
        gradient_norm: of "step", Euclidean, before clipping.
        tokens_per_second: of "step": tokens, frames of sound or pictures, as the objective
            counts.
        seconds_left: of "step", until the last one at the speed so far.
    """
    __hash__: typing.ClassVar[None] = None
    _fields: typing.ClassVar[tuple] = ('kind', 'step', 'num_steps', 'name', 'precision', 'needs', 'num_left_out', 'losses', 'figures', 'learning_rate_share', 'gradient_norm', 'tokens_per_second', 'seconds_left')
    def __eq__(self, other: typing.Any) -> typing.Any:
        ...
    def __getstate__(self) -> tuple[str, int, int, str, str, str, int, dict[str, float], dict[str, float], float, float, float, float]:
        ...
    def __init__(self, *, kind: str = 'step', step: typing.SupportsInt | typing.SupportsIndex = 0, num_steps: typing.SupportsInt | typing.SupportsIndex = 0, name: str = '', precision: str = '', needs: str = '', num_left_out: typing.SupportsInt | typing.SupportsIndex = 0, losses: collections.abc.Mapping[str, typing.SupportsFloat | typing.SupportsIndex] = {}, figures: collections.abc.Mapping[str, typing.SupportsFloat | typing.SupportsIndex] = {}, learning_rate_share: typing.SupportsFloat | typing.SupportsIndex = 0.0, gradient_norm: typing.SupportsFloat | typing.SupportsIndex = 0.0, tokens_per_second: typing.SupportsFloat | typing.SupportsIndex = 0.0, seconds_left: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def figures(self) -> dict[str, float]:
        ...
    @property
    def gradient_norm(self) -> float:
        ...
    @property
    def kind(self) -> str:
        ...
    @property
    def learning_rate_share(self) -> float:
        ...
    @property
    def losses(self) -> dict[str, float]:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def needs(self) -> str:
        ...
    @property
    def num_left_out(self) -> int:
        ...
    @property
    def num_steps(self) -> int:
        ...
    @property
    def precision(self) -> str:
        ...
    @property
    def seconds_left(self) -> float:
        ...
    @property
    def step(self) -> int:
        ...
    @property
    def tokens_per_second(self) -> float:
        ...
def audio_projector_forward(model: ModelHandle, rows: torch.Tensor) -> torch.Tensor:
    ...
def conformer_ctc_logits(model: ModelHandle, rows: torch.Tensor) -> torch.Tensor:
    ...
def conformer_forward(model: ModelHandle, mel: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    ...
def decode_audio(bytes: bytes | bytearray | memoryview, *, name: str = 'bytes', budget: MediaBudget = ...) -> Waveform:
    """
    read_audio() of a file in memory (any bytes-like object); `name` stands for the path in errors and receipts. OSError for what is no such file.
    """
def decode_image(bytes: bytes | bytearray | memoryview, *, name: str = 'bytes', budget: MediaBudget = ...) -> Image:
    """
    read_image() of a file in memory (any bytes-like object); `name` stands for the path in errors and receipts. OSError for what is no such file.
    """
def decode_video(bytes: bytes | bytearray | memoryview, *, name: str = 'bytes', begin_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0, end_seconds: typing.SupportsFloat | typing.SupportsIndex | None = None, frames_per_second: typing.SupportsFloat | typing.SupportsIndex | None = None, max_frames: typing.SupportsInt | typing.SupportsIndex | None = None, with_audio: bool = True, budget: MediaBudget = ...) -> VideoClip:
    """
    read_video() of a file in memory (any bytes-like object); `name` stands for the path in errors and receipts. OSError for what is no such file, ValueError for senseless options.
    """
def default_dtype() -> torch.dtype:
    """
    torch.bfloat16 where this CPU multiplies it, else torch.float32.
    """
def dtype_from_name(name: str) -> torch.dtype:
    ...
def embedded_model_folder() -> pathlib.Path:
    ...
def encode_flac(waveform: Waveform, *, format: str = 'int16') -> bytes:
    """
    Sound as a file in memory, compressed without loss.

    Args:
        waveform: float32 [S]; what lies outside [-1, 1] is clipped.
        format: of a sample: "int16" or "int24".

    Returns:
        The bytes of a FLAC file.

    Raises:
        ValueError: for another format, a rate that FLAC cannot hold, or samples that are not
            finite. NotImplementedError: where FFmpeg is built without FLAC.

    Example:
        >>> omni.encode_flac(waveform)[:4]
        b'fLaC'
    """
def encode_jpeg(image: Image, *, quality: typing.SupportsInt | typing.SupportsIndex = 95) -> bytes:
    """
    A picture as a small file in memory.

    Args:
        image: uint8 [Y, X, 3].
        quality: 1 to 100.

    Returns:
        The bytes of a JPEG file.

    Raises:
        ValueError: for another quality, or a picture that the format cannot hold.

    Example:
        >>> omni.decode_image(omni.encode_jpeg(image, quality=80)).width == image.width
        True
    """
def encode_png(image: Image) -> bytes:
    """
    A picture as a file in memory, without loss.

    Args:
        image: uint8 [Y, X, 3].

    Returns:
        The bytes of a PNG file.

    Raises:
        ValueError: for a picture that the format cannot hold.

    Example:
        >>> omni.decode_image(omni.encode_png(image)) == image
        True
    """
def encode_wav(waveform: Waveform, *, format: str = 'int16') -> bytes:
    """
    Sound as a file in memory.

    Args:
        waveform: float32 [S]; what lies outside [-1, 1] is clipped in whole-number formats.
        format: of a sample: "int16", "int24" or "float32".

    Returns:
        The bytes of a WAV file.

    Raises:
        ValueError: for another format, samples that are not finite, or 4 GiB and more.

    Example:
        >>> omni.decode_audio(omni.encode_wav(waveform, format="float32")) == waveform
        True
    """
def explain(op: str, tensors: collections.abc.Sequence[torch.Tensor]) -> str:
    """
    Which path a call of `op` with these tensors takes, and why. ValueError for a name not in op_names().
    """
def image_codec_decode(model: ModelHandle, codes: torch.Tensor) -> torch.Tensor:
    ...
def image_codec_encode(model: ModelHandle, pixels: torch.Tensor) -> torch.Tensor:
    ...
def image_codec_losses(model: ModelHandle, pixels: torch.Tensor) -> tuple[list[tuple[str, torch.Tensor]], list[tuple[str, torch.Tensor]]]:
    ...
def load_model(path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device = ...) -> ModelHandle:
    ...
def op_names() -> list[str]:
    """
    Names of the fused ops in torch.ops.omni.
    """
def read_audio(path: str | os.PathLike[str], *, budget: MediaBudget = ...) -> Waveform:
    """
    A WAV, FLAC, MP3, Ogg or AAC file, or a video's soundtrack, at its own rate.

    Args:
        path: str or os.PathLike.
        budget: what reading may cost.

    Returns:
        The mean of its channels, float32 [S].

    Raises:
        OSError: naming the file and the cause.

    Example:
        >>> omni.read_audio("question.wav")
        Waveform(2.50 s at 24000 Hz, source='question.wav')
    """
def read_chat_template(folder: os.PathLike | str | bytes) -> ChatTemplate | None:
    """
    The chat template in a model folder: chat_template.jinja, or else the one in
    tokenizer_config.json. It knows the folder's special tokens (bos_token, eos_token, ...).

    Returns:
        None when the folder has none.

    Raises:
        OSError, ValueError: naming the file that is not as it should be.

    Example:
        >>> template = omni.read_chat_template("checkpoint")
    """
def read_image(path: str | os.PathLike[str], *, budget: MediaBudget = ...) -> Image:
    """
    A PNG, JPEG, WebP or BMP file as a viewer shows it.

    Args:
        path: str or os.PathLike.
        budget: what reading may cost.

    Raises:
        OSError: naming the file and the cause.

    Example:
        >>> omni.read_image("cat.png")
        Image(uint8 [480, 640, 3], source='cat.png')
    """
def read_video(path: str | os.PathLike[str], *, begin_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0, end_seconds: typing.SupportsFloat | typing.SupportsIndex | None = None, frames_per_second: typing.SupportsFloat | typing.SupportsIndex | None = None, max_frames: typing.SupportsInt | typing.SupportsIndex | None = None, with_audio: bool = True, budget: MediaBudget = ...) -> VideoClip:
    """
    Frames of an MP4, MOV, MKV, WebM or AVI file and the soundtrack, on one clock.

    Args:
        path: str or os.PathLike.
        begin_seconds, end_seconds: the range read; None: to the end.
        frames_per_second: keeps the frames seen at that rate; None: every frame.
        max_frames: thins out evenly to at most so many; None: no such limit.
        with_audio: whether the soundtrack is read.
        budget: what reading may cost.

    Raises:
        OSError: naming the file and the cause. ValueError: for senseless options.

    Example:
        >>> omni.read_video("clip.mp4", frames_per_second=2)
        VideoClip(uint8 [8, 240, 320, 3] at 0.00 to 3.50 s, audio=Waveform(4.00 s at 48000 Hz), source='clip.mp4')
    """
def resample(waveform: Waveform, *, rate_hz: typing.SupportsInt | typing.SupportsIndex) -> Waveform:
    """
    The same sound at another rate, band-limited.

    Args:
        waveform: float32 [S], at 1 to 1,000,000 Hz.
        rate_hz: samples a second of the result, in the same range.

    Returns:
        A Waveform of ceil(S * rate_hz / sample_rate_hz) samples, or one less; at its own
        rate `waveform` itself.

    Raises:
        ValueError: for a rate out of range, or rates too far apart.

    Example:
        >>> omni.resample(omni.Waveform(torch.zeros(24000), sample_rate_hz=24000), rate_hz=16000)
        Waveform(1.00 s at 16000 Hz)
    """
def resize_pixels(pixels: torch.Tensor, *, height: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex, interpolation: str = 'bilinear') -> torch.Tensor:
    """
    Antialiased resize, equal to PIL's within one level.

    Args:
        pixels: uint8 [Y, X, 3], or [N, Y, X, 3] of frames.
        height, width: pixels of the result.
        interpolation: "nearest", "bilinear" or "bicubic".

    Returns:
        uint8 [height, width, 3], or [N, height, width, 3].

    Raises:
        TypeError: for another dtype or shape. ValueError: for a size below 1, or another
            interpolation.

    Example:
        >>> omni.resize_pixels(image.pixels, height=64, width=64).shape
        torch.Size([64, 64, 3])
    """
def speech_codec_decode(model: ModelHandle, codes: torch.Tensor) -> torch.Tensor:
    ...
def speech_codec_encode(model: ModelHandle, mel: torch.Tensor) -> torch.Tensor:
    ...
def speech_codec_losses(model: ModelHandle, mel: torch.Tensor, lengths: torch.Tensor) -> tuple[list[tuple[str, torch.Tensor]], list[tuple[str, torch.Tensor]]]:
    ...
def train_file(path: str | os.PathLike[str], *, overrides: collections.abc.Sequence[str], on_log: collections.abc.Callable[[TrainEvent], typing.Any] | None, wants_stop: collections.abc.Callable[[], bool] | None) -> bool:
    ...
def train_json(json: str, *, folder: os.PathLike | str | bytes, overrides: collections.abc.Sequence[str], on_log: collections.abc.Callable[[TrainEvent], typing.Any] | None, wants_stop: collections.abc.Callable[[], bool] | None) -> bool:
    ...
def transformer_embed(model: ModelHandle, ids: torch.Tensor) -> torch.Tensor:
    ...
def transformer_forward(model: ModelHandle, hidden: torch.Tensor, positions: torch.Tensor, segments: torch.Tensor | None = None) -> torch.Tensor:
    ...
def transformer_logits(model: ModelHandle, hidden: torch.Tensor) -> torch.Tensor:
    ...
def vision_projector_forward(model: ModelHandle, rows: torch.Tensor) -> torch.Tensor:
    ...
def vit_forward(model: ModelHandle, patches: torch.Tensor, grids: collections.abc.Sequence[typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"]]) -> torch.Tensor:
    ...
def vocoder_forward(model: ModelHandle, mel: torch.Tensor) -> torch.Tensor:
    ...
def vocoder_losses(model: ModelHandle, mel: torch.Tensor, samples: torch.Tensor) -> tuple[list[tuple[str, torch.Tensor]], list[tuple[str, torch.Tensor]]]:
    ...
def write_audio(waveform: Waveform, path: str | os.PathLike[str], *, format: str = 'int16') -> None:
    """
    Writes .wav or .flac, by the name, as "int16", "int24" or (WAV) "float32". ValueError for another name, OSError when it cannot be written.
    """
def write_image(image: Image, path: str | os.PathLike[str]) -> None:
    """
    Writes .png, .jpg or .jpeg, by the name. ValueError for another, OSError when it cannot be written.
    """
