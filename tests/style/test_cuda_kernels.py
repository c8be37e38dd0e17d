# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every CUDA kernel is run by the emulation, compiled by nvcc, and knows no Torch; every
launcher is one of the library and of the tests."""

import re

import pytest
from test_style import FILES, ROOT, relative

CUDA = ROOT / "kernels" / "cuda"
TESTS = ROOT / "tests" / "kernels" / "cuda"
TEXT = {f: f.read_text(encoding="utf-8") for f in FILES if f.parent == CUDA}
HEADERS = [f for f in TEXT if f.suffix == ".cuh"]
LAUNCHERS = [f for f in TEXT if f.suffix == ".cu"]
# What nvcc sees: the sources, and the headers that both compilers share.
DEVICE_CODE = [*HEADERS, *LAUNCHERS, CUDA / "launch.h", *(f.with_suffix(".h") for f in LAUNCHERS)]
COMPILED = (TESTS / "every_kernel.cu").read_text(encoding="utf-8")
BUILT = TEXT[CUDA / "CMakeLists.txt"]
# (file, name) of each __global__ function.
KERNELS = [
    (f, name)
    for f in HEADERS
    for name in re.findall(r"__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s*)?(\w+)", TEXT[f])
]


def test_there_are_kernels() -> None:
    assert len(KERNELS) >= 20
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
    starting = [f for f in LAUNCHERS if re.search(rf"\b{name}\b", TEXT[f])]
    is_alone = f'#include "{relative(path)}"' in COMPILED and re.search(
        rf"template __global__ void\s+{name}\b", COMPILED
    )
    assert starting or is_alone, f"no .cu starts {name}, and every_kernel.cu has it not either"
    for launcher in starting:
        assert f'#include "{relative(path)}"' in TEXT[launcher]


@pytest.mark.parametrize("path", LAUNCHERS, ids=relative)
def test_launcher_is_in_the_library_and_in_the_tests(path) -> None:
    assert f'#include "{relative(path)}"' in COMPILED
    listed = re.search(r"set\(ops ([^)]*)\)", BUILT).group(1).split()
    assert path.stem.removesuffix("_cuda") in [*listed, "column_sums"]


def test_every_op_is_in_the_library_and_in_the_tests() -> None:
    emulated = (TESTS / "ops" / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in (f for f in TEXT if f.suffix == ".cpp"):
        assert re.search(rf"\b{path.name}", BUILT), f"{relative(path)} is in no library"
        # Of the stream there is another one without a device.
        assert f"${{cuda}}/{path.name}" in emulated or path.name == "stream.cpp"


@pytest.mark.parametrize("path", DEVICE_CODE, ids=relative)
def test_device_code_has_no_torch_and_states_its_terms(path) -> None:
    included = re.findall(r"#include [<\"]([^>\"]+)", TEXT[path])
    foreign = [i for i in included if "/" in i and not i.startswith("kernels/cuda/")]
    assert not foreign, f"{relative(path)} includes {foreign}"
    if path.suffix == ".h":
        assert not any(i.startswith("cuda") or i.endswith(".cuh") for i in included), (
            f"{relative(path)} needs a CUDA toolkit, and the host compiler may have none"
        )
    if "__global__ void" in TEXT[path]:
        head = TEXT[path].split("#pragma once")[0]
        for term in ("Shapes:", "float32", "A thread block:", "Bytes"):
            assert term in head, f"the comment of {relative(path)} lacks {term!r}"
