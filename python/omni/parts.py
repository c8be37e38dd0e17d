# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The learnt parts of a model as torch modules: their parameters are the C++ model's
own tensors, not copies, so that state_dict(), optimizers and to() act on what runs."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from . import _omni
from .ids import ids_of

Losses = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]


class Part(torch.nn.Module):
    """A C++ module: its parameters, buffers and children."""

    def __init__(self, handle: _omni.ModelHandle, path: str, type_name: str) -> None:
        super().__init__()
        self._handle = handle
        self._path = path
        self._type_name = type_name

    def _get_name(self) -> str:
        return self._type_name

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if name in own.get("_parameters", ()) or name in own.get("_buffers", ()):
            raise TypeError(
                f"[model] expected `{name}` to be written in place, got another tensor. "
                f"The C++ model holds this one: use {name}.data.copy_(...)."
            )
        super().__setattr__(name, value)

    def train(self, mode: bool = True) -> "Part":
        """Sets whether it trains, here and in the C++ model; returns itself."""
        self._handle.set_training(self._path, mode)
        super().train(mode)
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        if any("panels" in part._buffers for part in self.modules()):
            device = fn(torch.empty(0, dtype=torch.uint8)).device
            if device.type != "cpu":
                raise NotImplementedError(
                    f"[model] expected quantized weights to stay on cpu, got {device}. Save "
                    "the model, and load it there: omni.load(path, device=...)."
                )
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Copies values in; `assign` would cut the tie to the C++ model."""
        if assign:
            raise ValueError(
                "[model] expected assign=False, got True. The C++ model holds the "
                "tensors, so that values can only be copied into them."
            )
        return super().load_state_dict(state_dict, strict=strict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Part":
        raise TypeError(f"[model] expected a whole OmniModel to copy, got its part `{self._path}`.")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "[model] expected save(folder), got pickle. Weights alone: "
            "torch.save(model.state_dict(), path)."
        )


class PartList(Part):
    """Modules in order, such as the layers of a transformer."""

    def __getitem__(self, index: int) -> torch.nn.Module:
        return list(self.children())[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[torch.nn.Module]:
        return self.children()


class Transformer(Part):
    """The decoder: rows [B, L, D] and positions [B, L, 3] in, rows out."""

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows [..., D] of the table for ids int64 [...]."""
        return _omni.transformer_embed(self._handle, ids_of(ids, "embed"))

    def forward(
        self,
        hidden: torch.Tensor,
        positions: torch.Tensor | None = None,
        segments: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Rows [B, L, D] after the final norm.

        Args:
            hidden: rows [B, L, D] of the table or of media.
            positions: float32 [B, L, 3], (t, y, x); None: 0, 1, 2, ... as for text.
            segments: int64 [B, L]; a row sees earlier rows of its own segment.
        """
        if positions is None:
            steps = torch.arange(hidden.shape[1], dtype=torch.float32, device=hidden.device)
            positions = steps.view(1, -1, 1).expand(hidden.shape[0], -1, 3).contiguous()
        return _omni.transformer_forward(self._handle, hidden, positions, segments)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [..., V] of hidden rows [..., D]."""
        return _omni.transformer_logits(self._handle, hidden)


class Vit(Part):
    """Patch rows of pictures in, one row for each merged group of patches out."""

    def forward(self, patches: torch.Tensor, grids: Sequence[tuple[int, int, int]]) -> torch.Tensor:
        """patches [P, patch_size^2 * 3] and (frames, rows, columns) of each picture."""
        return _omni.vit_forward(self._handle, patches, list(grids))


class Conformer(Part):
    """Log-mel frames in, a row for every four of them out."""

    def forward(
        self, mel: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """mel float32 [B, T, M], lengths int64 [B] → rows [B, T', E] and lengths."""
        return _omni.conformer_forward(self._handle, mel, lengths)

    def ctc_logits(self, rows: torch.Tensor) -> torch.Tensor:
        """Label logits [B, T', labels]. ValueError without the side head."""
        return _omni.conformer_ctc_logits(self._handle, rows)


class VisionProjector(Part):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows [R, E] of one picture → [R', D]."""
        return _omni.vision_projector_forward(self._handle, rows)


class AudioProjector(Part):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows [R, E] of one sound → [R', D]."""
        return _omni.audio_projector_forward(self._handle, rows)


class ImageCodec(Part):
    """Pictures to a grid of codes and back."""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """pixels float32 [B, 3, size, size] in [-1, 1] → codes int64 [B, grid^2]."""
        return _omni.image_codec_encode(self._handle, pixels)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """codes int64 [B, grid^2] → pixels float32 [B, 3, size, size] in [-1, 1].
        IndexError for a code outside the range."""
        return _omni.image_codec_decode(self._handle, ids_of(codes, "image_codec"))

    def losses(self, pixels: torch.Tensor) -> Losses:
        """(terms to be added up, figures) of a training step."""
        terms, figures = _omni.image_codec_losses(self._handle, pixels)
        return dict(terms), dict(figures)


class SpeechCodec(Part):
    """Log-mel speech to codes, 25 a second, and back."""

    def encode(self, mel: torch.Tensor) -> torch.Tensor:
        """log-mel float32 [B, T, M] → codes int64 [B, Q]."""
        return _omni.speech_codec_encode(self._handle, mel)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """codes int64 [B, Q] → log-mel float32 [B, T, M]. IndexError for a code outside
        the range."""
        return _omni.speech_codec_decode(self._handle, ids_of(codes, "speech_codec"))

    def losses(self, mel: torch.Tensor, lengths: torch.Tensor) -> Losses:
        """(terms to be added up, figures); lengths int64 [B] of valid frames."""
        terms, figures = _omni.speech_codec_losses(self._handle, mel, lengths)
        return dict(terms), dict(figures)


class Vocoder(Part):
    """Log-mel to samples."""

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """log-mel float32 [B, T, M] → samples float32 [B, T * hop] in [-1, 1]."""
        return _omni.vocoder_forward(self._handle, mel)

    def losses(self, mel: torch.Tensor, samples: torch.Tensor) -> Losses:
        """(terms to be added up, figures) against samples [B, T * hop]."""
        terms, figures = _omni.vocoder_losses(self._handle, mel, samples)
        return dict(terms), dict(figures)


# By attribute of OmniModel; None where a model lacks the part.
KINDS: dict[str, type[Part]] = {
    "transformer": Transformer,
    "drawing_places": Part,
    "vit": Vit,
    "vision_projector": VisionProjector,
    "dense_head": Part,
    "conformer": Conformer,
    "audio_projector": AudioProjector,
    "image_codec": ImageCodec,
    "speech_codec": SpeechCodec,
    "vocoder": Vocoder,
}


def _simple_name(type_name: str) -> str:
    """omni::BlockImpl → Block."""
    return type_name.rsplit("::", 1)[-1].removesuffix("Impl")


def _as_parameter(tensor: Any) -> Any:
    # What torch.nn.Parameter's isinstance() asks of a tensor that is one.
    tensor._is_param = True
    return tensor


def parts_of(handle: _omni.ModelHandle) -> Iterator[tuple[str, Part]]:
    """Top-level parts by name, their modules and parameters beneath them."""
    by_path: dict[str, Part] = {}
    for path, type_name, parameters, buffers in handle.module_tree():
        if not path:
            continue
        parent, _, name = path.rpartition(".")
        simple_name = _simple_name(type_name)
        is_list = simple_name in ("ModuleList", "Sequential")
        kind = PartList if is_list else Part if parent else KINDS.get(name, Part)
        part = kind(handle, path, simple_name)
        for key, tensor in parameters:
            part._parameters[key] = _as_parameter(tensor)
        for key, tensor in buffers:
            part._buffers[key] = tensor
        by_path[path] = part
        if parent:
            by_path[parent]._modules[name] = part
        else:
            yield name, part
