# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""CMake configures with no more than each purpose of bootstrap.sh installs, and with a
LibTorch of which only the CPU half can be used. Nothing is compiled."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from machine import ROOT, SOURCES, Machine

BOOTSTRAP = "omni/cmake/bootstrap.sh"
SENTENCEPIECE = ROOT / ".venv" / "sentencepiece"
# Find modules of what bootstrap.sh installs by other means than packages.
OURS = {"LibTorch", "SentencePieceStatic"}
# What a CMake file requires → the package that has it.
PACKAGES = {
    "CLI/CLI.hpp": "libcli11-dev",
    "PkgConfig": "pkg-config",
    "Threads": "build-essential",
    "libavcodec": "libavcodec-dev",
    "libavformat": "libavformat-dev",
    "libavutil": "libavutil-dev",
    "libswresample": "libswresample-dev",
    "libswscale": "libswscale-dev",
    "libturbojpeg": "libturbojpeg0-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "opencv2/imgcodecs.hpp": "libopencv-imgcodecs-dev",
    "opencv_core": "libopencv-core-dev",
    "opencv_imgcodecs": "libopencv-imgcodecs-dev",
    "opencv_imgproc": "libopencv-imgproc-dev",
    "pcre2-8": "libpcre2-dev",
    "pcre2.h": "libpcre2-dev",
    "utf8proc": "libutf8proc-dev",
    "utf8proc.h": "libutf8proc-dev",
    # Linked by their names alone.
    "edit": "libedit-dev",
    "xxhash.h": "libxxhash-dev",
}
# Does as the real program is asked, but builds nothing.
NINJA = """case "$*" in
  "-C build -j"*) log "$@" ;;
  *) exec {real} "$@" ;;
esac"""
CMAKE = """case "$*" in
  "-S . -B build"*) log "$@"; exec {real} "$@" {options} ;;
  *) exec {real} "$@" ;;
esac"""
PYTHON = """case "$*" in
  "-m pip"*) log "$@" ;;
  *'print(sysconfig.get_path("purelib"))') echo {folder} ;;
  *) exec {real} "$@" ;;
esac"""
# Whether what only the tests install is on the machine.
TEST_PACKAGES = "-DCMAKE_DISABLE_FIND_PACKAGE_Catch2={0} -DCMAKE_DISABLE_FIND_PACKAGE_Python3={0}"


def packages_of_run() -> list[str]:
    text = (ROOT / BOOTSTRAP).read_text(encoding="utf-8")
    return re.search(r"^packages=\(([^)]*)\)", text, re.M).group(1).split()


def required_names() -> set[str]:
    """What the CMake files that `run` reads require, by the name in PACKAGES."""
    files = [ROOT / "CMakeLists.txt"]
    for folder in set(SOURCES) - {"CMakeLists.txt", "python", "tests"}:
        for pattern in ("CMakeLists.txt", "*.cmake"):
            files += (ROOT / folder).rglob(pattern)
    names = set()
    for path in files:
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        names |= set(re.findall(r"find_package\((\w+)[^)]*\bREQUIRED", text))
        names |= set(re.findall(r"find_path\(\w+ (\S+)[^)]*\bREQUIRED", text))
        for inner in re.findall(r"pkg_check_modules\(([^)]*)\)", text):
            names |= set(re.findall(r"\b(lib[a-z]+)", inner))
        modules = re.findall(r"foreach\(module ([^)]*)\)", text)
        for library in re.findall(r"find_library\(\S+ (\S+)[^)]*\bREQUIRED", text):
            names |= {library.replace("${module}", m) for m in " ".join(modules).split()}
    return names - OURS


def test_what_run_requires_is_among_its_packages() -> None:
    names = required_names()
    assert {"PkgConfig", "libavformat", "opencv_imgproc", "CLI/CLI.hpp"} <= names
    unknown = names - PACKAGES.keys()
    assert not unknown, f"say in PACKAGES which package has {sorted(unknown)}"
    assert set(PACKAGES.values()) <= set(packages_of_run())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One with the real cmake, whose ninja builds nothing and whose pip does nothing."""
    machine = Machine(tmp_path)
    machine.put("pkg-config", f'exec {shutil.which("pkg-config")} "$@"')
    machine.put("ninja", NINJA.format(real=shutil.which("ninja")))
    machine.put(".venv/bin/python", PYTHON.format(real=sys.executable, folder=tmp_path))
    shutil.rmtree(machine.checkout / ".venv" / "sentencepiece")
    (machine.checkout / ".venv" / "sentencepiece").symlink_to(SENTENCEPIECE)
    return machine


def test_a_build_to_run_becomes_one_to_test_and_stays_it(machine: Machine) -> None:
    def bootstrap(purpose: str, *, lacks_test_packages: bool) -> str:
        options = TEST_PACKAGES.format("ON" if lacks_test_packages else "OFF")
        machine.put("cmake", CMAKE.format(real=shutil.which("cmake"), options=options))
        done = machine.run(BOOTSTRAP, purpose)
        assert done.returncode == 0, done.stderr
        return (machine.checkout / "build" / "build.ninja").read_text(encoding="utf-8")

    to_run = bootstrap("run", lacks_test_packages=True)
    assert "build omni-chat:" in to_run and "build omni-train:" in to_run
    assert "tests/core" not in to_run and "omni_python" not in to_run
    machine.calls()

    to_test = bootstrap("test", lacks_test_packages=False)
    assert "tests/core" in to_test and "omni_python" in to_test and "-Werror" in to_test
    calls = machine.calls()
    assert calls[-1].startswith("ninja ") and calls[-1].endswith(" all")

    assert bootstrap("run", lacks_test_packages=True) == to_test
    assert [line.split()[0] for line in machine.calls()] == ["dpkg-query", "ninja"]


def test_without_media_and_with_a_cuda_libtorch_without_the_toolkit(tmp_path: Path) -> None:
    libtorch, wheel = tmp_path / "libtorch", Path(torch.__file__).parent
    (libtorch / "lib").mkdir(parents=True)
    (libtorch / "include").symlink_to(wheel / "include")
    for library in (wheel / "lib").iterdir():
        (libtorch / "lib" / library.name).symlink_to(library)
    cuda = libtorch / "lib" / "libtorch_cuda.so"
    if not cuda.exists():
        cuda.touch()
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA", "OMNI"))}
    environment["PATH"] = os.pathsep.join(
        str(f) for f in folders if not (f / "nvcc").exists() or (f / "c++").exists()
    )
    options = [f"-D{name}=OFF" for name in ("OMNI_MEDIA", "OMNI_TESTS", "OMNI_PYTHON")]
    # None of what is left out may be looked for, even by chance.
    for name in ("PkgConfig", "Catch2", "Python3", "CUDAToolkit", "OpenCV", "Torch"):
        options.append(f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON")
    build = tmp_path / "build"
    done = subprocess.run(
        ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", f"-DOMNI_TORCH_ROOT={libtorch}",
         f"-DOMNI_SENTENCEPIECE_ROOT={SENTENCEPIECE}", *options],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ninja = (build / "build.ninja").read_text(encoding="utf-8")
    assert f"{libtorch}/lib/libtorch_cpu.so" in ninja
    for absent in ("libavformat", "opencv", "libtorch_cuda", f"{wheel}/lib"):
        assert absent not in ninja, absent
    assert "no_media" in ninja
