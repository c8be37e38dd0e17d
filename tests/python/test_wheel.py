# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""`pip install .` into a fresh environment that has a torch: nothing is downloaded, and
what was installed works there. Reuses the build that the other tests run on."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import torch

import omni

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(omni.__file__).parents[2]
CHAT = """
import pathlib, sys
import omni, torch
sys.path.insert(0, sys.argv[1])
import conftest
model = conftest.make_tiny_model()
assert model.tokenizer.decode(model.tokenizer.encode("hello")) == "hello"
model.save(sys.argv[2])
chat = omni.Chat(omni.load(sys.argv[2]))
reply = chat.send(omni.Image(torch.zeros(8, 8, 3, dtype=torch.uint8)), "hi", max_text_tokens=4)
assert len(reply.receipt) == 1 and reply.usage.answer_tokens > 0
maps = pathlib.Path("/proc/self/maps").read_text().split()
print(omni.__file__)
print(*sorted({path for path in maps if "libomni" in path or "libtorch_cpu" in path}))
"""


def fresh_environment(folder: Path, *, has_torch: bool) -> Path:
    """A new virtual environment's Python; torch comes from this one's packages."""
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    if has_torch:
        packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        (Path(packages) / "torch_of_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
        # Python before 3.12 brings an older one than torch wants, which would hide it.
        pip(python, "uninstall", "--yes", "setuptools")
    return python


def pip(python: Path, *arguments: str) -> subprocess.CompletedProcess:
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "OMNI_PYTHON")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    return subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True, text=True, cwd=ROOT,
        env={**environment, "OMNI_BUILD_DIR": str(BUILD), "PIP_NO_CACHE_DIR": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = fresh_environment(tmp_path_factory.mktemp("env"), has_torch=True)
    # Isolated, and without an index: a second torch could come from nowhere.
    result = pip(python, "install", "--no-index", str(ROOT))
    assert result.returncode == 0, result.stdout + result.stderr
    return python


def test_the_installed_package_chats(installed: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [installed, "-c", CHAT, str(Path(__file__).parent), str(tmp_path / "tiny")],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    where, libraries = result.stdout.splitlines()
    environment = installed.parents[1]
    assert Path(where).is_relative_to(environment)
    ours = [path for path in libraries.split() if "libomni" in path]
    assert len(ours) == 2 and all(Path(path).is_relative_to(environment) for path in ours)
    (torch_library,) = [path for path in libraries.split() if "libtorch" in path]
    assert Path(torch_library).is_relative_to(Path(torch.__file__).parent)


def test_the_embedded_model_lies_beside_the_library(
    installed: Path, tmp_path: Path, model_folder: Path
) -> None:
    code = "import omni; print(omni.__file__); print(omni.load(dtype='float64').dtype)"
    packages = Path(
        subprocess.run(
            [installed, "-c", "import omni; print(omni.__file__)"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        ).stdout  # fmt: skip
    ).parent
    if not (packages / "nano" / "config.json").exists():
        shutil.copytree(model_folder, packages / "nano", dirs_exist_ok=True)
    result = subprocess.run([installed, "-c", code], capture_output=True, text=True, cwd="/")
    assert result.stdout.splitlines()[1:] == ["torch.float64"], result.stderr


def test_pip_knows_what_it_needs(installed: Path) -> None:
    shown = pip(installed, "show", "--files", "omni").stdout
    assert "Version: " + omni.__version__ in shown and "Requires: numpy, torch" in shown
    files = {line.strip() for line in shown.split("Files:")[1].splitlines()}
    assert {"omni/py.typed", "omni/_omni.pyi", "omni/chat.py", "omni/built_with.py"} <= files
    assert sum(".so" in name for name in files) == 3
    assert not any("torch" in name or "__pycache__" in name for name in files if ".so" in name)
    sources = {p.relative_to(ROOT / "python").as_posix() for p in ROOT.glob("python/omni/**/*.py")}
    assert sources <= files
    assert pip(installed, "check").returncode == 0


def test_without_torch_the_reason_is_said(tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / "bare", has_torch=False)
    result = pip(python, "wheel", "--no-index", "--no-deps", "-w", str(tmp_path), str(ROOT))
    assert result.returncode != 0
    text = " ".join((result.stdout + result.stderr).split())
    assert "[omni] expected the package torch in the Python that Omni is installed into" in text
    assert "OMNI_PYTHON=/path/to/python pip install ." in text


def test_editable_wheels_and_source_archives(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import build_backend as b; "
        "print(b.build_editable(sys.argv[2])); print(b.build_sdist(sys.argv[2]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "python"), str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "OMNI_BUILD_DIR": str(BUILD)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    wheel, archive = result.stdout.split()
    with zipfile.ZipFile(tmp_path / wheel) as opened:
        assert opened.read("omni_editable.pth").decode() == f"{BUILD / 'python'}\n"
    assert (tmp_path / archive).stat().st_size > 10_000
