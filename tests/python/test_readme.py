# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every fenced block of the documents does what it says.

What a block's language asks for:
  cpp      compiled (inside main() unless it has one) and run
  python   run; of a line `print(reply.text)  # ANSWER` the answer must be printed
  bash     each command checked as COMMANDS says; one that no row names is an error
  cmake    a project of it is configured against the installed package
  json     parsed
  text, mermaid, none   a picture or an output: not code
Files that a block names (`cat.png`, `path/to/model`, `path/to/qwen3` as a published folder)
are put beside it. A comment on the
line before the fence changes that: `<!-- test: continues -->` appends the block to the
one before it in that language, `<!-- test: compile -->` does not run it, and
`<!-- test: skip, REASON -->` leaves it out for that reason.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from document_blocks import Block, blocks_of
from scripted_checkpoint import save_weather_model

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("OMNI_BUILD", ROOT / "build"))
DOCUMENTS = ("README.md", "examples/nano/README.md", ".github/CONTRIBUTING.md")
SAMPLES = {
    ".png": "word.png", ".jpg": "word.png", ".wav": "korean.wav", ".mp4": "clip.mp4",
}  # fmt: skip


BLOCKS = [
    block
    for name in DOCUMENTS
    if (ROOT / name).is_file()
    for block in blocks_of(name, (ROOT / name).read_text(encoding="utf-8"))
]


def leave_out(block: Block) -> None:
    if block.mark.startswith("skip"):
        reason = block.mark.removeprefix("skip").strip(" ,:")
        assert reason, f"{block}: expected a reason after `skip`"
        pytest.skip(reason)
    assert block.mark in ("", "compile"), f"{block}: unknown mark {block.mark!r}"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "tiny"
    subprocess.run([BUILD / "bin" / "make_tiny_model", folder], check=True)
    return folder


