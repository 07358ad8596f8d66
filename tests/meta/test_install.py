"""The installer where it cannot install: it names the exact command to give. The real system is never touched."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """What `make install` needs of a checkout, and a PATH on which everything harmful is a stub."""
    (tmp_path / "scripts").mkdir()
    for name in ("install", "install_tests", "system_packages"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "requirements-dev.txt").write_text("")
    stubs = tmp_path / "bin"
    stubs.mkdir()
    for tool in ("sh", "cat", "cksum", "dirname", "mktemp", "rm"):
        (stubs / tool).symlink_to(shutil.which(tool))
    return tmp_path


def stub(checkout, name, body):
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def install(checkout, script="install", *arguments):
    return subprocess.run(
        ["sh", f"scripts/{script}", *arguments],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), "HOME": os.devnull},
        capture_output=True,
        text=True,
        timeout=30,
    )


NO_VENV = 'case "$1" in -c) exit 0;; --version) echo Python 3.11.2;; -m) exit 1;; esac'


def test_without_root_it_names_the_apt_command_for_venv(checkout):
    stub(checkout, "python3", NO_VENV)
    stub(checkout, "id", "echo 1000")
    stub(checkout, "apt-get", "echo must not run >&2; exit 1")

    result = install(checkout)

    assert result.returncode == 69
    assert "    sudo apt-get update && sudo apt-get install -y python3-venv\n" in result.stderr
    assert "must not run" not in result.stderr
    assert not (checkout / ".venv").exists()


def test_as_root_on_debian_it_installs_by_itself(checkout):
    stub(checkout, "python3", NO_VENV)
    stub(checkout, "id", "echo 0")
    stub(checkout, "apt-get", f'echo "$@" >>{checkout}/asked')

    install(checkout)

    assert (checkout / "asked").read_text() == "update\ninstall -y --no-install-recommends python3-venv\n"


def test_when_apt_fails_its_messages_are_shown(checkout):
    stub(checkout, "python3", NO_VENV)
    stub(checkout, "id", "echo 0")
    stub(checkout, "apt-get", "echo E: no network; exit 100")

    result = install(checkout)

    assert result.returncode == 69
    assert "E: no network" in result.stderr


def test_elsewhere_than_on_debian_it_names_what_is_missing(checkout):
    stub(checkout, "id", "echo 0")

    result = install(checkout, "system_packages", "lua-lpeg")

    assert result.returncode == 69
    assert "lua-lpeg" in result.stderr
    assert "luarocks --lua-version 5.1 install lpeg" in result.stderr


def test_too_old_a_python_is_told(checkout):
    stub(checkout, "python3", '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')

    result = install(checkout)

    assert result.returncode == 69
    assert "Hekate needs Python 3.11 or newer; Python 3.9.2 is older." in result.stderr


def test_without_any_python_it_names_the_command(checkout):
    stub(checkout, "id", "echo 1000")
    stub(checkout, "apt-get", "exit 1")

    assert "apt-get install -y python3\n" in install(checkout).stderr


def test_what_is_installed_already_costs_nothing(checkout):
    stub(checkout, "python3", "echo must not run >&2; exit 1")
    stamp = checkout / ".venv" / ".hekate-installed"
    stamp.parent.mkdir()
    sums = subprocess.run(
        "cat pyproject.toml requirements-dev.txt scripts/install | cksum", shell=True, cwd=checkout, capture_output=True
    )
    stamp.write_bytes(sums.stdout)

    result = install(checkout)

    assert (result.returncode, result.stderr) == (0, "")


PROGRAMS = ("lua5.1", "fish", "curl", "openssl")


def test_what_the_tests_need_is_installed_as_root(checkout):
    stub(checkout, "id", "echo 0")
    stub(checkout, "apt-get", f'echo "$@" >>{checkout}/asked')
    stub(checkout, "curl", "")

    result = install(checkout, "install_tests")

    assert result.returncode == 0, result.stderr
    asked = "install -y --no-install-recommends lua5.1 fish openssl"
    assert (checkout / "asked").read_text() == f"update\n{asked}\n"


def test_without_root_the_command_for_what_the_tests_need_is_named(checkout):
    stub(checkout, "id", "echo 1000")
    stub(checkout, "apt-get", "echo must not run >&2; exit 1")

    result = install(checkout, "install_tests")

    assert result.returncode == 69
    assert f"    sudo apt-get update && sudo apt-get install -y {' '.join(PROGRAMS)}\n" in result.stderr
    assert "must not run" not in result.stderr


def test_slow_tests_need_more_and_the_page(checkout):
    stub(checkout, "id", "echo 0")
    stub(checkout, "apt-get", f'echo "$@" >>{checkout}/asked')
    (checkout / "scripts" / "build_page").write_text(f"#!/bin/sh\necho built >>{checkout}/asked\n")
    (checkout / "scripts" / "build_page").chmod(0o755)
    for program in PROGRAMS:
        stub(checkout, program, "")

    result = install(checkout, "install_tests", "--slow")

    assert result.returncode == 0, result.stderr
    assert (checkout / "asked").read_text().splitlines() == [
        "update",
        "install -y --no-install-recommends zsh chromium npm libatomic1",
        "built",
    ]


def test_what_the_tests_have_already_costs_nothing(checkout):
    stub(checkout, "apt-get", "echo must not run >&2; exit 1")
    for program in PROGRAMS:
        stub(checkout, program, "")

    result = install(checkout, "install_tests")

    assert (result.returncode, result.stderr) == (0, "")


def test_every_program_that_a_test_is_skipped_without_is_installed_for_it():
    script = (ROOT / "scripts" / "install_tests").read_text()
    needed = set(re.findall(r"^ *need (\S+) ", script, re.MULTILINE))
    skips = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    looked_for = set(re.findall(r"""shutil\.which\("([^"]+)"\)""", skips))

    assert looked_for >= {"lua5.1", "fish"}
    assert looked_for <= needed
