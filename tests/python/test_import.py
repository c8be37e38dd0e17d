# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Importing omni: from any folder, and what is said when torch is not the right one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import omni

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *code.split("|")], capture_output=True, text=True, **options
    )


@pytest.mark.parametrize("folder", [ROOT, Path("/"), ROOT / "tests"], ids=str)
def test_any_folder_will_do(folder: Path) -> None:
    """The checkout's own omni/ of C++ sources is no package and hides nothing."""
    result = run("-c|import omni; print(omni.load.__name__, omni.__file__)", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[0] == "load"
    assert Path(result.stdout.split()[1]) == Path(omni.__file__)


def test_modules_run_from_the_checkout() -> None:
    result = run("-m|omni.kernels", cwd=ROOT)
    assert result.returncode == 0, result.stderr


def fake_torch(folder: Path, text: str) -> dict[str, str]:
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_another_torch_is_named(tmp_path: Path) -> None:
    environment = fake_torch(tmp_path, '__version__ = "2.9.1+cpu"\n')
    result = run("-c|import omni", env=environment)
    assert result.stderr.splitlines()[-1].startswith(
        f"ImportError: [omni] expected torch {omni.TORCH_VERSION}, with which this package "
        "was built, got 2.9.1+cpu. Build it again for this torch: pip install "
    )


def test_a_missing_torch_is_named(tmp_path: Path) -> None:
    environment = fake_torch(tmp_path, 'raise ImportError("No module named torch")\n')
    result = run("-c|import omni", env=environment)
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: [omni] expected the package torch {omni.TORCH_VERSION}, got none. "
        f"Install it into this Python: pip install torch=={omni.TORCH_VERSION}"
    )


def test_one_openmp_runtime() -> None:
    """Ours is torch's: a second would double every thread pool."""
    maps = Path("/proc/self/maps").read_text()
    runtimes = {
        line.split()[-1] for line in maps.splitlines() if "libgomp" in line or "iomp" in line
    }
    assert len(runtimes) <= 1, runtimes


def test_names_of_the_package() -> None:
    assert omni.__version__ and set(omni.__all__) <= set(dir(omni))
