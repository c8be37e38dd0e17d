# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tools in omni-chat: what it shows and saves of calls, and what stays while results come."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from chat_template_models import QWEN3
from scripted_checkpoint import ANSWER, CLOSED, THOUGHT, byte_tokenizer, save_scripted, tiny_config
from terminal import Terminal
from test_programs import BIN, MEDIA

TEXT = "Let me look."
CITIES = ("서울", "부산")
CALLS = "".join(
    f'\n<tool_call>\n{{"name": "weather", "arguments": {{"city": "{city}"}}}}\n</tool_call>'
    for city in CITIES
)
SHOWN_CALLS = [f'calls weather{{"city":"{city}"}}' for city in CITIES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Thinks, says a sentence and calls twice; where thinking is closed for it, it answers."""
    folder = tmp_path_factory.mktemp("caller")
    tokenizer = byte_tokenizer([*THOUGHT, "\n\n", TEXT, CALLS, CLOSED, ANSWER])
    config = tiny_config("qwen3", tokenizer.get_vocab_size() + 8)
    scripts = [["Ċ", *THOUGHT, "\n\n", TEXT, CALLS], [CLOSED, ANSWER]]
    save_scripted(folder, config, tokenizer, QWEN3, scripts)
    return folder


@pytest.fixture
def chat(folder: Path, tmp_path: Path):
    """Runs omni-chat in an empty folder."""

    def run(*arguments, lines=(), code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [BIN / "omni-chat", "--model", folder, "--dtype", "float32", *arguments],
            input="\n".join(lines), cwd=tmp_path, text=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def screen(folder: Path, tmp_path: Path):
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    command = [BIN / "omni-chat", "--model", folder, "--dtype", "float32"]
    opened = Terminal(command, cwd=tmp_path, environment=environment)
    opened.read_until("> ")
    yield opened
    opened.close()


def test_calls_begin_lines_of_their_own(chat) -> None:
    assert chat("hi").stdout.splitlines() == [TEXT, *SHOWN_CALLS]


def test_calls_and_reasoning_begin_lines_at_a_terminal(screen) -> None:
    screen.type("hi\r", until="부산")
    shown = screen.last.replace("\033[2m", "").replace("\033[0m", "").splitlines()
    begin = shown.index("So warm.")
    assert shown[begin : begin + 5] == ["So warm.", "", TEXT, *SHOWN_CALLS]


def test_a_saved_conversation_has_reasoning_calls_and_results(chat, tmp_path: Path) -> None:
    chat(lines=["날씨는?", "/think off", "/result 21 °C", "/result 23 °C", "/save talk.txt"])
    assert (tmp_path / "talk.txt").read_text().splitlines() == [
        "user: 날씨는?",
        "assistant (thinks): So warm.",
        f"assistant: {TEXT}",
        'assistant (calls call00000): weather{"city":"서울"}',
        'assistant (calls call00001): weather{"city":"부산"}',
        "tool (call00000): 21 °C",
        "tool (call00001): 23 °C",
        f"assistant: {ANSWER}",
    ]


def test_media_wait_while_results_are_given(screen) -> None:
    screen.type("hi\r", until="> ")
    screen.type("/think off\r", until="> ")
    screen.type(f"/image {MEDIA / 'word.png'}\r", until="+ ")
    screen.type("/result 21\r", until="+ ")
    assert "/result is now for weather" in screen.last
    screen.type("/result 23\r", until=ANSWER)
    screen.read_until("+ ")  # the picture still waits
    screen.type("what is it?\r", until="expected a model that reads pictures")  # sent
    screen.type("/reset\r", until="> ")
    screen.type("hi\r", until=ANSWER)


def test_json_is_all_that_standard_output_holds(chat, tmp_path: Path) -> None:
    lines = ["hi", "/think off", "/result 21", "/receipt", "/result 23", "/save t", "/undo"]
    done = chat("--json", lines=lines)
    first, second = map(json.loads, done.stdout.splitlines())
    assert [call["id"] for call in first["tool_calls"]] == ["call00000", "call00001"]
    assert (first["text"], first["reasoning"], second["text"]) == (TEXT, "So warm.", ANSWER)
    assert first["usage"]["stop_reason"] == second["usage"]["stop_reason"] == "end_of_turn"
    for note in ("/result is now for weather", "timing: ", "saved as t", "The last turn is gone."):
        assert note in done.stderr


def test_an_answer_that_was_cut_says_so(chat) -> None:
    whole = chat("--no-think", "hi")
    assert (whole.stdout, whole.stderr) == (f"{ANSWER}\n", "")
    cut = chat("--max-tokens", "0", "--no-think", "hi")
    assert cut.stdout == "\n"
    assert cut.stderr == "omni-chat: (cut: --max-tokens sets how long an answer may be)\n"
    cut = chat("--max-tokens", "0", "--no-think", "--json", "hi")
    assert json.loads(cut.stdout)["usage"]["stop_reason"] == "length"


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda path: None, "does not exist"),
        (Path.mkdir, "is not a file"),
        (Path.touch, "expected a JSON list of functions, got an empty file"),
        (lambda path: path.write_text("{}"), "expected tools as a JSON list"),
    ],
    ids=["missing", "folder", "empty", "no list"],
)
def test_a_file_of_tools_that_is_wrong_is_named(chat, tmp_path: Path, make, text: str) -> None:
    make(tmp_path / "tools.json")
    done = chat("--tools", "tools.json", "hi", code=1)
    assert text in done.stderr and len(done.stderr.splitlines()) == 1
