"""Checks message matchers, and the messages they can match, with the grammar that the sandboxes use.

This loads LuaJIT into the process. It is for `hekate validate` and `hekate graph`, never for the running host.
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
  local results = {}
  for i, kind in ipairs(cjson.decode(kinds)) do
    results[i] = { reach.of(tree, kind) }
  end
  local names = reach.names(tree)
  names.results, names.never = results, #needs.of(tree) == 0
  return false, cjson.encode(names)
end
"""
_Checker = Callable[[bytes, bytes], tuple[Any, Any]]


class MessageKind(msgspec.Struct, frozen=True, omit_defaults=True):
    """The known properties of some messages. None means unknown."""

    type: str | None = None
    prefix: str | None = None
    """Prefix of a Type that is not known in full."""
    logger: str | None = None
    fields: frozenset[str] | None = None
    """All fields that such a message can have."""


class Reach(NamedTuple):
    """The possible results of a matcher for some kinds of messages, and the names in the matcher."""

    matches: list[bool]
    """True for each kind that the matcher can match."""
    passes: list[bool]
    """True for each kind that the matcher can reject."""
    never: bool
    """True if no message can match, because two Types or two Loggers are required at once."""
    types: frozenset[str]
    loggers: frozenset[str]
    fields: frozenset[str]


def check(expression: str) -> str | None:
    """Parse a matcher.

    Args:
        expression: The expression from the configuration.

    Returns:
        The error, with its position marked below the text; None if the matcher is valid.
    """
    problem, _ = _checker()(expression.encode(), b"[]")
    return problem.decode(errors="replace") if problem else None


def reach(expression: str, kinds: Sequence[MessageKind]) -> Reach | None:
    """Return the possible results of a matcher for these kinds of messages; None if the matcher is not valid."""
    documents = [
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
    problem, text = _checker()(expression.encode(), orjson.dumps(documents))
    if problem:
        return None
    document = orjson.loads(text)
    results = list(document["results"])
    names = (frozenset(document[key]) for key in ("types", "loggers", "fields"))
    return Reach([each[0] for each in results], [each[1] for each in results], document["never"], *names)


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
