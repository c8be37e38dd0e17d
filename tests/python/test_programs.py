# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-chat, omni-minimal and omni-train as a person meets them, on a tiny random model."""

import json
import os
import re
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("OMNI_BUILD", ROOT / "build")) / "bin"
MEDIA = ROOT / "examples" / "media"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    subprocess.run([BIN / "make_tiny_model", folder], check=True)
    return folder


@pytest.fixture
def environment(model: Path, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT, "OMNI_MODEL": str(model), "HOME": str(tmp_path)}


@pytest.fixture
def chat(environment, tmp_path):
    """Runs omni-chat in an empty folder; answers of 8 tokens in float32."""

    def run(*arguments, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess:
        command = [BIN / "omni-chat", "--max-tokens", "8", "--dtype", "float32", *arguments]
        done = subprocess.run(
            command, input=stdin, cwd=tmp_path, env=environment, text=True,
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def samples_of(path: Path) -> int:
    with wave.open(str(path)) as file:
        assert file.getframerate() == 16000
        return file.getnframes()


# --- One answer ----------------------------------------------------------------------


def test_every_input_in_the_order_given(chat) -> None:
    done = chat(
        "--audio", MEDIA / "korean.wav", "--image", MEDIA / "word.png",
        "--video", MEDIA / "clip.mp4", "--image", MEDIA / "scene.png",
        "What", "is", "this?", "--json",
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert list(answer) == [
        "text", "images", "speech", "receipt", "usage", "seconds", "reasoning", "tool_calls",
    ]  # fmt: skip
    assert [r["modality"] for r in answer["receipt"]] == ["audio", "image", "video", "image"]
    assert [Path(r["source"]).name for r in answer["receipt"]] == [
        "korean.wav", "word.png", "clip.mp4", "scene.png",
    ]  # fmt: skip
    audio, image, video, _ = answer["receipt"]
    assert audio["sample_rate_hz"] == 16000 and audio["seconds_heard"] > 2
    assert (image["width"], image["height"]) == (64, 64)
    assert video["frame_times_seconds"] == [0.0, 0.5, 1.0, 1.5]
    assert "12 of 16 frames" in video["dropped"]
    begins = [r["tokens"][0] for r in answer["receipt"]]
    assert begins == sorted(begins)
    assert answer["usage"]["stop_reason"] == "length"
    assert answer["seconds"]["total"] > 0
    assert answer["images"] == [] and answer["speech"] is None


def test_a_drawing_and_its_file(chat, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    for number in (1, 2):
        done = chat("--draw", "--out", out, "a circle")
        path = out / f"answer-{number}.png"
        assert done.stdout == f"picture: {path}\n"
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (16, 16))


def test_speech_and_its_file(chat, tmp_path: Path) -> None:
    spoken = ["--speak", "--temperature", "1", "--seed", "3", "say it"]
    text, note = chat(*spoken, "--receipt").stdout.splitlines()[-3:-1]
    assert text.strip()
    path = tmp_path / "answer-1.wav"
    assert note == "speech: ./answer-1.wav"
    assert samples_of(path) > 1000
    answer = json.loads(chat(*spoken, "--json").stdout)
    assert answer["speech"] == "./answer-2.wav"
    assert (tmp_path / "answer-2.wav").read_bytes() == path.read_bytes()


def test_the_same_seed_gives_the_same_answer(chat) -> None:
    def answer(seed: int) -> str:
        done = chat("--temperature", "1", "--seed", str(seed), "hello", "--json")
        return json.loads(done.stdout)["text"]

    assert answer(1) == answer(1)
    assert len({answer(seed) for seed in range(1, 5)}) > 1


def test_receipt_and_timing_are_shown(chat) -> None:
    lines = chat("--image", MEDIA / "word.png", "--receipt", "what?").stdout.splitlines()
    assert lines[-2].startswith(f"receipt: image {MEDIA}/word.png, 64x64, tokens [")
    assert "encoded in" in lines[-2]
    assert lines[-1].startswith("timing: ") and lines[-1].endswith("s in all")


def test_stop_strings_and_system_message_are_options(chat) -> None:
    plain = json.loads(chat("hello", "--json").stdout)
    told = json.loads(chat("hello", "--system", "be kind", "--json").stdout)
    assert told["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"]
    stopped = json.loads(chat("hello", "--stop", plain["text"][0], "--json").stdout)
    assert stopped["text"] == "" and stopped["usage"]["stop_reason"] == "stop_string"


def test_an_answer_that_fills_the_context_says_so(chat, model: Path, tmp_path: Path) -> None:
    small = shutil.copytree(model, tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    config["transformer"]["max_positions"] = 40
    (small / "config.json").write_text(json.dumps(config))
    done = chat("--model", small, "--max-tokens", "500", "hello")
    assert done.stderr == (
        "omni-chat: (cut: the model's context of 40 tokens is full; /undo or /reset make room)\n"
    )


# --- A script ------------------------------------------------------------------------


def test_a_script_is_a_turn_a_line(chat, tmp_path: Path) -> None:
    script = f"""/image {MEDIA / "word.png"}
what is it?
/image '{MEDIA / "word.png"}'
and again?
/receipt
/save notes.txt
/undo
/reset
/draw a circle
"""
    done = chat("--receipt", stdin=script)
    turns = done.stdout.split("\n> ")
    assert [turn.splitlines()[0] for turn in turns[1:]] == script.splitlines()
    assert "encoded in" in turns[2] and "already encoded" in turns[4]
    assert turns[5].splitlines()[1:] == turns[4].splitlines()[2:]  # the same receipt
    notes = (tmp_path / "notes.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    assert notes[0] == f"user: [image {MEDIA}/word.png] what is it?"
    assert "The last turn is gone." in turns[7]
    assert "The conversation begins anew." in turns[8]
    assert (tmp_path / "answer-1.png").is_file()


def test_a_script_as_json_is_an_object_a_turn(chat) -> None:
    done = chat("--json", stdin=f"hello\n/image {MEDIA / 'word.png'}\n\nhello again\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(a["receipt"]) for a in answers] == [0, 1, 0]
    assert answers[2]["usage"]["prefilled_tokens"] < answers[2]["usage"]["prompt_tokens"]


def test_media_alone_is_a_message(chat) -> None:
    answer = json.loads(chat("--image", MEDIA / "word.png", "--json").stdout)
    assert len(answer["receipt"]) == 1


@pytest.mark.parametrize(
    "line, text",
    [
        ("/nonsense", "expected one of /image"),
        ("/image", "expected /image PATH, got no path"),
        ("/image none.png", "none.png"),
        ("/some/where/cat.png", "/some/where/cat.png: no such picture, sound or video"),
        ("/draw", "expected /draw TEXT, got no text"),
        ("/save", "expected /save FILE"),
        ("/save no/such/folder/file", "no/such/folder/file: cannot be written"),
    ],
)
def test_a_script_stops_at_a_wrong_line(chat, line: str, text: str) -> None:
    done = chat(stdin=f"{line}\nnever asked\n", code=1)
    assert text in done.stderr
    assert "never asked" not in done.stdout


# --- Mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, code, texts",
    [
        (["--nonsense"], 2, ["--nonsense", "--help"]),
        (["--seed", "x", "hello"], 2, ["--seed"]),
        (["--draw", "--speak", "hello"], 2, ["--draw", "--speak"]),
        (["--temperature", "-1", "hello"], 2, ["expected temperature in [0, 100], got -1"]),
        (["--presence-penalty", "nan", "hello"], 2, ["expected presence_penalty in", "nan"]),
        (["--frequency-penalty", "x", "hello"], 2, ["--frequency-penalty"]),
        (["--dtype", "float3", "hello"], 2, ["float32", "float3"]),
        (["--model", "nowhere", "hello"], 1, ["nowhere", "config.json"]),
        (["--image", "none.png", "hello"], 1, ["none.png", "No such file"]),
        (["--image", "text.png", "hello"], 1, ["text.png", "PNG"]),
        (["--audio", "text.png", "hello"], 1, ["text.png"]),
        (["--video", "text.png", "hello"], 1, ["text.png"]),
        (["--image", ".", "hello"], 1, ["expected a file, got a directory"]),
        (["--out", "text.png", "--draw", "hello"], 1, ["text.png"]),
    ],
)
def test_mistakes_are_one_sentence(chat, tmp_path: Path, arguments, code, texts) -> None:
    (tmp_path / "text.png").write_text("this is text, not a picture")
    done = chat(*arguments, code=code)
    for text in texts:
        assert text in done.stderr
    assert len(done.stderr.splitlines()) <= 2 and "C++" not in done.stderr
    assert done.stdout == ""


def test_help_names_every_option(chat) -> None:
    text = chat("--help").stdout
    for option in ("--model", "--image", "--audio", "--video", "--draw", "--speak", "--json"):
        assert option in text


def test_minimal(environment, model: Path) -> None:
    def run(*arguments) -> subprocess.CompletedProcess:
        return subprocess.run(
            [BIN / "omni-minimal", *arguments], env=environment, capture_output=True
        )

    assert run(MEDIA / "word.png", "what?", model).returncode == 0
    assert run().returncode == 2
    missing = run("none.png", "what?", model)
    assert missing.returncode == 1 and b"none.png" in missing.stderr
    too_long = run(MEDIA / "word.png", "x" * 70000, model)  # of 60000 tokens
    assert too_long.returncode == 1
    (line,) = too_long.stderr.splitlines()  # and no C++ backtrace
    assert line.startswith(b"[chat] expected a conversation of at most 59998 tokens")


# --- At a terminal -------------------------------------------------------------------


@pytest.fixture
def terminal(environment, tmp_path):
    def start(*arguments, answer_to: dict[str, str] | None = None) -> Terminal:
        command = [BIN / "omni-chat", "--max-tokens", "8", "--dtype", "float32", *arguments]
        opened.append(Terminal(command, cwd=tmp_path, environment=environment))
        for question, answer in (answer_to or {}).items():
            opened[-1].wait_for(question)
            opened[-1].type(answer)
        opened[-1].read_until("> ")
        return opened[-1]

    opened: list[Terminal] = []
    yield start
    for each in opened:
        each.close()


def test_a_conversation_at_the_terminal(terminal, tmp_path: Path) -> None:
    screen = terminal()
    assert "Ask tiny for anything" in screen.seen
    assert "/help" in screen.seen
    screen.type("/help\r", until="> ")
    for command in ("/image", "/draw", "/speak", "/receipt", "/save", "/undo", "/reset", "Ctrl-C"):
        assert command in screen.last
    assert "Ask tiny for anything" in screen.last
    screen.type(f"/image {MEDIA / 'word.png'}\r", until="+ ")
    screen.type("what is it?\r", until="> ")
    screen.type("/receipt\r", until="> ")
    assert "word.png, 64x64, tokens [" in screen.last
    screen.type("/draw a circle\r", until="> ")
    assert "picture: ./answer-1.png" in screen.last and "▀" in screen.last
    assert (tmp_path / "answer-1.png").is_file()
    screen.type("/nonsense\r", until="> ")
    assert "expected one of /image" in screen.last
    screen.type("/image none.png\r", until="> ")
    assert "No such file" in screen.last
    screen.type("/save talk.txt\r", until="> ")
    screen.type("/reset\r", until="> ")
    screen.type("/undo\r", until="> ")
    assert "Nothing to undo" in screen.last
    assert "user: a circle" in (tmp_path / "talk.txt").read_text(errors="replace")
    screen.type("\x04")  # Ctrl-D
    assert screen.exit_code() == 0


def pixels_of_sixel(shown: str) -> np.ndarray:
    """The picture of a sixel sequence, uint8 [Y, X, 3]."""
    body = shown.split("\x1bPq", 1)[1].split("\x1b\\", 1)[0]
    _, _, width, height, body = re.fullmatch(r'"(\d+);(\d+);(\d+);(\d+)(.*)', body, re.S).groups()
    pixels = np.zeros((int(height) + 6, int(width), 3), np.uint8)
    colours, colour, top, x = {}, None, 0, 0
    for token in re.findall(r"#\d+(?:;\d+)*|[$?-~-]", body):
        if token.startswith("#") and ";" in token:
            name, kind, *percent = map(int, token[1:].split(";"))
            assert kind == 2  # red, green, blue of 100
            colours[name] = [round(p * 2.55) for p in percent]
        elif token.startswith("#"):
            colour = colours[int(token[1:])]
        elif token in "$-":
            x, top = 0, top + (6 if token == "-" else 0)
        else:
            for bit in range(6):
                if (ord(token) - 63) >> bit & 1:
                    pixels[top + bit, x] = colour
            x += 1
    return pixels[: int(height)]


def test_a_terminal_that_knows_sixel_is_shown_the_picture(terminal, tmp_path: Path) -> None:
    screen = terminal(answer_to={"\x1b[c": "\x1b[?62;4;22c"})
    screen.type("/draw a circle\r", until="answer-1.png")
    assert re.search(r"drawing \d+/\d+", screen.last)  # while it is drawn
    drawn = np.array(Image.open(tmp_path / "answer-1.png").convert("RGB"))
    shown = pixels_of_sixel(screen.last)
    enlarged = drawn.repeat(4, axis=0).repeat(4, axis=1).astype(int)
    assert shown.shape == enlarged.shape
    assert np.abs(shown - enlarged).max() <= 27  # half a step of its 6 x 6 x 6 colours
    assert "▀" not in screen.last


def test_speaking_shows_how_far_it_is(terminal) -> None:
    screen = terminal("--temperature", "1", "--seed", "3")
    screen.type("/speak say it\r", until="speech: ")
    assert re.search(r"speaking \d+\.\d s", screen.last)


def test_lines_are_edited_and_remembered(terminal, tmp_path: Path) -> None:
    screen = terminal()
    # Letters of three bytes are one letter: left twice, one deleted, one typed.
    screen.type("/save 가나다\x1b[D\x1b[D\x7f라\r", until="> ")
    assert (tmp_path / "라나다").is_file()
    screen.type("/sxve b\x01\x1b[C\x1b[C\x1b[3~a\r", until="> ")  # Ctrl-A, right, delete
    assert (tmp_path / "b").is_file()
    screen.type("/quit\r")
    assert screen.exit_code() == 0
    again = terminal()
    (tmp_path / "b").unlink()
    again.type("\x1b[A\x1b[A\r", until="> ")  # twice up: /quit, then the line before
    assert (tmp_path / "b").is_file()


def test_a_dropped_file_waits_for_its_question(terminal, tmp_path: Path) -> None:
    name = tmp_path / "a picture.png"
    name.write_bytes((MEDIA / "word.png").read_bytes())
    screen = terminal("--receipt")
    screen.type(f"'{name}' \r", until="+ ")
    screen.type(str(name).replace(" ", "\\ ") + "\r", until="+ ")
    screen.type(f"file://{str(name).replace(' ', '%20')} what is it?\r", until="s in all")
    assert screen.last.count(f"receipt: image {name}, 64x64") == 3
