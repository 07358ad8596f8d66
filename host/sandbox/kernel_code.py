"""The kernel's modules, compiled once for all sandboxes, and of each kind of sandbox only those that it needs.

Compiling is two thirds of what a sandbox would need to start, and what it does not need is memory that counts a
thousand times in a host with a thousand filters.
"""

import re
from collections.abc import Mapping
from typing import Any

from host.core import paths

KINDS = ("decoder", "filter", "encoder", "tap", "grammar", "repl")
_MAIN = "main"
_REQUIRE = re.compile(rb"""require\s*\(?\s*"([a-z0-9_]+)"\)?(?!\s*\.\.)""")
_COMPILE = b"""
function(name, text) return string.dump(assert(loadstring(text, "=kernel/" .. name .. ".lua"))) end
"""


def load(luajit: Any) -> dict[str, dict[str, bytes]]:
    """Bytecode of the modules that each kind of sandbox needs, by kind and name.

    Args:
        luajit: The module `lupa.luajit21`.
    """
    sources = {name: path.read_bytes() for name, path in paths.kernel_modules().items()}
    compile_ = luajit.LuaRuntime(encoding=None, register_eval=False, register_builtins=False).eval(_COMPILE)
    code = {name: compile_(name.encode(), text) for name, text in sources.items()}
    return {kind: {name: code[name] for name in needed(sources, kind)} for kind in KINDS}


def needed(sources: Mapping[str, bytes], kind: str) -> set[str]:
    """Names of the modules that a kind of sandbox needs: what they require, they name in their text."""
    found: set[str] = set()
    waiting = [_MAIN, f"start_{kind}"]
    while waiting:
        name = waiting.pop()
        if name in sources and name not in found:
            found.add(name)
            waiting += [other.decode() for other in _REQUIRE.findall(sources[name])]
    return found
