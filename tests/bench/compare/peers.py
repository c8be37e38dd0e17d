# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The peers in a venv of their own, build/peers/venv, as requirements-peers.txt pins them.

It sees the packages of the Python that runs this as well, after its own: peers that need
torch run on the very torch that Omni runs on. llama-cpp-python is built here from its
source archive for this processor (about 8 minutes on two cores)."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from engine_pipe import ROOT

REQUIREMENTS = ROOT / "tests" / "bench" / "requirements-peers.txt"
FOLDER = ROOT / "build" / "peers"
PYTHON = FOLDER / "venv" / "bin" / "python"
BUILT_HERE = "llama-cpp-python"
CMAKE_ARGUMENTS = "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF"
LIST_VERSIONS = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in m.distributions()"
    " if d.name}))"
)


def pins() -> dict[str, str]:
    lines = [line.strip() for line in REQUIREMENTS.read_text().splitlines()]
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def installed() -> dict[str, str]:
    if not PYTHON.exists():
        return {}
    done = subprocess.run([PYTHON, "-c", LIST_VERSIONS], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def make_venv() -> None:
    subprocess.run([sys.executable, "-m", "venv", FOLDER / "venv"], check=True)
    paths = {"base": str(FOLDER / "venv"), "platbase": str(FOLDER / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    (site / "after_own.pth").write_text(sysconfig.get_path("purelib") + "\n")


def install(name: str, version: str) -> str | None:
    """Why it could not be, or None."""
    command = [PYTHON, "-m", "pip", "install", f"{name}=={version}"]
    settings = os.environ.copy()
    if name == BUILT_HERE:
        command += ["--no-binary", name]
        settings["CMAKE_ARGS"] = CMAKE_ARGUMENTS
        print(f"building {name} {version}: about 8 minutes on two cores", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    (FOLDER / f"{name}.log").write_text(done.stdout + done.stderr)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or ["pip failed"])[-1].removeprefix("ERROR: ")[:200]


def set_up(installs: bool) -> dict[str, str]:
    """Installs what is missing; of each peer that is not there, the reason."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if installs and not PYTHON.exists():
        make_venv()
    found, missing = installed(), {}
    for name, version in pins().items():
        if found.get(name) == version:
            continue
        if not installs:
            reason = f"{version} is not installed, {found.get(name, 'no version')} is"
        else:
            reason = install(name, version)
        if reason:
            missing[name] = f"{name}: {reason}"
    return missing
