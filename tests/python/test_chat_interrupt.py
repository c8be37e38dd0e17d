# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Ctrl-C in omni-chat: it cancels what goes on, and leaves the program alone."""

import json
import os
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest
from PIL import Image

from terminal import Terminal
from test_programs import BIN, environment, model, terminal  # noqa: F401 (fixtures)

NUM_FILES = 30  # that take a second or more to read, one after another


@pytest.fixture
def large_picture(tmp_path: Path) -> str:
    """A file in the folder that programs run in, 27 MB when it is read."""
    Image.new("RGB", (3000, 3000), "red").save(tmp_path / "big.png")
    return "big.png"


def test_it_cancels_the_answer_and_not_the_program(terminal) -> None:  # noqa: F811
    screen = terminal("--max-tokens", "50000")
    screen.type("go on for ever\r")
    time.sleep(0.5)
    began = time.monotonic()
    screen.type("\x03", until="(cancelled)")
    assert time.monotonic() - began < 2
    screen.read_until("> ")
    screen.type("half a line\x03", until="> ")  # gives up the line
    screen.type("/receipt\r", until="s in all")
    for _ in range(2):
        screen.type("again\r")
        time.sleep(0.3)
        for _ in range(4):  # the first does; the others are at once
            screen.type("\x03")
        screen.read_until("(cancelled)")
        screen.read_until("> ")
    screen.type("\x04")
    assert screen.exit_code() == 0


def modes_of(screen: Terminal) -> int:
    return termios.tcgetattr(screen.master)[3]


def test_it_keeps_what_was_shown(terminal) -> None:  # noqa: F811
    """By default a terminal throws away, at Ctrl-C, what it has not yet shown."""
    screen = terminal("--max-tokens", "50000")
    assert not modes_of(screen) & termios.ISIG  # at the prompt it is a key
    screen.type("go on for ever\r")
    time.sleep(0.3)
    assert modes_of(screen) & termios.ISIG and modes_of(screen) & termios.NOFLSH
    for _ in range(3):
        os.write(screen.master, b"\x03")
    screen.read_until("(cancelled)")
    screen.read_until("> ")
    screen.type("\x04")
    assert screen.exit_code() == 0
    assert modes_of(screen) & termios.ISIG and not modes_of(screen) & termios.NOFLSH


@pytest.mark.parametrize("has_answered", [False, True])
def test_it_stops_the_reading_of_files(terminal, large_picture: str, has_answered) -> None:  # noqa: F811
    screen = terminal()
    if has_answered:
        screen.type("hello\r", until="> ")
    screen.type(f"{large_picture} " * NUM_FILES + "never asked\r")
    screen.wait_for(f"added image {large_picture}")
    screen.type("\x03", until=f"(cancelled: {large_picture} is not added)")
    screen.read_until("+ ")  # what was read before waits for its question
    assert screen.seen.count("added image") < NUM_FILES - 1
    screen.type("/receipt\r", until="+ ")
    assert ("timing: " if has_answered else "No answer yet.") in screen.last
    screen.type("\x04")
    assert screen.exit_code() == 0


def test_it_stops_the_reading_at_the_start(environment, tmp_path: Path, large_picture) -> None:  # noqa: F811
    command = [BIN / "omni-chat", "--max-tokens", "8", *["--image", large_picture] * NUM_FILES]
    screen = Terminal(command, cwd=tmp_path, environment=environment)
    try:
        screen.wait_for(f"added image {large_picture}")
        screen.type("\x03", until=f"(cancelled: {large_picture} is not added)")
        screen.read_until("+ ")
        screen.type("what?\r", until="> ")
        screen.type("\x04")
        assert screen.exit_code() == 0
    finally:
        screen.close()


def test_it_ends_one_answer_with_130(environment, tmp_path: Path) -> None:  # noqa: F811
    command = [BIN / "omni-chat", "--max-tokens", "50000", "--json", "go on"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    time.sleep(1.5)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    assert json.loads(output)["usage"]["stop_reason"] == "cancelled"


def test_it_ends_a_script_that_waits_for_a_line(environment, tmp_path: Path) -> None:  # noqa: F811
    command = [BIN / "omni-chat", "--max-tokens", "8", "--json"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    running.stdin.write("hello\n")
    running.stdin.flush()
    assert json.loads(running.stdout.readline())["usage"]["answer_tokens"] > 0
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    try:
        assert running.wait(10) == 130
    finally:
        running.kill()
        running.communicate()
