# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The committed stubs are those of the built module, and the package type-checks."""

import difflib
import importlib.util
import subprocess
import sys
from pathlib import Path

import omni

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "python" / "make_stubs.py"
spec = importlib.util.spec_from_file_location("make_stubs", TOOL)
make_stubs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_stubs)


def test_stubs_match_the_module() -> None:
    committed = make_stubs.STUBS.read_text(encoding="utf-8").splitlines()
    built = make_stubs.stub_text().splitlines()
    changes = "\n".join(difflib.unified_diff(committed, built, "committed", "built", n=0))
    assert not changes, f"run .venv/bin/python python/make_stubs.py\n{changes}"


def test_stubs_name_types_of_both_sides() -> None:
    text = make_stubs.STUBS.read_text(encoding="utf-8")
    for foreign in ("at::", "std::", "c10::", "omni::", "::"):
        assert foreign not in text
    assert "def read_image(path: str | os.PathLike[str]" in text
    assert (Path(omni.__file__).parent / "py.typed").exists()


def test_the_package_type_checks_strictly() -> None:
    cache = Path(omni.__file__).parents[2] / "mypy"  # a first run takes 15 s
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", cache],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stdout
