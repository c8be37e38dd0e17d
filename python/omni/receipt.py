# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Receipt: what became of the inputs of an answer, a table in notebooks."""

from . import _omni
from .display import receipts_html


class Receipt(list[_omni.MediaReceipt]):
    """A list of one MediaReceipt for each media input of a message, in order.

    Example:
        >>> chat.send(omni.read_image("cat.png"), "What is this?").receipt[0].width
        640
    """

    def _repr_html_(self) -> str | None:
        """A table, a row for each input; None, so that `[]` shows, without any."""
        return receipts_html(self) or None
