# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Makes the generator of omni-nano's data importable."""

import sys
from pathlib import Path

NANO = Path(__file__).resolve().parents[3] / "examples" / "nano"
for folder in (NANO / "judges", NANO):
    sys.path.insert(0, str(folder))
