# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A program at a pseudo-terminal: type, and read what it shows."""

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    """`seen` is everything shown so far, `last` what came after the latest keys."""

    def __init__(self, command, cwd, environment) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""
        self.last = ""

    def wait_for(self, text: str) -> str:
        """Reads until `text` is shown, whatever comes after it."""
        return self.read_until(text, quiet_seconds=0)

    def read_until(self, text: str, quiet_seconds: float = 0.15, seconds: float = 20) -> str:
        """Reads until `text` is shown and nothing more comes for a moment."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if quiet_seconds == 0 and text in self.last:
                return self.last
            ready, _, _ = select.select([self.master], [], [], quiet_seconds or 0.15)
            if not ready:
                if text in self.last:
                    return self.last
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                piece = b""
            if not piece:
                break
            self.last += piece.decode("utf-8", "replace")
            self.seen += piece.decode("utf-8", "replace")
        assert text in self.last, f"expected {text!r}, got {self.last!r}"
        return self.last

    def type(self, keys: str, until: str | None = None) -> None:
        self.last = ""
        os.write(self.master, keys.encode())
        if until is not None:
            self.read_until(until)

    def exit_code(self, seconds: float = 20) -> int:
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
