# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-nano, the embedded model: its evaluation, `python -m omni.nano.evaluate`."""
