# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Adds up JUnit files: names what failed, then one line `N passed, M failed`."""

import sys
import xml.etree.ElementTree as ElementTree


def main(paths: list[str]) -> int:
    passed = failed = skipped = 0
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            outcomes = {child.tag for child in case}
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            if "failure" in outcomes or "error" in outcomes or case.get("status") == "fail":
                failed += 1
                print(f"FAILED {name}")
            elif "skipped" in outcomes or case.get("status") in ("notrun", "disabled"):
                skipped += 1
                print(f"SKIPPED {name}")
            else:
                passed += 1
    if passed == 0:
        failed = max(failed, 1)
    line = f"{passed} passed, {failed} failed"
    print(line + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