@pytest.fixture
def place(tiny: Path, tmp_path: Path):
    """Puts what a block names into an empty folder and returns the folder."""

    def fill(text: str) -> Path:
        for name in set(re.findall(r"[\w./-]+\.(?:png|jpg|wav|mp4)\b", text)):
            if not Path(name).is_absolute():
                path, ours = tmp_path / name, ROOT / name
                path.parent.mkdir(parents=True, exist_ok=True)
                sample = ROOT / "examples" / "media" / SAMPLES[path.suffix]
                shutil.copy(ours if ours.is_file() else sample, path)
        for name in set(re.findall(r"path/to/\w+", text)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            if name == "path/to/qwen3":
                save_weather_model(tmp_path / name)
            else:
                (tmp_path / name).symlink_to(tiny)
        return tmp_path

    return fill


def environment(home: Path) -> dict[str, str]:
    told = {"OMP_NUM_THREADS": "1", "HOME": str(home)}
    python_path = os.pathsep.join(
        filter(None, [str(BUILD / "python"), os.environ.get("PYTHONPATH")])
    )
    return {**os.environ, **told, "PYTHONPATH": python_path}


def check_run(command, where: Path) -> str:
    done = subprocess.run(
        command, cwd=where, env=environment(where), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# --- C++ -----------------------------------------------------------------------------


def whole_program(text: str) -> str:
    """A block as a program: what does not look like a whole one goes into main()."""
    if re.search(r"\bint main\s*\(", text):
        return text
    lines = text.splitlines()
    includes = [line for line in lines if line.startswith("#include")]
    rest = [line for line in lines if not line.startswith("#include")]
    return "\n".join([*includes, "#include <iostream>", "int main() {", *rest, "}", ""])


def compile_program(source: Path, program: Path) -> None:
    """As examples/minimal.cpp is compiled, which has a precompiled header."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    minimal = next(c for c in commands if c["file"].endswith("examples/minimal.cpp"))
    words = [w for w in shlex.split(minimal["command"]) if w != "-Werror"]
    output = program.with_suffix(".o")
    words[words.index("-o") + 1] = str(output)
    words[words.index("-c") + 1] = str(source)
    done = subprocess.run(words, cwd=minimal["directory"], capture_output=True, text=True)
    assert done.returncode == 0, f"{source.read_text()}\n{done.stderr}"
    torch = next(w for w in words if w.endswith("torch/include"))
    folders = [str(BUILD / "lib"), str(Path(torch).parent / "lib")]
    link = ["c++", str(output), "-o", str(program), *[f"-L{f}" for f in folders]]
    link += ["-lomni", "-lomni_kernels", "-ltorch_cpu", "-lc10"]
    link += [f"-Wl,-rpath,{':'.join(folders)}"]
    done = subprocess.run(link, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_cpp(block: Block, where: Path, tiny: Path) -> None:
    source = where / "block.cpp"
    source.write_text(whole_program(block.text), encoding="utf-8")
    compile_program(source, where / "block")
    if block.mark != "compile":
        check_run([where / "block"], where)


# --- Python --------------------------------------------------------------------------


def check_python(block: Block, where: Path, tiny: Path) -> None:
    (where / "block.py").write_text(block.text, encoding="utf-8")
    compile(block.text, str(block), "exec")
    if block.mark != "compile":
        printed = check_run([sys.executable, "block.py"], where).splitlines()
        for answer in re.findall(r"^print\(reply\.text\)  # (.+)$", block.text, re.M):
            assert answer in printed, f"{block}: expected {answer!r}, got {printed}"


# --- Shell ---------------------------------------------------------------------------


def check_help(words: list[str], where: Path, tiny: Path) -> None:
    """The script has a --help, and it names every option that the block uses."""
    script = words[1]
    assert (ROOT / script).is_file(), f"no {script}"
    command = [sys.executable if words[0].endswith("python") else "bash", ROOT / script]
    text = check_run([*command, "--help"], ROOT)
    for option in [w.split("=")[0] for w in words[2:] if w.startswith("--")]:
        assert option in text, f"{script} --help does not name {option}"


def check_module_help(words: list[str], where: Path, tiny: Path) -> None:
    check_run([sys.executable, "-m", words[2], "--help"], ROOT)


def check_train(words: list[str], where: Path, tiny: Path) -> None:
    """The configuration is there and reads; that of README.md is run in small below."""
    check_run([BUILD / "bin" / "omni-train", "--help"], where)
    if not words[1].startswith(("$", "-")):
        assert "objective" in json.loads((ROOT / words[1]).read_text(encoding="utf-8"))


def check_chat(words: list[str], where: Path, tiny: Path) -> None:
    arguments = [str(tiny) if w in ("DIR", "path/to/model") else w for w in words[1:]]
    arguments = [str(ROOT / w) if (ROOT / w).is_file() else w for w in arguments]
    check_run([BUILD / "bin" / "omni-chat", *arguments], where)


def only_reads(words: list[str], where: Path, tiny: Path) -> None:
    """Its words are right when the shell can read them."""


# The first row whose pattern the command begins with says how it is checked; a string is
# the reason why it is not run.
COMMANDS = [
    (r"export \w+=", only_reads),
    (r"(bash )?(\./)?(examples/quickstart|tests/run)\.sh", check_help),
    (r"bash tests/", check_help),
    (r"\S*python3? -m pytest", "the tests do not run themselves"),
    (r"\S*python3? -m omni\.", check_module_help),
    (
        r"\S*python3? -m pip |pip3? ",
        "builds a wheel, which takes minutes; the tests of the package do it",
    ),
    (r"\S*python3? \S+\.py", check_help),
    (r"(build/bin/)?omni-train ", check_train),
    (r"(build/bin/)?omni-chat", check_chat),
    (r"for stage in examples/nano/stages/", "trains for hours"),
    (r"git clone ", "needs the network"),
    (r"(sudo )?apt(-get)? ", "needs the network and root"),
    (r"cmake ", "configuring and installing are tested by tests/cmake"),
    (r"(ninja|ctest|pre-commit|clang-format) ?", "a tool that checks or builds the sources"),
    (r"(cd|ls|cat|echo|mkdir) ?", only_reads),
]


def check_bash(block: Block, where: Path, tiny: Path) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        while re.match(r"[A-Z_]+=", words[0]) and len(words) > 1:
            words.pop(0)  # a variable of this command alone
        command = re.sub(r"^([A-Z_]+=\S* )+", "", line.strip())
        check = next((check for p, check in COMMANDS if re.match(p, command)), None)
        assert check is not None, f"{block}: say in COMMANDS how to check `{command}`"
        if not isinstance(check, str):
            if words[0].endswith(".sh"):
                words.insert(0, "bash")
            check(words, where, tiny)


# --- Others --------------------------------------------------------------------------


def check_cmake(block: Block, where: Path, tiny: Path) -> None:
    prefix = where / "prefix"
    install = ["cmake", "--install", BUILD, "--component", "omni", "--prefix", prefix]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    text = block.text
    if "project(" not in text:
        targets = sorted(set(re.findall(r"target_link_libraries\(\s*([\w-]+)", text)))
        head = ["cmake_minimum_required(VERSION 3.24)", "project(Block LANGUAGES CXX)"]
        head += [f"add_executable({t} main.cpp)" for t in targets if f"executable({t}" not in text]
        text = "\n".join([*head, text])
    for source in {"main.cpp", *re.findall(r"[\w/-]+\.cpp", text)}:
        (where / source).write_text("int main() {}\n")
    (where / "CMakeLists.txt").write_text(text, encoding="utf-8")
    build = ["cmake", "-S", where, "-B", where / "build", "-G", "Ninja"]
    check_run([*build, f"-DCMAKE_PREFIX_PATH={prefix}"], where)


def check_json(block: Block, where: Path, tiny: Path) -> None:
    json.loads(block.text)


def not_code(block: Block, where: Path, tiny: Path) -> None:
    """A picture or an output."""


LANGUAGES = {
    "cpp": check_cpp, "c++": check_cpp,
    "python": check_python, "py": check_python,
    "bash": check_bash, "sh": check_bash, "shell": check_bash,
    "cmake": check_cmake, "json": check_json,
    "text": not_code, "console": not_code, "mermaid": not_code, "": not_code,
}  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block(block: Block, place, tiny: Path) -> None:
    assert block.language in LANGUAGES, f"{block}: no test for this language"
    leave_out(block)
    LANGUAGES[block.language](block, place(block.text), tiny)


def test_blocks_are_found_marked_and_joined() -> None:
    text = """
```python
a = 1
```
<!-- test: continues -->

```python
b = a
```
~~~bash
echo ```
~~~
<!-- test: skip, it needs a sound card -->
```cpp
play();
```
"""
    found = blocks_of("a document", text)
    assert [(b.line, b.language, b.text) for b in found] == [
        (2, "python", "a = 1\nb = a\n"), (10, "bash", "echo ```\n"), (14, "cpp", "play();\n"),
    ]  # fmt: skip
    with pytest.raises(pytest.skip.Exception, match="^it needs a sound card$"):
        leave_out(found[2])
    with pytest.raises(AssertionError, match="a document:1: the block is not closed"):
        blocks_of("a document", "```python\n")


@pytest.mark.parametrize(
    "language, text, error",
    [
        ("cpp", "#include <omni/omni.h>\nomni::no_such_name();", "no_such_name"),
        ("python", "assert False", "AssertionError"),
        ("python", "class reply: text = 1\nprint(reply.text)  # 2", "expected '2', got \\['1'\\]"),
        ("bash", "make-coffee --strong", "make-coffee"),
        ("bash", "bash examples/quickstart.sh '", "unexpected EOF"),
        ("bash", "build/bin/omni-chat --nonsense hello", "nonsense"),
        ("cmake", "find_package(Omni 9 REQUIRED)", "9"),
        ("json", "{", "Expecting"),
    ],
)
def test_a_wrong_block_fails(language, text, error, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ValueError), match=error):
        LANGUAGES[language](Block("a document", 1, language, text), tmp_path, tiny)


