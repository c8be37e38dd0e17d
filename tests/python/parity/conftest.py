# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Makes the references importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
