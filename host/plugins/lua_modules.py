"""Finds the C modules that sandboxes use: the system's LPEG and cjson for the Lua 5.1 ABI."""

import sysconfig
from pathlib import Path
from typing import NamedTuple

from host.core.errors import StartError


class LuaModule(NamedTuple):
    """A C module and the Debian package that contains it."""

    name: str
    debian_package: str


MODULES = (LuaModule("lpeg", "lua-lpeg"), LuaModule("cjson", "lua-cjson"))


def folders() -> list[Path]:
    """Return the folders that may hold C modules for Lua 5.1, most specific first. Some may not exist."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    libraries = ["/usr/local/lib", f"/usr/lib/{multiarch}", "/usr/lib64", "/usr/lib"]
    return [Path(library) / "lua" / "5.1" for library in dict.fromkeys(libraries)]


def find(name: str) -> Path | None:
    """Return the file of a module, or None."""
    candidates = (folder / f"{name}.so" for folder in folders())
    return next((path for path in candidates if path.is_file()), None)


def cpath() -> str:
    """Return the `package.cpath` with which LuaJIT finds the modules."""
    return ";".join(str(folder / "?.so") for folder in folders())


def lua_path() -> str:
    """Return the `package.path` with which Lua finds LPEG's companion module `re`."""
    return ";".join(f"{folder}/?.lua" for folder in ("/usr/local/share/lua/5.1", "/usr/share/lua/5.1"))


def missing() -> list[LuaModule]:
    """Return the modules that LuaJIT cannot load. Loads them into this process: for the installer and tests only."""
    import lupa

    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime()
    runtime.globals().package.cpath = cpath()
    can_require = runtime.eval("function(name) return (pcall(require, name)) end")
    return [module for module in MODULES if not can_require(module.name)]


def check_present() -> None:
    """Check that the files of all modules exist.

    Raises:
        StartError: A module is missing. The message has the command that installs it.
    """
    absent = [module for module in MODULES if find(module.name) is None]
    if absent:
        names = " and ".join(module.name for module in absent)
        packages = " ".join(module.debian_package for module in absent)
        searched = ", ".join(str(folder) for folder in folders())
        raise StartError(
            f"Cannot find the Lua 5.1 module {names} in {searched}. "
            f"On Debian and Ubuntu: sudo apt-get install -y {packages}"
        )
