# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What decoding keeps of its rate when another program wants one of its two cores.

    .venv/bin/python tests/bench/shared_core.py [--formats bf16,int8,int4] [--rounds 7]

The contest `shared` of compare.py by itself, without its peers; writes no file."""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "compare"), str(HERE)]

from engine_pipe import pin_to_cores  # noqa: E402
from report import table  # noqa: E402
from shared_figures import FORMATS, shared_figures  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pin_to_cores()
    print(table(list(shared_figures(options.rounds, formats=options.formats.split(",")))))


if __name__ == "__main__":
    main()
