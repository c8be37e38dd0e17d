# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""CMake files stay short, name every source, and scripts can be read by their shell."""

import json
import re
import subprocess

import pytest
from test_style import FILES, ROOT, relative

CMAKE = [f for f in FILES if f.name == "CMakeLists.txt" or f.suffix == ".cmake"]
SCRIPTS = [f for f in FILES if f.suffix == ".sh" or f == ROOT / ".ci" / "run"]


@pytest.mark.parametrize("path", CMAKE, ids=relative)
def test_cmake_files_are_short(path) -> None:
    limit = 180 if path.parent == ROOT else 60
    if path.suffix == ".cmake":
        limit = 100
    num_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert num_lines <= limit, f"{relative(path)} has {num_lines} lines; {limit} are the limit"


def test_every_source_is_built() -> None:
    words = {w for f in CMAKE for w in re.findall(r"[\w./-]+\.cpp", f.read_text(encoding="utf-8"))}
    names = {word.rsplit("/", 1)[-1] for word in words}
    # Benches of a folder are listed without their extension.
    # All files of families/ are taken: a family is its file and a row in families.h.
    apart = {ROOT / "tests" / "bench", ROOT / "omni" / "families"}
    sources = [f for f in FILES if f.suffix == ".cpp" and not apart & set(f.parents)]
    forgotten = [relative(f) for f in sources if f.name not in names]
    # The fuzzers' names are made from the word after fuzz_.
    forgotten = [name for name in forgotten if not re.match(r"tests/fuzz/fuzz_\w+\.cpp", name)]
    assert not forgotten, f"no CMakeLists.txt names {forgotten}"


def test_every_quoted_include_exists() -> None:
    for path in (
        f for f in FILES if f.suffix in {".h", ".cpp"} and ROOT / "python" not in f.parents
    ):
        for included in re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.M):
            assert (ROOT / included).is_file(), f"{relative(path)} includes {included}"


@pytest.mark.parametrize("path", SCRIPTS, ids=relative)
def test_scripts_are_read_by_bash(path) -> None:
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "set -" in path.read_text(encoding="utf-8"), f"{relative(path)}: no `set -e` or alike"


def test_presets_name_options_that_exist() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    top = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for preset in presets["configurePresets"]:
        for name in preset.get("cacheVariables", {}):
            assert name.startswith("CMAKE_") or name in top, f"{preset['name']}: no {name}"
