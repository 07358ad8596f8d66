"""The floor: CPU time of one LPEG match per line without captures. It is the unit of the jobs' limits."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.failures import BenchmarkError
from benchmarks.texts import texts_of
from host.plugins import lua_modules

Matcher = Callable[[bytes], int]


def lua_state() -> Any:
    """Return a new LuaJIT state with LPEG, as in sandboxes."""
    import lupa

    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    lua = luajit21.LuaRuntime(unpack_returned_tuples=True, encoding=None)
    lua.globals()[b"package"][b"cpath"] = lua_modules.cpath().encode()
    return lua


@functools.cache
def _matchers() -> dict[str, Matcher]:
    access, json = lua_state().execute(Path(__file__).with_name("floor.lua").read_bytes())
    return {"access": access, "json": json}


def measure(grammar: str, path: Path, lines: int) -> float:
    """Match every line of a file once.

    Args:
        grammar: `access` or `json`.
        path: A file of lines for that grammar.
        lines: The number of lines.

    Returns:
        CPU seconds.

    Raises:
        BenchmarkError: The grammar did not match every line.
    """
    match_lines = _matchers()[grammar]
    cpu_s, count = 0.0, 0
    for text in texts_of(path):
        start_s = time.process_time()
        stop = match_lines(text)
        cpu_s += time.process_time() - start_s
        count += text.count(b"\n")
        if stop != len(text) + 1:
            raise BenchmarkError(f"The floor's grammar does not match: {text[stop - 1 : stop + 300]!r}")
    if count != lines:
        raise BenchmarkError(f"The floor matched {count} lines of {lines}.")
    return cpu_s
