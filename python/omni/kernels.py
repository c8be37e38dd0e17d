# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The fused ops: `torch.ops.omni.<name>` calls them, `explain` says which path."""

from ._omni import explain, op_names

__all__ = ["explain", "op_names"]
