# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The committed stubs are those of the built module, the package type-checks, and every
public name of it has a docstring."""

import difflib
import functools
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def public_names() -> Iterator[tuple[str, object]]:
    """Every public class and function of omni, and what its modules list."""
    for name in omni.__all__:
        value = getattr(omni, name)
        if inspect.ismodule(value):
            for inner in value.__all__:
                yield f"{name}.{inner}", getattr(value, inner)
        elif not isinstance(value, str):  # __version__
            yield name, value


CLASSES = {name: value for name, value in public_names() if inspect.isclass(value)}
VALUES = {name: value for name, value in CLASSES.items() if hasattr(value, "_fields")}


def public_members(kind: type) -> Iterator[tuple[str, object]]:
    """Methods and properties, those too that come from our own base classes."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == "omni":
            for name, member in vars(base).items():
                is_member = callable(member) or isinstance(
                    member, (property, functools.cached_property, staticmethod, classmethod)
                )
                if is_member and not name.startswith("_"):
                    yield name, member


def fields_in(docstring: str) -> set[str]:
    """What the lines of a class's Attributes or Args say something about."""
    sections = re.findall(r"^(?:Attributes|Args):\n((?:    .+(?:\n|$))+)", docstring, re.M)
    lines = re.findall(r"^    (\w[\w, ]*): \S", "\n".join(sections), re.M)
    return {name for line in lines for name in line.split(", ")}


def docstring_of(value: object) -> str:
    """Without the line of the signature, which functions of the extension all have."""
    return re.sub(r"^\w+\(.*\) -> .*\n*", "", inspect.getdoc(value) or "")


def test_every_public_name_has_a_docstring() -> None:
    names = list(public_names())
    assert len(names) > 35 and len(CLASSES) > 15
    assert [name for name, value in names if not docstring_of(value)] == []
    lacking = [
        f"{name}.{member}"
        for name, kind in CLASSES.items()
        for member, value in public_members(kind)
        if not docstring_of(value) and member not in getattr(kind, "_fields", ())
    ]
    assert lacking == []


def test_the_values_are_found() -> None:
    expected = (
        "Event MediaBudget MediaReceipt Message Reply SamplingOptions Timing TokenSpace ToolCall "
        "ToolResult TrainEvent Usage"
    )
    assert set(VALUES) == set(expected.split())


@pytest.mark.parametrize("name", VALUES)
def test_every_field_of_a_value_is_explained(name: str) -> None:
    kind = VALUES[name]
    described = fields_in(inspect.getdoc(kind))
    assert [field for field in kind._fields if field not in described] == []
    assert [field for field in described if not hasattr(kind, field)] == []


@pytest.mark.parametrize(
    "function", "resample encode_png encode_jpeg encode_wav encode_flac OmniModel.encode".split()
)
def test_errors_are_named(function: str) -> None:
    value = functools.reduce(getattr, function.split("."), omni)
    assert re.search(r"^Raises:\n +\w+Error: ", inspect.getdoc(value), re.M)


def included_text(header: str, seen: set[str]) -> str:
    """A header of ours with all that it includes."""
    if header in seen:
        return ""
    seen.add(header)
    text = (ROOT / header).read_text(encoding="utf-8")
    ours = re.findall(r'^#include "([^"]+)"', text, re.M)
    return text + "".join(included_text(name, seen) for name in ours)


def test_the_umbrella_header_has_what_python_has() -> None:
    seen: set[str] = set()
    text = included_text("omni/omni.h", seen)
    own = {"Receipt", "Stream"}  # of Python alone: a std::vector, a callback
    classes = CLASSES.keys() - own | {"TrainConfig"}
    lacking = [c for c in classes if not re.search(rf"(class|struct) {c}(Impl)? ", text)]
    functions = [name for name in omni.__all__ if inspect.isroutine(getattr(omni, name))]
    lacking += [f for f in functions if not re.search(rf"[\w>\]] {f}\(", text)]
    assert len(functions) > 15 and lacking == []
    assert not [name for name in seen if "json" in name.rpartition("/")[2]]
