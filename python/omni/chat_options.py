# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""SamplingOptions as keywords of a call, shown with their defaults by help()."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from . import _omni

Method = TypeVar("Method", bound=Callable[..., Any])


def sampling_options(
    whole: _omni.SamplingOptions | None, single: dict[str, Any]
) -> _omni.SamplingOptions:
    """`whole`, or else options of their own; TypeError for both, or an unknown name."""
    if whole is None:
        unknown = [name for name in single if name not in _omni.SamplingOptions._fields]
        if unknown:
            raise TypeError(
                f"[sampling] expected options among {', '.join(_omni.SamplingOptions._fields)}, "
                f"got {', '.join(unknown)}."
            )
        return _omni.SamplingOptions(**single)
    if single:
        raise TypeError(
            f"[sampling] expected either sampling= or single options, got both "
            f"({', '.join(single)})."
        )
    return whole


def show_sampling_options(method: Method) -> Method:
    """Writes the options with their C++ defaults into the signature that help() shows."""
    defaults = _omni.SamplingOptions()
    signature = inspect.signature(method)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    own_names = {p.name for p in own}
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, name))
        for name in defaults._fields
        if name not in own_names
    ]
    method.__signature__ = signature.replace(parameters=own + options)  # type: ignore[attr-defined]
    return method
