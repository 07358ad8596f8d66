"""Whether a message matcher is valid, asked of the grammar that the sandboxes compile it with.

Loads LuaJIT into the process that asks: for `hekate validate`, never for the running host.
"""

import functools
from collections.abc import Callable
from typing import Literal

from host import paths
from host.sandbox import lua_modules

_CHECK = b"""
local syntax, regex = require "matcher_syntax", require "regex"
return function(text)
  local tree, problem = syntax.parse(text, regex.compile)
  return not tree and problem.message or false
end
"""


def check(expression: str) -> str | None:
    """Parse a matcher.

    Args:
        expression: As it stands in the configuration.

    Returns:
        What is wrong and where, the place marked below the text; None if it is valid.
    """
    said = _checker()(expression.encode())
    return said.decode(errors="replace") if said else None


@functools.cache
def _checker() -> Callable[[bytes], bytes | Literal[False]]:
    import lupa

    lua_modules.check_present()
    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True, register_eval=False)
    package = runtime.globals()[b"package"]
    package[b"path"] = f"{paths.kernel()}/?.lua".encode()
    package[b"cpath"] = lua_modules.cpath().encode()
    checker: Callable[[bytes], bytes | Literal[False]] = runtime.execute(_CHECK)
    return checker
