"""A plain LuaJIT runtime for tests of Lua modules: our module directories on its path, LPEG and cjson beside them."""

from pathlib import Path
from typing import Any

import lupa

with lupa.allow_lua_module_loading():
    from lupa.luajit21 import LuaRuntime, lua_type

ROOT = Path(__file__).resolve().parent.parent
KERNEL = tuple(sorted(path for path in (ROOT / "host" / "sandbox" / "kernel").iterdir() if path.is_dir()))
STDLIB = ROOT / "sandbox_stdlib"
LUA_PATHS = ("/usr/share/lua/5.1/?.lua",)
LUA_CPATHS = ("/usr/lib/x86_64-linux-gnu/lua/5.1/?.so", "/usr/lib/aarch64-linux-gnu/lua/5.1/?.so")


def new_runtime(*module_dirs: Path) -> LuaRuntime:
    """A runtime that speaks bytes and finds modules in `module_dirs`."""
    runtime = LuaRuntime(encoding=None, unpack_returned_tuples=True)
    paths = [f"{directory}/?.lua" for directory in module_dirs] + list(LUA_PATHS)
    package = runtime.globals()[b"package"]
    package[b"path"] = ";".join(paths).encode()
    package[b"cpath"] = ";".join(LUA_CPATHS).encode()
    return runtime


def load_module(runtime: LuaRuntime, name: str) -> Any:
    """The table that `require(name)` answers (LuaJIT answers the place it was found at, too)."""
    answer = runtime.require(name.encode())
    return answer[0] if isinstance(answer, tuple) else answer


def to_python(value: Any) -> Any:
    """Lua tables as dicts, or as lists when they have only an array part."""
    if lua_type(value) != "table":
        return value
    pairs = {key: to_python(item) for key, item in value.items()}
    if pairs and set(pairs) == set(range(1, len(pairs) + 1)):
        return [pairs[i] for i in range(1, len(pairs) + 1)]
    return {key.decode() if isinstance(key, bytes) else key: item for key, item in pairs.items()}


def to_lua(runtime: LuaRuntime, value: Any) -> Any:
    """Dicts and lists as Lua tables, text as bytes."""
    if isinstance(value, dict):
        return runtime.table_from({to_lua(runtime, key): to_lua(runtime, item) for key, item in value.items()})
    if isinstance(value, list):
        return runtime.table_from([to_lua(runtime, item) for item in value])
    return value.encode() if isinstance(value, str) else value
