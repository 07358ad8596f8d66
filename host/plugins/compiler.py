"""Compiles Lua without running it, to find syntax errors before anything starts.

It loads LuaJIT, which belongs in sandbox processes, so a running host never calls it in its own process.
"""

import re
from typing import NamedTuple

_POSITION = re.compile(r"^.*?:(?P<line>\d+): (?P<message>.*)$", re.DOTALL)
_BYTECODE_MARK = b"\x1b"


class SyntaxFault(NamedTuple):
    """A syntax error."""

    line: int
    message: str


def check(source: bytes) -> SyntaxFault | None:
    """Compile a chunk as text.

    Args:
        source: The whole file.

    Returns:
        The first error, or None if it compiles.
    """
    if source.startswith(_BYTECODE_MARK):
        return SyntaxFault(1, "This is bytecode; only Lua source can be loaded.")
    import lupa

    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True, register_eval=False)
    compile_chunk = runtime.eval(b"function(text) local f, e = loadstring(text, '=plugin') return e or false end")
    error = compile_chunk(source)
    if not error:
        return None
    text = error.decode(errors="replace")
    position = _POSITION.match(text)
    return SyntaxFault(int(position["line"]), position["message"]) if position else SyntaxFault(1, text)
