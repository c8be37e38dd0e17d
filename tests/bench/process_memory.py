# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What memory a process holds, by kind.

Weights that lie in a file as they are used are mapped, not copied. Their pages are the
file's: shared with every process, dropped when memory is short, and there before loading
begins. So they count apart: `own` is what the process alone holds (RssAnon), `mapped` the
pages of files that it has looked at (RssFile)."""

import re
import threading
from pathlib import Path


def memory_bytes(name: str, process: int | str = "self") -> int:
    """VmRSS, RssAnon, RssFile as they are; VmHWM: VmRSS at its most."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M).group(1)) << 10


def forget_peak() -> None:
    """VmHWM is from here on."""
    Path("/proc/self/clear_refs").write_text("5")


class Peak:
    """The most of RssAnon while it runs, looked at every millisecond."""

    def __enter__(self) -> "Peak":
        self.before = self.own_bytes = memory_bytes("RssAnon")
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.is_over.wait(0.001):
            self.own_bytes = max(self.own_bytes, memory_bytes("RssAnon"))

    def __exit__(self, *_) -> None:
        self.is_over.set()
        self.thread.join()
        self.own_bytes = max(self.own_bytes, memory_bytes("RssAnon")) - self.before
