# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""PEP 517 backend: a wheel that runs on the torch of the Python that pip runs in.

A torch in the build environment would be a second one, of perhaps another version, so
none is asked for: the interpreter is asked for its own, outside pip's isolation.

Environment: OMNI_PYTHON (the interpreter whose torch counts; default the one pip runs
in), OMNI_BUILD_DIR (build folder to use or reuse), OMNI_JOBS, CMAKE_ARGS.
"""

import base64
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "omni"
SUMMARY = "An omni-modal model library on LibTorch"

PROBE = """
import importlib.util, json, pathlib, sys
spec = importlib.util.find_spec("torch")
version = None
if spec is not None:
    scope = {}
    exec((pathlib.Path(spec.origin).parent / "version.py").read_text(), scope)
    version = scope["__version__"]
print(json.dumps([version, list(sys.version_info[:2]), sys.executable]))
"""


def _fail(message):
    raise SystemExit(f"[omni] {message}")


def _version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(Omni VERSION ([0-9.]+)", text).group(1)


def _find_torch():
    """(interpreter, release of its torch), as they are outside of build isolation."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "__PYVENV_LAUNCHER__")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    candidates = [os.environ.get("OMNI_PYTHON"), sys.executable]
    if os.environ.get("VIRTUAL_ENV"):
        candidates.append(os.path.join(os.environ["VIRTUAL_ENV"], "bin", "python"))
    asked = []
    for python in filter(None, candidates):
        result = subprocess.run(
            [python, "-c", PROBE], env=environment, cwd="/", capture_output=True, text=True
        )
        asked.append(python)
        if result.returncode:
            continue
        version, series, executable = json.loads(result.stdout)
        if version is not None and tuple(series) == sys.version_info[:2]:
            return executable, version.split("+")[0]
    _fail(
        "expected the package torch in the Python that Omni is installed into, found "
        f"none in {', '.join(asked)}. Install it first (pip install torch), or name the "
        "interpreter that has it: OMNI_PYTHON=/path/to/python pip install ."
    )


def _run(command, **environment):
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if result.returncode:
        tail = (result.stdout + result.stderr).splitlines()[-60:]
        _fail(f"`{shlex.join(map(str, command))}` failed:\n" + "\n".join(tail))


def _build(config_settings):
    """The folder of an up-to-date build and the release of the torch it is for."""
    python, torch = _find_torch()
    settings = config_settings or {}
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    folder = Path(
        settings.get("build-dir")
        or os.environ.get("OMNI_BUILD_DIR")
        or ROOT / "build" / f"wheel-{tag}-torch{torch}"
    ).absolute()
    built_with = folder / "python" / "omni" / "built_with.py"
    if built_with.is_file() and (folder / "build.ninja").is_file():
        if f'TORCH_VERSION = "{torch}"' not in built_with.read_text(encoding="utf-8"):
            _fail(
                f"expected {folder} to be a build for torch {torch}, got one for another "
                "torch. Remove it, or give another OMNI_BUILD_DIR."
            )
    else:
        arguments = shlex.split(os.environ.get("CMAKE_ARGS", ""))
        if not any("OMNI_SENTENCEPIECE_ROOT" in argument for argument in arguments):
            # Where it is missing: into .venv/sentencepiece, and nothing else with it.
            bootstrap = ROOT / "omni" / "cmake" / "bootstrap.sh"
            _run(["bash", bootstrap, "sentencepiece"], OMNI_PYTHON=python)
        _run(
            ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DOMNI_TESTS=OFF"]
            + ["-DOMNI_EXAMPLES=OFF", f"-DOMNI_PYTHON_EXECUTABLE={python}"]
            + arguments
        )
    jobs = os.environ.get("OMNI_JOBS") or str(os.cpu_count() or 1)
    if not built_with.is_file():
        _fail(
            f"expected Python's headers for {python} and torch's libtorch_python, found "
            "one of them missing. On Debian and Ubuntu: sudo apt-get install python3-dev"
        )
    _run(["cmake", "--build", folder, "--target", "omni_python", "-j", jobs])
    return folder, torch


def _metadata(torch):
    return (
        "Metadata-Version: 2.1\n"
        f"Name: {NAME}\nVersion: {_version()}\nSummary: {SUMMARY}\n"
        "License: Apache-2.0\nRequires-Python: >=3.10\n"
        f"Requires-Dist: torch=={torch}\nRequires-Dist: numpy\n"
    )


def _tag():
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return f"{python}-{python}-{platform}"


class _Wheel:
    """A wheel being written; close() adds what every wheel has."""

    def __init__(self, folder, torch):
        self.info = f"{NAME}-{_version()}.dist-info"
        self.name = f"{NAME}-{_version()}-{_tag()}.whl"
        self.torch = torch
        self.records = []
        self.archive = zipfile.ZipFile(
            Path(folder) / self.name, "w", compression=zipfile.ZIP_DEFLATED
        )

    def add(self, name, content, mode=0o644):
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.archive.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
        self.records.append(f"{name},sha256={digest.rstrip(b'=').decode()},{len(content)}\n")

    def close(self):
        self.add(f"{self.info}/METADATA", _metadata(self.torch).encode())
        wheel = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {_tag()}\n"
        self.add(f"{self.info}/WHEEL", wheel.encode())
        self.add(f"{self.info}/licenses/LICENSE", (ROOT / "LICENSE").read_bytes())
        record = "".join(self.records) + f"{self.info}/RECORD,,\n"
        self.archive.writestr(f"{self.info}/RECORD", record)
        self.archive.close()
        return self.name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    build, torch = _build(config_settings)
    wheel = _Wheel(wheel_directory, torch)
    with tempfile.TemporaryDirectory() as stage:
        _run(
            ["cmake", "--install", build, "--component", "python", "--strip"] + ["--prefix", stage]
        )
        files = sorted(p for p in Path(stage).rglob("*") if not p.is_dir())
        # Wheels know no links: a library goes in once, under the name it is loaded by.
        linked = {p.resolve() for p in files if p.is_symlink()}
        for path in files:
            if path.is_symlink() or path.resolve() not in linked:
                mode = 0o755 if ".so" in path.name else 0o644
                wheel.add(path.relative_to(stage).as_posix(), path.read_bytes(), mode)
    return wheel.close()


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    build, torch = _build(config_settings)
    wheel = _Wheel(wheel_directory, torch)
    wheel.add(f"{NAME}_editable.pth", f"{build / 'python'}\n".encode())
    return wheel.close()


def build_sdist(sdist_directory, config_settings=None):
    stem = f"{NAME}-{_version()}"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    with tarfile.open(Path(sdist_directory) / f"{stem}.tar.gz", "w:gz") as archive:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                archive.add(ROOT / name, f"{stem}/{name}", recursive=False)
        info = tarfile.TarInfo(f"{stem}/PKG-INFO")
        content = (
            f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {_version()}\nSummary: {SUMMARY}\n"
        ).encode()
        info.size = len(content)
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            archive.addfile(info, file)
    return f"{stem}.tar.gz"


def get_requires_for_build_wheel(config_settings=None):
    needed = [] if shutil.which("ninja") else ["ninja"]
    if shutil.which("cmake"):
        text = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
        version = re.search(r"version (\d+)\.(\d+)", text)
        if version and tuple(map(int, version.groups())) >= (3, 24):
            return needed
    return [*needed, "cmake>=3.24"]


get_requires_for_build_editable = get_requires_for_build_wheel


def get_requires_for_build_sdist(config_settings=None):
    return []