# --- README.md alone -----------------------------------------------------------------

# What makes the commands of its training end in seconds, as their --help says.
LITTLE_DATA = "--scale 0.0002 --evaluated 2 --workers 2"
FEW_STEPS = "steps=2 batch_size=2 log_every=1 num_threads=1 schedule.warmup_steps=1"


def without_numbers(text: str) -> set[str]:
    return {re.sub(r"\d+(?:[.:]\d+)*", "#", line) for line in text.splitlines()}


def test_the_training_prints_such_lines(tmp_path: Path) -> None:
    """As written, but in small; and the lines shown are of the stage as it is now."""
    ours = [block for block in BLOCKS if block.document == "README.md"]
    at = next(i for i, block in enumerate(ours) if "omni-train" in block.text)
    commands, shown = ours[at].text, ours[at + 1].text
    stage = ROOT / re.search(r"omni-train (\S+)", commands)[1]
    config = json.loads(stage.read_text(encoding="utf-8"))
    steps = config["steps"]
    assert re.findall(r"^step (\S+)", shown, re.M) == [f"{steps}/{steps}"]
    evaluated = [f"{one['name']} at step {steps}" for one in config["evaluate"]]
    assert re.findall(r"^evaluated (.+?):", shown, re.M) == evaluated

    overrides = "".join(f" --override {change}" for change in FEW_STEPS.split())
    small = re.sub(r"(make_data\.py .*)", rf"\1 {LITTLE_DATA}", commands)
    small = re.sub(r"(omni-train .*)", rf"\1{overrides}", small)
    small = small.replace(".venv/bin/python", shlex.quote(sys.executable))
    small = small.replace("build/bin/", f"{shlex.quote(str(BUILD))}/bin/")
    done = subprocess.run(
        ["bash", "-euc", small], cwd=ROOT, env=environment(tmp_path), timeout=600,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_numbers(shown) <= without_numbers(done.stdout), done.stdout
