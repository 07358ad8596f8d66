"""Packs that a matcher cannot match, by their Types and Loggers alone."""

import functools
import json

import lupa
from hypothesis import given
from hypothesis import strategies as st

from host import paths
from host.router.needs import Kind, Need, kinds_of, may_match, needs_of
from host.sandbox import lua_modules

_PROBE = b"""
local matcher, cjson, shapes = require "matcher", require "cjson", require "shapes"
return function(text, type_, logger)
  local match, needs = matcher.new(text)
  local shape = shapes.intern { type = type_, logger = logger, payload_is_record = false, columns = {} }
  return cjson.encode(needs), match(shape) ~= false, shape.key
end
"""


@functools.cache
def probe():
    with lupa.allow_lua_module_loading():
        from lupa import luajit21
    runtime = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True)
    package = runtime.globals()[b"package"]
    package[b"path"] = f"{paths.kernel()}/?.lua;{lua_modules.lua_path()}".encode()
    package[b"cpath"] = lua_modules.cpath().encode()
    return runtime.execute(_PROBE)


NAMES = st.sampled_from(["a", "b", "nginx.access", ""])
ATOMS = st.one_of(
    st.builds("{} {} '{}'".format, st.sampled_from(["Type", "Logger"]), st.sampled_from(["==", "!="]), NAMES),
    st.builds("Type in ('{}', '{}')".format, NAMES, NAMES),
    st.sampled_from(["TRUE", "FALSE", "Severity < 7", "Fields[x] == 'a'", "Type =~ /^a/", "Logger != NIL"]),
)
MATCHERS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=8,
)


@given(MATCHERS, NAMES, NAMES)
def test_nothing_is_held_back_that_could_match(matcher, type_, logger):
    needs, can_match, key = probe()(matcher.encode(), type_.encode(), logger.encode())
    kinds = kinds_of(key)

    assert kinds == [Kind(type_.encode(), logger.encode())]
    assert may_match(needs_of(needs), kinds) or not can_match


def needs(matcher):
    said, _, _ = probe()(matcher.encode(), b"", b"")
    return json.loads(said)


def test_what_matchers_need():
    assert needs("Type == 'a' && Fields[status] == 500") == [{"types": ["a"]}]
    assert needs("Type == 'a' || Logger == 'b'") == [{"types": ["a"]}, {"loggers": ["b"]}]
    assert needs("(Type == 'a' || Type == 'b') && Logger == 'c'") == [
        {"types": ["a"], "loggers": ["c"]},
        {"types": ["b"], "loggers": ["c"]},
    ]
    assert needs("Type == 'a' && Type == 'b'") == {}
    assert needs("FALSE") == {}
    assert needs("TRUE") == [{}]
    assert needs("Severity < 3") == [{}]


@given(st.one_of(st.binary(max_size=60), st.sampled_from([b"null", b"[1]", b"[[]]", b'[{"types": 3}]'])))
def test_what_makes_no_sense_narrows_nothing(said):
    found = needs_of(said)
    assert found is None or all(isinstance(need, Need) for need in found)
    kinds_of(said)


def test_types_are_bytes_and_any_is_any():
    need = Need(frozenset({b"a"}), None)
    assert need.fits(Kind(b"a", b"x"))
    assert not need.fits(Kind(b"b", b"x"))
    assert may_match(None, [Kind(b"b", b"")])
    assert may_match((need,), None)
