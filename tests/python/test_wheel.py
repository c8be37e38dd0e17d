# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""`pip install .` into a fresh environment that has a torch: nothing is downloaded, and
what was installed works there. Reuses the build that the other tests run on."""

import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
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
    ours = ROOT / "omni" / "nano"
    if not (ours / "model.safetensors").exists():  # a checkout without weights
        shutil.copytree(model_folder, packages / "nano", dirs_exist_ok=True)
        ours = model_folder
    for file in sorted(ours.iterdir()):
        copied = packages / "nano" / file.name
        assert copied.is_file(), f"the wheel lacks {file.name} of omni-nano"
        assert copied.read_bytes() == file.read_bytes(), file.name
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


# The source release of SentencePiece in small: what bootstrap.sh uses of it.
SENTENCEPIECE = {
    "setup.py": "from setuptools import setup\nsetup(name='sentencepiece', version='0.2.1')\n",
    "sentencepiece/src/sentencepiece_processor.h": "int encode();\n",
    "sentencepiece/src/processor.cc": "int encode() { return 0; }\n",
    "sentencepiece/CMakeLists.txt": """cmake_minimum_required(VERSION 3.24)
        project(sentencepiece LANGUAGES CXX)
        add_library(sentencepiece-static STATIC src/processor.cc)
        set_target_properties(sentencepiece-static PROPERTIES
          OUTPUT_NAME sentencepiece ARCHIVE_OUTPUT_DIRECTORY src)""",
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh one, and an index for pip that has the small SentencePiece alone."""
    checkout, index = tmp_path / "checkout", tmp_path / "index"
    for name in ("python/build_backend.py", "omni/cmake/bootstrap.sh", "CMakeLists.txt"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    index.mkdir()
    with tarfile.open(index / "sentencepiece-0.2.1.tar.gz", "w:gz") as archive:
        for name, text in SENTENCEPIECE.items():
            info = tarfile.TarInfo(f"sentencepiece-0.2.1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    # As in pip's build isolation, which hides the packages of the Python it runs in.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "isolation"))
    for name in ("OMNI_BUILD_DIR", "OMNI_PYTHON", "CMAKE_ARGS"):
        monkeypatch.delenv(name, raising=False)
    return checkout


def test_a_fresh_checkout_builds_its_sentencepiece_and_installs_no_torch(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("backend", checkout / "python/build_backend.py")
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    run, commands = backend._run, []

    def run_all_but_the_build(command, **environment):
        commands.append([str(word) for word in command])
        if command[0] != "cmake":
            run(command, **environment)
        elif "-B" in command:  # what a configuration leaves
            built_with = Path(command[command.index("-B") + 1]) / "python/omni/built_with.py"
            built_with.parent.mkdir(parents=True)
            built_with.touch()

    monkeypatch.setattr(backend, "_run", run_all_but_the_build)
    folder, version = backend._build(None)
    assert folder.is_relative_to(checkout) and version == torch.__version__.split("+")[0]
    assert [words[0] for words in commands] == ["bash", "cmake", "cmake"]
    assert commands[0][1:] == [str(checkout / "omni/cmake/bootstrap.sh"), "sentencepiece"]
    made = sorted(p for p in (checkout / ".venv").rglob("*") if p.is_file())
    assert [p.relative_to(checkout / ".venv").as_posix() for p in made] == [
        "sentencepiece/include/sentencepiece_processor.h",
        "sentencepiece/lib/libsentencepiece.a",
    ]

    # One of the caller's own is left alone.
    monkeypatch.setenv("CMAKE_ARGS", "-DOMNI_SENTENCEPIECE_ROOT=/opt/sentencepiece")
    shutil.rmtree(folder)
    commands.clear()
    backend._build(None)
    assert [words[0] for words in commands] == ["cmake", "cmake"]
    assert commands[0][-1] == "-DOMNI_SENTENCEPIECE_ROOT=/opt/sentencepiece"


@pytest.mark.parametrize("version, wanted", [("3.22.1", ["cmake>=3.24"]), ("3.25.1", [])])
def test_pip_is_asked_for_a_cmake_where_the_system_has_an_old_one(
    tmp_path: Path, version: str, wanted: list[str]
) -> None:
    for program in ("cmake", "ninja"):
        (tmp_path / program).write_text(f"#!/bin/sh\necho cmake version {version}\n")
        (tmp_path / program).chmod(0o755)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import build_backend as b; "
        "print(b.get_requires_for_build_wheel())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "python")],
        capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp_path}:/bin"},
    )  # fmt: skip
    assert result.stdout.strip() == str(wanted), result.stderr


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
