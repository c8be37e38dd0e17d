# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every CUDA kernel is run by the emulation, compiled by nvcc, and knows no Torch."""

import re

import pytest
from test_style import FILES, ROOT, relative

CUDA = ROOT / "kernels" / "cuda"
TESTS = ROOT / "tests" / "kernels" / "cuda"
HEADERS = [f for f in FILES if f.parent == CUDA and f.suffix == ".cuh"]
TEXT = {f: f.read_text(encoding="utf-8") for f in HEADERS}
# (file, name) of each __global__ function.
KERNELS = [
    (f, name)
    for f in HEADERS
    for name in re.findall(r"__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s*)?(\w+)", TEXT[f])
]


def test_there_are_kernels() -> None:
    assert len(KERNELS) >= 15
    for path in HEADERS:
        assert TEXT[path].count("__global__ void") == sum(f == path for f, _ in KERNELS)


@pytest.mark.parametrize(("path", "name"), KERNELS, ids=lambda v: v if isinstance(v, str) else "")
def test_kernel_is_emulated_and_compiled(path, name: str) -> None:
    test = TESTS / f"{path.stem}_cuda_test.cpp"
    assert test.is_file(), f"{relative(path)} has no {relative(test)}"
    assert re.search(rf"\b{name}(<[^;]*>)?\(", test.read_text(encoding="utf-8")), (
        f"{relative(test)} never runs {name}"
    )
    assert test.name in (TESTS / "CMakeLists.txt").read_text(encoding="utf-8")
    compiled = (TESTS / "every_kernel.cu").read_text(encoding="utf-8")
    assert f'#include "{relative(path)}"' in compiled
    assert re.search(rf"template __global__ void\s+{name}\b", compiled), (
        f"every_kernel.cu never instantiates {name}"
    )


@pytest.mark.parametrize("path", HEADERS, ids=relative)
def test_header_has_no_torch_and_states_its_terms(path) -> None:
    included = re.findall(r"#include [<\"]([^>\"]+)", TEXT[path])
    foreign = [i for i in included if "/" in i and not i.startswith("kernels/cuda/")]
    assert not foreign, f"{relative(path)} includes {foreign}"
    if "__global__ void" in TEXT[path]:
        head = TEXT[path].split("#pragma once")[0]
        for term in ("Shapes:", "float32", "A thread block:", "Bytes"):
            assert term in head, f"the comment of {relative(path)} lacks {term!r}"
