# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The formatters leave every file as it is: clang-format for C++, ruff for Python.

tests/requirements.txt brings the version of each whose taste counts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_style import CODE, ROOT


def find_tool(name: str, num_parts: int) -> str:
    """The tool beside this Python, or on PATH, if the first parts of its version are
    those of the requirements."""
    requirements = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    wanted = re.search(rf"^{name}==(\S+)$", requirements, re.M).group(1).split(".")[:num_parts]
    beside = Path(sys.executable).parent / name
    path = str(beside) if beside.exists() else shutil.which(name)
    said = "none"
    if path:
        text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        said = next(iter(re.findall(r"\d+\.\d+\.\d+", text)), "none")
    if said.split(".")[:num_parts] != wanted:
        pytest.skip(
            f"expected {name} {'.'.join(wanted)}, got {said}. Run "
            f"{sys.executable} -m pip install -r tests/requirements.txt"
        )
    return path


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_clang_format_changes_nothing() -> None:
    tool = find_tool("clang-format", num_parts=1)
    code, text = run(tool, "--dry-run", "-Werror", *CODE)
    files = sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: error", text, re.M)))
    names = " ".join(str(Path(file).relative_to(ROOT)) for file in files)
    assert code == 0, f"run {tool} -i {names}"


def test_ruff_has_no_complaint() -> None:
    tool = find_tool("ruff", num_parts=2)
    code, text = run(tool, "check", "--no-cache", "--output-format=concise")
    assert code == 0, f"run {tool} check --fix\n{text}"


def test_ruff_format_changes_nothing() -> None:
    tool = find_tool("ruff", num_parts=2)
    code, text = run(tool, "format", "--no-cache", "--check", "--output-format=concise")
    assert code == 0, f"run {tool} format\n{text}"
