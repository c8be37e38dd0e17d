# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The two commands on a machine that lacks something, and how results are counted."""

import subprocess
import sys
from pathlib import Path

import pytest

from machine import CMAKE, ROOT, Machine

BOOTSTRAP = "omni/cmake/bootstrap.sh"


def an_ordinary_user(folder: Path, missing: str, sudo: str = "exit 1") -> Machine:
    machine = Machine(folder, missing)
    machine.put("id", "echo 1000")
    machine.put("sudo", sudo)
    return machine


@pytest.mark.parametrize("script", ["examples/quickstart.sh", "tests/run.sh"])
def test_without_permission_one_line_says_what_to_install(script: str, tmp_path: Path) -> None:
    machine = an_ordinary_user(tmp_path, missing="libedit-dev cmake")
    done = machine.run(script)
    assert done.returncode == 1
    assert "  sudo apt-get install -y cmake libedit-dev\n" in done.stderr
    assert "may not install them" in done.stderr
    last = "0 passed, 1 failed\n" if script == "tests/run.sh" else ""
    assert done.stdout == last
    assert {line.split()[0] for line in machine.calls()} == {"dpkg-query"}


def test_with_sudo_it_installs_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    sudo = 'while [ "$1" = -n ] || [ "$1" = env ]; do shift; done\n'
    sudo += 'case "$1" in *=*) shift ;; esac\n"$@"'
    machine = an_ordinary_user(tmp_path, missing="libedit-dev", sudo=sudo)
    machine.put("apt-get", 'log "$@"')
    machine.run(BOOTSTRAP, "run")
    update, install = [line for line in machine.calls() if line.startswith("apt-get")]
    assert update.startswith("apt-get update")
    assert install.endswith("--no-install-recommends libedit-dev")


def test_a_purpose_that_does_not_exist(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    done = machine.run(BOOTSTRAP, "tests")
    assert done.returncode == 1 and machine.calls() == []
    assert "expected run, test, prepare or sentencepiece, got tests." in done.stderr


# --- A system that is too old --------------------------------------------------------


@pytest.mark.parametrize("version, said", [("58.76.100", "58.76.100"), ("", "none")])
def test_an_old_ffmpeg_is_named_before_anything_is_made(version, said, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.put("pkg-config", f"echo {version}" if version else "exit 1")
    done = machine.run(BOOTSTRAP, "run")
    assert done.returncode == 1
    assert f"expected libavformat 59.27 or newer (FFmpeg 5.1), got {said}." in done.stderr
    assert "Debian 12, Ubuntu 24.04" in done.stderr and "PKG_CONFIG_PATH" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert machine.calls() == ["dpkg-query"]


def test_pip_brings_a_newer_cmake(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.put("cmake", CMAKE.format(version="3.22.1").replace("log", "exit 1"))
    newer = tmp_path / "newer"
    newer.write_text("#!/bin/sh\n" + CMAKE.format(version="3.31.6").replace('log "$@"', "true"))
    newer.chmod(0o755)
    machine.put(
        ".venv/bin/python",
        f'case "$*" in *cmake*) log "$@"; cp {newer} .venv/bin/cmake ;; esac',
    )
    for _ in range(2):  # the second start finds it
        done = machine.run(BOOTSTRAP, "run")
        assert done.returncode == 0, done.stderr
    assert [line for line in machine.calls() if "pip" in line] == [
        ".venv/bin/python -m pip install -q --disable-pip-version-check cmake>=3.24,<4"
    ]
    assert (machine.checkout / "build" / "build.ninja").exists()


def test_an_old_cmake_without_a_newer_one_is_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.put("cmake", CMAKE.format(version="3.22.1"))
    machine.put(".venv/bin/python", 'case "$*" in *cmake*) exit 1 ;; esac')
    done = machine.run(BOOTSTRAP, "run")
    assert done.returncode == 1
    assert "expected CMake 3.24 or newer, got 3.22.1, and pip has none" in done.stderr
    assert "https://cmake.org/download" in done.stderr
    assert not (machine.checkout / "build").exists()


# --- Results -------------------------------------------------------------------------


def count(*paths: Path) -> tuple[list[str], int]:
    script = ROOT / "tests" / "support" / "count_results.py"
    done = subprocess.run([sys.executable, script, *paths], capture_output=True, text=True)
    return done.stdout.splitlines(), done.returncode


def test_results_are_counted_and_what_did_not_run_is_no_success(tmp_path: Path) -> None:
    ctest, pytest_file = tmp_path / "ctest.xml", tmp_path / "pytest.xml"
    ctest.write_text(
        """<testsuite>
        <testcase name="a" status="run"/>
        <testcase name="b" status="fail"><failure message=""/></testcase>
        <testcase name="gone" status="notrun"><skipped message="Unable to find executable"/>
        </testcase>
        <testcase name="alone" status="notrun">
        <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase></testsuite>"""
    )
    pytest_file.write_text(
        """<testsuites><testsuite>
        <testcase classname="t" name="c"/><testcase classname="t" name="d"><skipped/></testcase>
        </testsuite></testsuites>"""
    )
    lines, code = count(ctest, pytest_file)
    assert lines == [
        "FAILED ::b",
        "FAILED ::gone",
        "SKIPPED ::alone",
        "SKIPPED t::d",
        "2 skipped",
        "2 passed, 2 failed",
    ]
    assert code == 1
    lines, code = count(pytest_file, tmp_path / "absent.xml")
    assert lines[-1] == "1 passed, 1 failed" and "absent.xml" in lines[1] and code == 1
    lines, code = count(pytest_file)
    assert lines[-1] == "1 passed, 0 failed" and code == 0


def test_run_sh_refuses_what_it_does_not_know() -> None:
    done = subprocess.run(
        ["bash", ROOT / "tests" / "run.sh", "--nonsense"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "--nonsense" in done.stderr
