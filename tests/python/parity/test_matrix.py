# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The matrix in omni/families/README.md: every family there is, every cell green, made with
a `transformers` that the tests ask for. Digits are not compared: they differ by machine,
and the tests that measured them hold them to their tolerances."""

import importlib
import re

import pytest
from make_matrix import (
    COLUMNS,
    FAILED,
    MARKS,
    NOT_RUN,
    README,
    ROOT,
    Result,
    Results,
    matrix,
    read_results,
    replaced,
)
from packaging.requirements import Requirement
from published import PUBLISHED
from tiny_checkpoints import CASES

from tokenizer_samples import KINDS

COMMITTED = README.read_text(encoding="utf-8")


def families() -> list[str]:
    text = (ROOT / "omni" / "families" / "families.h").read_text(encoding="utf-8")
    return re.findall(r"^  ROW\((\w+)\)", text, re.M)


def made() -> str:
    return COMMITTED.partition(MARKS[0])[2].partition(MARKS[1])[0]


def cells_of_rows(text: str) -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.M)
    return {family: rest.split(" | ") for family, rest in rows if family != "model_type"}


def results(**changes: Result | None) -> Results:
    """Of a run in which all passed, but for `changes` by the name of the test."""
    tests = {}
    for column in COLUMNS:
        for family in PUBLISHED:
            for name in column.tests_of(family):
                measured = dict.fromkeys(("lines", "prompts", "ids"), "15000")
                tests[name] = Result(True, measured | {"difference": "1e-7", "ratio": "0.9"})
    for name, result in changes.items():
        tests[name] = result
    return Results({k: v for k, v in tests.items() if v}, {"transformers": "5.24.0"})


def test_every_family_is_known_here() -> None:
    assert len(families()) >= 12
    assert list(PUBLISHED) == families()
    assert {case.family for case in CASES} == set(families())
    described = cells_of_rows(COMMITTED.partition(MARKS[0])[0])
    assert list(described) == families()


def test_every_family_has_a_row_that_is_green() -> None:
    rows = cells_of_rows(made())
    assert list(rows) == families()
    for family, (*cells, licence) in rows.items():
        assert licence == PUBLISHED[family].licence
        for column, cell in zip(COLUMNS, cells, strict=True):
            assert re.fullmatch(column.green, cell), f"{family}, {column.title}: {cell}"
            assert cell.endswith("*") == (column.title in PUBLISHED[family].assumed)


def test_it_was_made_with_what_the_tests_ask_for() -> None:
    version = re.search(r"^Made with transformers (\S+) and torch \d", made(), re.M)
    text = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    wanted = Requirement(re.search(r"^transformers.*$", text, re.M).group())
    assert wanted.specifier.contains(version.group(1))


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.title)
def test_what_a_cell_stands_for_is_tested(column) -> None:
    module, _, function = column.test.partition(".")
    assert callable(getattr(importlib.import_module(module), function))
    for family in PUBLISHED:
        assert column.of(family)
    if column.title == "tokenizer":
        assert {kind for known in PUBLISHED.values() for kind in known.tokenizers} <= set(KINDS)
    if column.title == "template":
        models = importlib.import_module(module).MODELS
        assert {name for known in PUBLISHED.values() for name in known.templates} <= set(models)


def test_what_passed_is_green() -> None:
    for family, (*cells, _) in cells_of_rows(matrix(results())).items():
        for column, cell in zip(COLUMNS, cells, strict=True):
            assert re.fullmatch(column.green, cell), f"{family}, {column.title}: {cell}"


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.title)
@pytest.mark.parametrize("result", [Result(False, {}), None], ids=["failed", "not run"])
def test_what_did_not_pass_is_red(column, result: Result | None) -> None:
    """One of several tests of a family is enough, and red is not taken for green."""
    rows = cells_of_rows(matrix(results(**{column.tests_of("llama")[-1]: result})))
    red = rows["llama"][COLUMNS.index(column)]
    assert red == (FAILED if result else NOT_RUN)
    assert not re.fullmatch(column.green, red)
    others = [cell for cells in rows.values() for cell in cells if cell in (FAILED, NOT_RUN)]
    assert len(others) == 1 + (column.title == "tokenizer" and shared("digits"))


def shared(kind: str) -> int:
    """How many families beside llama a tokenizer stands for."""
    return sum(kind in known.tokenizers for known in PUBLISHED.values()) - 1


def test_results_are_read_as_pytest_writes_them(tmp_path) -> None:
    (tmp_path / "a.xml").write_text(
        "<testsuites><testsuite>"
        '<properties><property name="transformers" value="5.24.0"/></properties>'
        '<testcase classname="tests.python.parity.test_families" name="test_logits[a-b]">'
        '<properties><property name="difference" value="1e-07"/></properties></testcase>'
        '<testcase classname="tests.python.test_x" name="f"><failure message=""/></testcase>'
        '<testcase classname="tests.python.test_x" name="e"><error message=""/></testcase>'
        '<testcase classname="tests.python.test_x" name="s"><skipped message=""/></testcase>'
        "</testsuite></testsuites>"
    )
    read = read_results(tmp_path / "a.xml")
    assert read.versions == {"transformers": "5.24.0"}
    assert read.tests["test_families.test_logits[a-b]"] == Result(True, {"difference": "1e-07"})
    assert [read.tests[f"test_x.{name}"].passed for name in "fes"] == [False] * 3


def test_only_what_is_between_the_marks_is_written() -> None:
    text = f"before\n{MARKS[0]}\nold | \\1\n{MARKS[1]}\nafter\n"
    assert replaced(text, r"new \1") == f"before\n{MARKS[0]}\nnew \\1\n{MARKS[1]}\nafter\n"
    with pytest.raises(SystemExit):
        replaced("nothing", "new")
