# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Adds up JUnit files: names what failed, then one line `N passed, M failed`."""

import sys
import xml.etree.ElementTree as ElementTree


def outcome_of(case: ElementTree.Element) -> str:
    """passed, failed or skipped. A CTest program that could not be run is a failure."""
    children = {child.tag: child.get("message", "") for child in case}
    status = case.get("status", "")
    if "failure" in children or "error" in children or status == "fail":
        return "failed"
    if status == "notrun" and "SKIP" not in children.get("skipped", ""):
        return "failed"
    return "skipped" if "skipped" in children or status == "disabled" else "passed"


def main(paths: list[str]) -> int:
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        try:
            cases = list(ElementTree.parse(path).iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAILED {path}: the tests stopped before they wrote it ({error})")
            counts["failed"] += 1
            continue
        for case in cases:
            outcome = outcome_of(case)
            counts[outcome] += 1
            if outcome != "passed":
                print(f"{outcome.upper()} {case.get('classname', '')}::{case.get('name', '')}")
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    if counts["passed"] == 0:
        counts["failed"] = max(counts["failed"], 1)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
