# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Which dtype PyTorch computes in at its best on this processor: without AVX-512 products of
many rows take many times as long in bfloat16 as in float32."""

import torch

IS_BFLOAT16_FAST = torch.backends.cpu.get_cpu_capability() == "AVX512"
