"""Whether a message matcher is valid, and what it needs, asked of the grammar that the sandboxes compile it with.

Loads LuaJIT into the process that asks: for `hekate validate`, never for the running host.
"""

import functools
from collections.abc import Callable
from typing import Literal

from host import paths
from host.router.needs import Need, needs_of
from host.sandbox import lua_modules

_CHECK = b"""
local syntax, regex, needs, cjson = require "matcher_syntax", require "regex", require "matcher_needs", require "cjson"
return function(text)
  local tree, problem = syntax.parse(text, regex.compile)
  if not tree then return problem.message, false end
  return false, cjson.encode(needs.of(tree))
end
"""


def check(expression: str) -> str | None:
    """Parse a matcher.

    Args:
        expression: As it stands in the configuration.

    Returns:
        What is wrong and where, the place marked below the text; None if it is valid.
    """
    said, _ = _checker()(expression.encode())
    return said.decode(errors="replace") if said else None


def needs(expression: str) -> tuple[Need, ...] | None:
    """Which Types and Loggers a valid matcher needs, as its sandbox says it to the router; none: it never matches."""
    _, said = _checker()(expression.encode())
    # Lua has one kind of empty table
    return None if not said else () if said == b"{}" else needs_of(said)


@functools.cache
def _checker() -> Callable[[bytes], tuple[bytes | Literal[False], bytes | Literal[False]]]:
    import lupa

    lua_modules.check_present()
    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True, register_eval=False)
    package = runtime.globals()[b"package"]
    package[b"path"] = f"{paths.kernel()}/?.lua".encode()
    package[b"cpath"] = lua_modules.cpath().encode()
    checker: Callable[[bytes], tuple[bytes | Literal[False], bytes | Literal[False]]] = runtime.execute(_CHECK)
    return checker
