# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Ids as callers give them, as tensors of whole numbers."""

import numbers
from collections.abc import Sequence
from typing import Any

import torch

Ids = torch.Tensor | Sequence[int] | Sequence[Sequence[int]] | Sequence[torch.Tensor]


def ids_of(ids: Any, component: str) -> torch.Tensor:
    """int64 of any shape; TypeError, as of [component], for anything but whole numbers,
    which a conversion would cut off in silence."""
    try:
        tensor = torch.as_tensor(ids)
    except TypeError as error:
        raise TypeError(
            f"[{component}] expected ids as whole numbers (int64), got {type(ids).__name__}. "
            "A text becomes ids by tokenizer.encode(text)."
        ) from error
    dtype = tensor.dtype
    if dtype != torch.bool and not dtype.is_floating_point and not dtype.is_complex:
        return tensor.long()
    if tensor.numel() == 0 and not isinstance(ids, torch.Tensor):
        return tensor.long()  # an empty list has no type
    raise TypeError(
        f"[{component}] expected ids as whole numbers (int64), got "
        f"{str(dtype).removeprefix('torch.')}. Convert them with .long() if that is meant."
    )


def prompts_of(ids: Ids, component: str) -> torch.Tensor | list[torch.Tensor]:
    """int64 [L], or such a tensor for each of several prompts."""
    is_several = (
        ids.dim() > 1
        if isinstance(ids, torch.Tensor)
        else len(ids) > 0 and not isinstance(ids[0], numbers.Number)
    )
    if is_several:
        return [ids_of(prompt, component) for prompt in ids]
    return ids_of(ids, component)
