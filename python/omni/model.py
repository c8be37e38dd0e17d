# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""OmniModel as a torch.nn.Module around the C++ model, and load()."""

import copy
import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from . import _omni
from .chat_options import sampling_options, show_sampling_options
from .ids import Ids, ids_of, prompts_of
from .messages import json_of_tools, message_of
from .parts import (
    KINDS,
    AudioProjector,
    Conformer,
    ImageCodec,
    Part,
    SpeechCodec,
    Transformer,
    VisionProjector,
    Vit,
    Vocoder,
    parts_of,
)


class OmniModel(Part):
    """One model: a transformer with its encoders and codecs, any of which may be absent
    (None). A torch.nn.Module: parameters(), state_dict(), to(), optimizers work as ever.

    Args:
        config: config.json as a path, a dict or JSON text.
        tokenizer: the path of one (a file or its folder), which save() copies, or a
            TextTokenizer. A model without a transformer needs none.

    Raises:
        ValueError: naming the key that does not fit. OSError: for files.

    Example:
        >>> model = omni.OmniModel("config.json", tokenizer="tokenizer.model")
    """

    # None where the configuration has no such part.
    transformer: Transformer
    drawing_places: Part
    vit: Vit
    vision_projector: VisionProjector
    dense_head: Part
    conformer: Conformer
    audio_projector: AudioProjector
    image_codec: ImageCodec
    speech_codec: SpeechCodec
    vocoder: Vocoder

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any],
        *,
        tokenizer: "_omni.TextTokenizer | str | os.PathLike[str] | None" = None,
    ) -> None:
        path = None
        if tokenizer is not None and not isinstance(tokenizer, _omni.TextTokenizer):
            path = _tokenizer_file(tokenizer)
            tokenizer = _omni.TextTokenizer.load(path)
        handle = _omni.ModelHandle(_json_of(config), tokenizer=tokenizer, tokenizer_path=path)
        self._wrap(handle, path)

    def _wrap(self, handle: _omni.ModelHandle, tokenizer_path: Path | None) -> None:
        Part.__init__(self, handle, "", "OmniModel")
        self._tokenizer_path = tokenizer_path
        for name in KINDS:
            self._modules[name] = None
        for name, part in parts_of(handle):
            self._modules[name] = part
        super().train(False)

    @classmethod
    def _of(cls, handle: _omni.ModelHandle, tokenizer_path: Path | None) -> "OmniModel":
        model = cls.__new__(cls)
        model._wrap(handle, tokenizer_path)
        if handle.tokenizer and tokenizer_path:
            handle.tokenizer._add_files(tokenizer_path)  # so that it pickles
        return model

    @property
    def config(self) -> dict[str, Any]:
        """The contents of config.json (a copy)."""
        config: dict[str, Any] = json.loads(self._handle.config_json)
        return config

    @property
    def tokenizer(self) -> _omni.TextTokenizer | None:
        """Text to ids and back."""
        return self._handle.tokenizer

    @functools.cached_property
    def chat_template(self) -> _omni.ChatTemplate | None:
        """How a conversation becomes the model's prompt as text (chat_template.jinja or
        tokenizer_config.json beside its tokenizer); None for a model without one, as
        omni-nano, whose conversations omni.Chat lays out in ids."""
        if self._tokenizer_path is None:
            return None
        return _omni.read_chat_template(self._tokenizer_path.parent)

    @property
    def token_space(self) -> _omni.TokenSpace:
        """What each id means."""
        return self._handle.token_space

    @property
    def sampling_defaults(self) -> _omni.SamplingOptions:
        """How the model recommends to draw what a request leaves open
        (generation_config.json); saved with it."""
        return self._handle.sampling_defaults

    @sampling_defaults.setter
    def sampling_defaults(self, options: _omni.SamplingOptions) -> None:
        self._handle.sampling_defaults = options

    @property
    def eos_ids(self) -> list[int]:
        """Any of these ids ends an answer."""
        return self._handle.eos_ids

    @property
    def unused_tensors(self) -> list[str]:
        """Names of what a published checkpoint holds and this library does not run, such
        as layers that predict further tokens. Empty for folders of our own."""
        return self._handle.unused_tensors

    @property
    def weight_format(self) -> str | None:
        """Of the transformer's large weights, where they are quantized: "int8" or "int4"
        (omni.quantize). None: they are parameters."""
        return self._handle.weight_format

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters."""
        return self._handle.dtype

    @property
    def device(self) -> torch.device:
        """Of the parameters."""
        return self._handle.device

    @property
    def num_parameters(self) -> int:
        """Numbers learnt, in all parts, quantized ones among them."""
        return self._handle.num_parameters

    def logits(self, ids: Ids) -> torch.Tensor:
        """Logits of text-like ids; gradients flow.

        Args:
            ids: int64 [B, L].

        Returns:
            float32 [B, L, V].

        Raises:
            ValueError: for another shape, or a model without a transformer. TypeError: for
                ids that are no whole numbers.

        Example:
            >>> model.logits(torch.tensor([[1, 2, 3]])).shape
            torch.Size([1, 3, 4096])
        """
        return self._handle.logits(ids_of(ids, "logits"))

    forward = logits

    @show_sampling_options
    def generate(
        self,
        ids: Ids,
        *,
        max_new_tokens: int = 32,
        modalities: Sequence[str] = ("text",),
        return_log_probabilities: bool = False,
        captures_decode: bool = False,
        **options: Any,
    ) -> Any:
        """The ids that follow, until the end of the turn or a stop string.

        Args:
            ids: int64 [L], at least one; or a list of B such prompts, of any lengths, for
                which the weights are read once a step. Each gets the answer it gets alone.
            max_new_tokens: of any kind, for each prompt; of text max_text_tokens, if given.
            modalities: what may come out, among "text", "image", "speech"; of several
                prompts text alone.
            return_log_probabilities: also of each id the natural logarithm of its
                probability among all ids, before temperature and limits; NaN for ids that
                were not drawn.
            captures_decode: on a CUDA device ids after the first are computed by a CUDA
                graph, recorded once; on the CPU by the same step, unrecorded and slower,
                to compare answers. Without effect for several prompts, and for models
                with latent attention or experts.
            **options: fields of SamplingOptions (temperature, seed, ...).

        Returns:
            int64 [L'], L' <= max_new_tokens; the last is eos when the turn ended. With
            return_log_probabilities a pair of it and float32 [L']. For several prompts a
            list of these.

        Raises:
            ValueError, IndexError: for ids or options out of range. TypeError: for ids
                that are no whole numbers.

        Example:
            >>> model.generate(model.tokenizer.encode("a"), max_new_tokens=4)
            tensor([17,  3, 99,  1])
        """
        prompts = prompts_of(ids, "generate")
        settings: dict[str, Any] = {
            "max_new_tokens": max_new_tokens,
            "sampling": sampling_options(None, {"modalities": list(modalities), **options}),
            "wants_log_probabilities": return_log_probabilities,
        }
        if isinstance(prompts, torch.Tensor):
            results = [self._handle.generate(prompts, captures_decode=captures_decode, **settings)]
        else:
            results = self._handle.generate_several(prompts, **settings)
        answers = results if return_log_probabilities else [answer for answer, _ in results]
        return answers[0] if isinstance(prompts, torch.Tensor) else answers

    def compose(
        self,
        messages: Sequence["_omni.Message | Mapping[str, Any]"],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        thinks: bool | None = None,
    ) -> torch.Tensor:
        """Ids of a conversation of texts, up to where the next answer begins: what
        generate() continues. Special tokens that a text spells stay ordinary text.

        Args:
            messages: Messages, or dicts of "role", "content" and, as chat templates know
                them, "reasoning_content", "tool_calls", "name", "tool_call_id". Content is
                a text or a list of parts {"type": "text", "text": ...}, whose texts are
                put together.
            tools, thinks: as of omni.Chat.

        Returns:
            int64 [L].

        Raises:
            ValueError: for a conversation the model cannot take. TypeError: for media and
                other content that is no text.

        Example:
            >>> ids = model.compose([{"role": "user", "content": "안녕?"}])
            >>> model.tokenizer.decode(model.generate(ids), skip_special=True)
        """
        return self._handle.compose(
            [message_of(message) for message in messages],
            tools=json_of_tools(tools),
            thinks=thinks,
        )

    def encode(
        self, *values: "_omni.Image | _omni.Waveform | _omni.VideoClip"
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What the transformer sees of media; gradients flow.

        Args:
            *values: Images, Waveforms and VideoClips; one batch for each encoder.

        Returns:
            For each value its rows [R, D], of the model's dtype, and their positions
            float32 [R, 3]: (t, y, x) from the item's begin.

        Raises:
            TypeError: for a value of another kind. ValueError: where the model does not
                see or does not hear.

        Example:
            >>> ((rows, positions),) = model.encode(omni.read_image("cat.png"))
        """
        return self._handle.encode(*values)

    def codec_pixels(self, image: _omni.Image) -> torch.Tensor:
        """A picture as image_codec.encode() reads it, but for the batch: float32
        [3, size, size] in [-1, 1]. ValueError for a model that does not draw."""
        return self._handle.codec_pixels(image)

    def codec_mel(self, waveform: _omni.Waveform) -> torch.Tensor:
        """Speech as speech_codec.encode() reads it, but for the batch: float32 [T, M].
        ValueError for a model that does not speak."""
        return self._handle.codec_mel(waveform)

    def save(self, folder: str | os.PathLike[str], *, max_shard_bytes: int = 4 << 30) -> None:
        """Writes config.json, model.safetensors (or shards) and the tokenizer, from
        which load() makes the model again: a published checkpoint as it was published.
        OSError when it cannot."""
        self._handle.save(folder, max_shard_bytes=max_shard_bytes)

    def __repr__(self) -> str:
        parts = ", ".join(name for name in KINDS if self._modules[name] is not None)
        weights = f" with {self.weight_format} weights" if self.weight_format else ""
        return (
            f"OmniModel({self.config['name']!r}: {self.num_parameters / 1e6:.1f} M "
            f"parameters, {str(self.dtype).removeprefix('torch.')}{weights} on "
            f"{self.device}; {parts})"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> "OmniModel":
        twin = OmniModel._of(self._handle.copy(), self._tokenizer_path)
        for own_part, part in zip(self.modules(), twin.modules(), strict=True):
            if part.training != own_part.training:
                part.train(own_part.training)  # also of those within, which come after it
        for own, other in zip(self.parameters(), twin.parameters(), strict=True):
            other.requires_grad_(own.requires_grad)
        memo[id(self)] = twin
        return twin

    def __copy__(self) -> "OmniModel":
        return copy.deepcopy(self)


def _tokenizer_file(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    for name in ("tokenizer.json", "tokenizer.model"):
        if (path / name).is_file():
            return path / name
    return path


def _json_of(config: str | os.PathLike[str] | Mapping[str, Any]) -> str:
    if isinstance(config, Mapping):
        return json.dumps(config)
    if isinstance(config, str) and config.lstrip().startswith("{"):
        return config
    return Path(config).read_text(encoding="utf-8")


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> OmniModel:
    """A model from a folder, or the embedded omni-nano.

    Args:
        path: a folder with config.json, model.safetensors and a tokenizer, ours or a
            published checkpoint of a family we run; None: the embedded model.
        dtype: of the parameters, as torch.float32 or "float32"; None: bfloat16 where
            this CPU multiplies it, else float32.
        device: where it computes.

    Raises:
        OSError: when there is no such folder or model. ValueError: naming all tensors
            that are missing, unexpected or of another shape.

    Example:
        >>> model = omni.load("checkpoint", dtype=torch.float32)
    """
    if dtype is not None:
        dtype = _omni.dtype_from_name(str(dtype).removeprefix("torch."))
    if path is None:
        path = _omni.embedded_model_folder()
    handle = _omni.load_model(path, dtype=dtype, device=torch.device(device))
    return OmniModel._of(handle, _tokenizer_file(path) if handle.tokenizer else None)
