# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""torch.library.opcheck of every op: schema, autograd registration, fake tensors, AOT autograd.

Loads the op library from build/lib, or from the folder in OMNI_LIBRARY_DIR.
"""

import os
import pathlib

import pytest
import torch

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = pathlib.Path(os.environ.get("OMNI_LIBRARY_DIR", ROOT / "build" / "lib"))
if not hasattr(torch.ops.omni, "rms_norm"):  # registered by whoever loads the library first
    torch.ops.load_library(str(FOLDER / "libomni_kernels.so"))
OPS = torch.ops.omni


def randn(*sizes, dtype=torch.float32, grad=True):
    return torch.randn(*sizes, dtype=dtype, requires_grad=grad)


def calls(dtype):
    angles = torch.randn(3, 4)
    slots = torch.tensor([4, 1])
    return {
        "rms_norm": (OPS.rms_norm, (randn(3, 8, dtype=dtype), randn(8, dtype=dtype))),
        "add_rms_norm": (
            OPS.add_rms_norm,
            (randn(3, 8, dtype=dtype), randn(3, 8, dtype=dtype), randn(8, dtype=dtype)),
        ),
        "qk_norm_rope": (
            OPS.qk_norm_rope,
            (
                *(randn(2, 3, 2, 8, dtype=dtype), randn(2, 3, 1, 8, dtype=dtype)),
                *(angles.cos(), angles.sin()),
                *(randn(8, dtype=dtype), randn(8, dtype=dtype)),
            ),
        ),
        "swiglu": (OPS.swiglu.default, (randn(3, 16, dtype=dtype),)),
        "swiglu.pair": (
            OPS.swiglu.pair,
            (randn(3, 8, dtype=dtype), randn(3, 8, dtype=dtype)),
        ),
        "geglu": (OPS.geglu.default, (randn(3, 16, dtype=dtype),)),
        "geglu.pair": (
            OPS.geglu.pair,
            (randn(3, 8, dtype=dtype), randn(3, 8, dtype=dtype), True),
        ),
        "quantized_add_rms_norm": (
            OPS.quantized_add_rms_norm,
            tuple(randn(*sizes, dtype=dtype, grad=False) for sizes in ((3, 8), (3, 8), (8,))),
        ),
        "qk_norm_rope_to_cache": (
            OPS.qk_norm_rope_to_cache,
            (
                *(randn(3, heads, 8, dtype=dtype, grad=False) for heads in (2, 1, 1)),
                *(angles.cos(), angles.sin()),
                *(torch.zeros(1, 5, 8, dtype=dtype), torch.zeros(1, 5, 8, dtype=dtype), 1),
                *(None, None, 1e-6, 0.0, False, torch.tensor([1, 4, 2])),
            ),
        ),
        "residual_vq_encode": (
            OPS.residual_vq_encode,
            (randn(5, 4, dtype=dtype, grad=False), randn(2, 6, 4, dtype=dtype, grad=False)),
        ),
        "residual_vq_decode": (
            OPS.residual_vq_decode,
            (torch.tensor([[1, 5], [0, 2]]), randn(2, 6, 4, dtype=dtype, grad=False)),
        ),
        "route_experts": (
            OPS.route_experts,
            (randn(4, 6, dtype=dtype), randn(6, dtype=dtype, grad=False), 2),
        ),
        "sort_pairs": (OPS.sort_pairs, (torch.tensor([[2, 0], [1, 2]]), 4)),
        "gather_rows": (OPS.gather_rows, (randn(4, 8, dtype=dtype), torch.tensor([3, 0, 3]))),
        "combine_rows": (
            OPS.combine_rows,
            (
                randn(4, 8, dtype=dtype),
                torch.tensor([2, 0, 3, 1]),
                randn(2, 2, dtype=dtype),
            ),
        ),
        "sample_rows": (
            OPS.sample_rows,
            (
                randn(20, dtype=dtype, grad=False),
                *([0, 12, 12, 8], [0.4, 0.7], [1.0, 0.0], [5, 0], [0.9, 1.0], [0.0, 0.0]),
                *([1.0, 1.5], [1, 3], [0, 2, 9], [0.5, 0.0], [0.0, -0.5]),
            ),
        ),
        "splice_rows": (
            OPS.splice_rows,
            (randn(6, 8, dtype=dtype), randn(2, 8, dtype=dtype), slots),
        ),
        "fsq_encode": (OPS.fsq_encode, (randn(5, 2, dtype=dtype, grad=False), [8, 5])),
        "fsq_decode": (OPS.fsq_decode, (torch.arange(40), [8, 5])),
        "fsq_quantize": (OPS.fsq_quantize, (randn(5, 2, dtype=dtype), [8, 5])),
        "linear_cross_entropy": (
            OPS.linear_cross_entropy,
            (randn(4, 8, dtype=dtype), randn(9, 8, dtype=dtype), torch.tensor([0, 8, -100, 3])),
        ),
        "grouped_linear": (
            OPS.grouped_linear,
            (randn(5, 8, dtype=dtype), randn(3, 6, 8, dtype=dtype), [2, 0, 3]),
        ),
        "packed_linear": (
            OPS.packed_linear,
            (
                randn(2, 3, 40, dtype=dtype, grad=False),
                # 20 rows of 40 bfloat16 numbers: two panels of 16 rows of 64.
                torch.randn(2, 16 * 64).bfloat16().view(torch.uint8),
                *(torch.randn(20), 0, 20),
            ),
        ),
        "causal_attention": (
            OPS.causal_attention,
            (
                *(randn(6, heads, 8, dtype=dtype) for heads in (4, 2, 2)),
                *([0, 3, 4, 2], 0.3, 2),
            ),
        ),
        "cached_causal_attention": (
            OPS.cached_causal_attention,
            (
                randn(3, 4, 8, dtype=dtype, grad=False),
                *(randn(2, 5, 8, dtype=dtype, grad=False) for _ in range(2)),
                *(0.3, 0),
            ),
        ),
        "depthwise_conv1d": (
            OPS.depthwise_conv1d,
            tuple(randn(*sizes, dtype=dtype) for sizes in ((2, 5, 4), (3, 4), (4,))),
        ),
        "decode_attention": (
            OPS.decode_attention,
            (
                *(
                    randn(n, 8, dtype=dtype, grad=False).view(s)
                    for n, s in ((4, (4, 8)), (10, (2, 5, 8)), (10, (2, 5, 8)))
                ),
                *(0.3, torch.tensor([3]), 2),
            ),
        ),
        "sample": (OPS.sample, (randn(20, dtype=dtype, grad=False), 0.4, 1.0, 5)),
        "patchify": (
            OPS.patchify,
            (torch.zeros(1, 8, 8, 3, dtype=torch.uint8), [0.5] * 3, [0.5] * 3, 4, 2),
        ),
    }


@pytest.mark.parametrize("name", list(calls(torch.float32)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["fused", "reference"])
def test_opcheck(name, dtype):
    op, arguments = calls(dtype)[name]
    checks = ["test_schema", "test_autograd_registration", "test_faketensor"]
    if name != "route_experts":  # its first output is an id, which that check adds numbers to
        checks.append("test_aot_dispatch_dynamic")
    torch.library.opcheck(op, arguments, test_utils=checks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["fused", "reference"])
def test_routes_are_traced(dtype):
    def loss(logits):
        return OPS.route_experts(logits, None, 2, has_normalized_weights=True)[1].square().sum()

    logits = randn(4, 6, dtype=dtype)
    traced = torch.compile(loss, backend="aot_eager", dynamic=True)
    plain = torch.autograd.grad(loss(logits), logits)[0]
    torch.testing.assert_close(torch.autograd.grad(traced(logits), logits)[0], plain)
    assert plain.abs().sum() > 0


def test_errors_reach_python_as_their_types():
    with pytest.raises(ValueError, match=r"\[swiglu\] expected gate_up \[\.\., 2F\], got \[5\]"):
        OPS.swiglu(torch.zeros(5))
    with pytest.raises(TypeError, match="expected int64 targets"):
        OPS.linear_cross_entropy(torch.zeros(2, 4), torch.zeros(3, 4), torch.zeros(2))
    with pytest.raises(IndexError, match="expected targets in"):
        OPS.linear_cross_entropy(torch.zeros(1, 4), torch.zeros(3, 4), torch.tensor([3]))
