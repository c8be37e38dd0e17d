# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes the matrix in omni/families/README.md from what the tests measured.

    .venv/bin/python tests/python/parity/make_matrix.py [--results build/results/pytest.xml]

Without results (tests/run.sh leaves them there) it runs the tests that measure. A cell
whose tests failed or did not run says so, and the command then ends with an error."""

import argparse
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from published import PUBLISHED
from tiny_checkpoints import CASES

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "omni" / "families" / "README.md"
MARKS = ("<!-- matrix: begin (make_matrix.py) -->", "<!-- matrix: end -->")
FAILED, NOT_RUN = "**failed**", "**not run**"
ASSUMED = " *"
TOOLS = ("transformers", "torch")

Properties = dict[str, str]


@dataclass(frozen=True)
class Result:
    passed: bool
    properties: Properties


@dataclass(frozen=True)
class Results:
    tests: dict[str, Result]  # by "test_families.test_logits[llama-tied]"
    versions: Properties


@dataclass(frozen=True)
class Column:
    title: str
    test: str
    of: Callable[[str], list[str]]  # what the test is run with for a family
    show: Callable[[list[Properties]], str]
    green: str  # a pattern: what a cell looks like whose tests passed

    def tests_of(self, family: str) -> list[str]:
        return [f"{self.test}[{parameter}]" for parameter in self.of(family)]


def cases_of(family: str) -> list[str]:
    return [str(case) for case in CASES if case.family == family]


def total(name: str) -> Callable[[list[Properties]], str]:
    return lambda all_: f"{sum(int(p[name]) for p in all_):,} {name}"


def largest(name: str, form: str) -> Callable[[list[Properties]], str]:
    return lambda all_: format(max(float(p[name]) for p in all_), form)


NUMBER = r"\d\.\de-\d\d"
COLUMNS = (
    Column(
        "tokenizer",
        "test_tokenizer_json.test_ids_ranges_and_texts_equal_those_of_tokenizers",
        lambda family: list(PUBLISHED[family].tokenizers),
        total("lines"),
        r"[\d,]{6,} lines( \*)?",
    ),
    Column(
        "template",
        "test_chat_template.test_models",
        lambda family: list(PUBLISHED[family].templates),
        total("prompts"),
        r"[\d,]{2,} prompts( \*)?",
    ),
    Column(
        "logits, float32",
        "test_families.test_logits",
        cases_of,
        largest("difference", ".1e"),
        NUMBER,
    ),
    Column(
        "logits, bf16",
        "test_bfloat16.test_logits",
        cases_of,
        largest("ratio", ".2f"),
        r"[01]\.\d\d",
    ),
    Column("greedy", "test_families.test_greedy_ids", cases_of, total("ids"), r"[\d,]{2,} ids"),
    Column("cache", "test_families.test_cache", cases_of, total("ids"), r"[\d,]{3,} ids"),
    Column(
        "gradients",
        "test_families.test_gradients",
        cases_of,
        largest("difference", ".1e"),
        NUMBER,
    ),
    Column(
        "save",
        "test_families.test_what_we_save_is_read_by_transformers",
        cases_of,
        lambda _: "equal",
        "equal",
    ),
)
FILES = (
    "test_tokenizer_json.py",
    "test_chat_template.py",
    "parity/test_families.py",
    "parity/test_bfloat16.py",
)


def read_results(path: Path) -> Results:
    """Of a JUnit file that pytest wrote."""
    suite = ElementTree.parse(path).getroot()
    tests, versions = {}, {}
    for item in suite.iterfind("./testsuite/properties/property"):
        versions[item.get("name")] = item.get("value")
    for item in suite.iter("testcase"):
        passed = not any(item.find(tag) is not None for tag in ("failure", "error", "skipped"))
        module = item.get("classname").rpartition(".")[2]
        tests[f"{module}.{item.get('name')}"] = Result(
            passed, {p.get("name"): p.get("value") for p in item.iterfind("./properties/property")}
        )
    return Results(tests, versions)


def cell(column: Column, family: str, results: Results) -> str:
    found = [results.tests.get(name) for name in column.tests_of(family)]
    if not found or None in found:
        return NOT_RUN
    if not all(result.passed for result in found):
        return FAILED
    assumed = ASSUMED if column.title in PUBLISHED[family].assumed else ""
    return column.show([result.properties for result in found]) + assumed


def worst(results: Results, title: str, name: str) -> tuple[float, str]:
    """The largest measurement of a column and the case it is of."""
    column = next(c for c in COLUMNS if c.title == title)
    found = [
        (float(results.tests[test].properties.get(name, 0)), parameter)
        for family in PUBLISHED
        for test, parameter in zip(column.tests_of(family), column.of(family), strict=True)
        if test in results.tests
    ]
    return max(found, default=(0.0, "none"))


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def matrix(results: Results) -> str:
    titles = [column.title for column in COLUMNS]
    rows = [
        [f"`{family}`", *(cell(column, family, results) for column in COLUMNS), known.licence]
        for family, known in PUBLISHED.items()
    ]
    apart, where = worst(results, "logits, float32", "difference")
    ratio, of_ratio = worst(results, "logits, bf16", "ratio")
    versions = [
        f"{name} {results.versions.get(name, NOT_RUN)}" for name in ("transformers", "torch")
    ]
    return "\n".join(
        [
            f"Made with {' and '.join(versions)}. Furthest apart in float32: {apart:.1e} of the",
            f"range ({where}); in bfloat16 {ratio:.2f} of the reference's own error ({of_ratio}).",
            "",
            table(["`model_type`", *titles, "licence of published weights"], rows),
        ]
    )


def replaced(text: str, content: str, marks: tuple[str, str] = MARKS) -> str:
    """`text` with `content` between the marks."""
    begin, end = marks
    pattern = re.escape(begin) + r"\n.*?" + re.escape(end)
    found, count = re.subn(pattern, lambda _: f"{begin}\n{content}\n{end}", text, flags=re.S)
    if count != 1:
        raise SystemExit(f"expected one {begin} and its end, got {count}")
    return found


def run_tests(path: Path) -> None:
    files = [ROOT / "tests" / "python" / name for name in FILES]
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", *files, f"--junit-xml={path}"]
    subprocess.run(command, cwd=ROOT, check=False)  # what failed is in the results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, help="a JUnit file of pytest; else the tests run")
    options = parser.parse_args()
    path = options.results
    if path is None:
        path = ROOT / "build" / "results" / "parity.xml"
        run_tests(path)
    content = matrix(read_results(path))
    README.write_text(replaced(README.read_text(encoding="utf-8"), content), encoding="utf-8")
    print(content)
    return 1 if FAILED in content or NOT_RUN in content else 0


if __name__ == "__main__":
    sys.exit(main())
