"""Tables of cases for the modules of the standard library, in LuaJIT and in stock Lua 5.1."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_python

HERE = ROOT / "tests" / "sandbox_stdlib"
FILES = sorted((HERE / "cases").glob("*.lua"))
STOCK_LUA = shutil.which("lua5.1")


def named(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", FILES, ids=named)
def test_in_luajit(file: Path) -> None:
    run = load_module(new_runtime(HERE), "run_cases")

    count, failures = run(str(STDLIB).encode(), str(file).encode())

    assert count > 0
    assert not [text.decode() for text in to_python(failures)]


@pytest.mark.skipif(STOCK_LUA is None, reason="lua5.1 is not installed: scripts/install_tests")
@pytest.mark.parametrize("file", FILES, ids=named)
def test_in_stock_lua(file: Path) -> None:
    done = subprocess.run(
        [str(STOCK_LUA), str(HERE / "run_cases.lua"), str(STDLIB), str(file)], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
