# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tokenizers go to other processes by content: the files that they were loaded from."""

import tempfile
from pathlib import Path
from typing import Any

from . import _omni


def restore_tokenizer(files: dict[str, bytes]) -> _omni.TextTokenizer:
    """That of files by name, one of them tokenizer.json or tokenizer.model."""
    with tempfile.TemporaryDirectory(prefix="omni-tokenizer-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return _omni.TextTokenizer.load(folder)


def reduce_tokenizer(self: _omni.TextTokenizer) -> tuple[Any, ...]:
    """By content: the receiver needs none of the files."""
    if self._files is None:
        raise TypeError("[tokenizer] expected one that was loaded from a file, got another.")
    return restore_tokenizer, (self._files,)


def equal_tokenizers(self: _omni.TextTokenizer, other: object) -> Any:
    """Whether both were loaded from equal files."""
    if not isinstance(other, _omni.TextTokenizer):
        return NotImplemented
    return self is other or (self._files is not None and self._files == other._files)


def hash_tokenizer(self: _omni.TextTokenizer) -> int:
    """Equal for equal ones."""
    return hash(self.vocab_size)


def install() -> None:
    """Gives the extension's tokenizers ==, hash() and pickling."""
    for name, method in (
        ("__reduce__", reduce_tokenizer),
        ("__eq__", equal_tokenizers),
        ("__hash__", hash_tokenizer),
    ):
        setattr(_omni.TextTokenizer, name, method)
