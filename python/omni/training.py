# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Training by the C++ trainer, with a Python listener."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _omni


def train(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    on_log: Callable[[_omni.TrainEvent], object] | None = None,
    wants_stop: Callable[[], bool] | None = None,
) -> bool:
    """Trains what a configuration says, or goes on where it stopped.

    Args:
        config: path of a configuration (as of omni-train), or the same as a dict, whose
            relative paths begin at the current folder.
        overrides: "key.path=value", as of omni-train.
        on_log: called with each TrainEvent.
        wants_stop: asked after every step; True saves and stops.

    Returns:
        Whether the last step was reached. The model is then in the folder
        `output`/model.

    Raises:
        ValueError: naming the key that is wrong, or the fields in which a checkpoint
            differs. OSError: for files. KeyboardInterrupt: after saving; call again to
            go on.

    Example:
        >>> omni.train("train.json", on_log=lambda event: print(event.losses))
    """
    listeners: dict[str, Any] = {
        "overrides": list(overrides),
        "on_log": on_log,
        "wants_stop": wants_stop,
    }
    if isinstance(config, Mapping):
        return _omni.train_json(json.dumps(config), folder=Path.cwd(), **listeners)
    return _omni.train_file(config, **listeners)
