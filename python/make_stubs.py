# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes python/omni/_omni.pyi from the built module, by pybind11-stubgen:
`.venv/bin/python python/make_stubs.py`
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

STUBS = Path(__file__).resolve().parent / "omni" / "_omni.pyi"
HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# Written by python/make_stubs.py; not by hand.
"""


def stub_text() -> str:
    """The stubs of the module that this Python imports."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pybind11_stubgen", "--exit-code", "-o", folder, "omni._omni"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        text = (Path(folder) / "omni" / "_omni.pyi").read_text(encoding="utf-8")
    # Older and newer Pythons spell this differently.
    text = text.replace("import typing_extensions\n", "")
    text = re.sub(r"[\w.]+\.Buffer\b", "bytes | bytearray | memoryview", text)
    lines = [line.rstrip() for line in text.splitlines()]
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    STUBS.write_text(stub_text(), encoding="utf-8")
