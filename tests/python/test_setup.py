# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The two commands on a machine that lacks something, and how results are counted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Answers like dpkg-query for every package asked for but the named ones.
DPKG_QUERY = """#!/bin/sh
shift 2
for package in "$@"; do
  case " {missing} " in
    *" $package "*) echo "dpkg-query: no packages found matching $package" >&2; code=1 ;;
    *) echo "$package:amd64 installed" ;;
  esac
done
exit ${{code:-0}}
"""


@pytest.fixture
def machine(tmp_path: Path):
    """Runs a script as an ordinary user of a machine that lacks `missing`."""

    def run(script: str, missing: str, sudo: str = "exit 1") -> subprocess.CompletedProcess:
        programs = {
            "dpkg-query": DPKG_QUERY.format(missing=missing),
            "id": "#!/bin/sh\necho 1000\n",
            "sudo": f"#!/bin/sh\n{sudo}\n",
            "apt-get": f"#!/bin/sh\necho apt-get \"$@\" >>{tmp_path}/log\nexit 3\n",
        }
        for name, text in programs.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        # A copy: what a script would make must not land in the checkout.
        checkout = tmp_path / "checkout"
        for name in ("omni/cmake", "examples", "tests"):
            (checkout / name).mkdir(parents=True)
        for name in ("omni/cmake/bootstrap.sh", "examples/quickstart.sh", "tests/run.sh"):
            shutil.copy(ROOT / name, checkout / name)
        done = subprocess.run(
            ["bash", checkout / script], env=environment, capture_output=True, text=True
        )
        assert sorted(p.name for p in checkout.iterdir()) == ["examples", "omni", "tests"]
        return done

    return run


@pytest.mark.parametrize("script", ["examples/quickstart.sh", "tests/run.sh"])
def test_without_permission_one_line_says_what_to_install(machine, script: str) -> None:
    done = machine(script, missing="libedit-dev cmake")
    assert done.returncode == 1
    assert "  sudo apt-get install -y cmake libedit-dev\n" in done.stderr
    assert "may not install them" in done.stderr
    last = "0 passed, 1 failed\n" if script == "tests/run.sh" else ""
    assert done.stdout == last


def test_with_sudo_it_installs_what_is_missing_and_nothing_else(machine, tmp_path) -> None:
    sudo = 'while [ "$1" = -n ] || [ "$1" = env ]; do shift; done\n'
    sudo += 'case "$1" in *=*) shift ;; esac\n"$@"'
    machine("examples/quickstart.sh", missing="libedit-dev", sudo=sudo)
    assert "apt-get update" in (tmp_path / "log").read_text()


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
        </testcase></testsuite>"""
    )
    pytest_file.write_text(
        """<testsuites><testsuite>
        <testcase classname="t" name="c"/><testcase classname="t" name="d"><skipped/></testcase>
        </testsuite></testsuites>"""
    )
    lines, code = count(ctest, pytest_file)
    assert lines == ["FAILED ::b", "FAILED ::gone", "SKIPPED t::d", "1 skipped", "2 passed, 2 failed"]
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
