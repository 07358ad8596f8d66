"""Whether a message matcher is valid, and what it may match, asked of the grammar that the sandboxes compile it with.

Loads LuaJIT into the process that asks: for `hekate validate` and `hekate graph`, never for the running host.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from host.core import paths
from host.plugins import lua_modules

_CHECK = b"""
local syntax, regex, needs, cjson = require "matcher_syntax", require "regex", require "matcher_needs", require "cjson"
local reach = require "matcher_reach"
return function(text, kinds)
  local tree, problem = syntax.parse(text, regex.compile)
  if not tree then return problem.message, false end
  local answers = {}
  for i, kind in ipairs(cjson.decode(kinds)) do
    answers[i] = { reach.of(tree, kind) }
  end
  local names = reach.names(tree)
  names.answers, names.never = answers, #needs.of(tree) == 0
  return false, cjson.encode(names)
end
"""
_Checker = Callable[[bytes, bytes], tuple[Any, Any]]


class Kind(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of some messages; None is for what is not."""

    type: str | None = None
    prefix: str | None = None
    """What an unknown Type begins with."""
    logger: str | None = None
    fields: frozenset[str] | None = None
    """All fields that such a message may have."""


class Reach(NamedTuple):
    """What a matcher may say of messages of some kinds, and what it names."""

    matches: list[bool]
    """Of each kind: whether it may match."""
    passes: list[bool]
    """Of each kind: whether it may not match."""
    never: bool
    """It asks for two Types at once, or two Loggers: no message can match."""
    types: frozenset[str]
    loggers: frozenset[str]
    fields: frozenset[str]


def check(expression: str) -> str | None:
    """Parse a matcher.

    Args:
        expression: As it stands in the configuration.

    Returns:
        What is wrong and where, the place marked below the text; None if it is valid.
    """
    said, _ = _checker()(expression.encode(), b"[]")
    return said.decode(errors="replace") if said else None


def reach(expression: str, kinds: Sequence[Kind]) -> Reach | None:
    """What a matcher may say of messages of these kinds; None if it is not valid."""
    given = [
        {
            key: value
            for key, value in (
                ("type", kind.type),
                ("prefix", kind.prefix),
                ("logger", kind.logger),
                ("fields", None if kind.fields is None else dict.fromkeys(kind.fields, True)),
            )
            if value is not None
        }
        for kind in kinds
    ]
    said, found = _checker()(expression.encode(), orjson.dumps(given))
    if said:
        return None
    document = orjson.loads(found)
    answers = list(document["answers"])
    names = (frozenset(document[key]) for key in ("types", "loggers", "fields"))
    return Reach([each[0] for each in answers], [each[1] for each in answers], document["never"], *names)


@functools.cache
def _checker() -> _Checker:
    import lupa

    lua_modules.check_present()
    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True, register_eval=False)
    package = runtime.globals()[b"package"]
    package[b"path"] = paths.kernel_lua_path().encode()
    package[b"cpath"] = lua_modules.cpath().encode()
    checker: _Checker = runtime.execute(_CHECK)
    return checker
