"""Packs that a matcher cannot match, by their Types and Loggers alone."""

import functools
import json

import lupa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.core import paths
from host.plugins import lua_modules
from host.router.matcher_requirements import Kind, MatcherRequirement, kinds_of, may_match, requirements_of

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
    package[b"path"] = f"{paths.kernel_lua_path()};{lua_modules.lua_path()}".encode()
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
    assert may_match(requirements_of(needs), kinds) or not can_match


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
    found = requirements_of(said)
    assert found is None or all(isinstance(need, MatcherRequirement) for need in found)
    kinds_of(said)


def test_types_are_bytes_and_any_is_any():
    need = MatcherRequirement(frozenset({b"a"}), None)
    assert need.fits(Kind(b"a", b"x"))
    assert not need.fits(Kind(b"b", b"x"))
    assert may_match(None, [Kind(b"b", b"")])
    assert may_match((need,), None)


KIND_A = Kind(b"a", b"x")


@pytest.mark.parametrize(
    ("said", "fitting", "not_fitting"),
    [
        (b'[{"types": ["a"]}]', [(b"a", b"x"), (b"a", b"")], [(b"b", b"x"), (b"", b"a")]),
        (b'[{"loggers": ["x"]}]', [(b"a", b"x"), (b"", b"x")], [(b"a", b"y"), (b"x", b"")]),
        (b'[{"types": ["a"], "loggers": ["x"]}]', [(b"a", b"x")], [(b"a", b"y"), (b"b", b"x"), (b"b", b"y")]),
        (b'[{"types": ["a"]}, {"loggers": ["x"]}]', [(b"a", b"y"), (b"b", b"x")], [(b"b", b"y")]),
        (b'[{"types": ["a", "b"]}]', [(b"a", b""), (b"b", b"")], [(b"c", b"")]),
        ('[{"types": ["größe"]}]'.encode(), [("größe".encode(), b"")], [(b"gr", b"")]),
        (b"[{}]", [(b"a", b"x"), (b"", b"")], []),
        (b"[]", [], [(b"a", b"x"), (b"", b"")]),
        (b"{}", [], [(b"a", b"x")]),
        (b'[{"types": []}]', [], [(b"a", b"x")]),
        (b'[{"types": null, "loggers": null}]', [(b"a", b"x")], []),
    ],
)
def test_what_a_matcher_says_it_needs_narrows_by_type_and_by_logger(said, fitting, not_fitting):
    found = requirements_of(said)

    assert all(may_match(found, [Kind(*kind)]) for kind in fitting)
    assert not any(may_match(found, [Kind(*kind)]) for kind in not_fitting)


@given(MATCHERS, NAMES, NAMES)
def test_what_the_matcher_says_narrows_as_much_as_its_own_needs(matcher, type_, logger):
    said, _, key = probe()(matcher.encode(), type_.encode(), logger.encode())
    ways = json.loads(said) or []

    def has(way, name, value):
        return name not in way or value in way[name]

    expected = any(has(way, "types", type_) and has(way, "loggers", logger) for way in ways)
    assert may_match(requirements_of(said), kinds_of(key)) == expected


def test_one_kind_of_several_is_enough():
    _, _, first = probe()(b"TRUE", b"a", b"x")
    _, _, second = probe()(b"TRUE", b"b", b"")
    kinds = kinds_of(first + second)

    assert kinds == [KIND_A, Kind(b"b", b"")]
    assert may_match(requirements_of(b'[{"types": ["b"]}]'), kinds)
    assert may_match(requirements_of(b'[{"loggers": ["x"]}]'), kinds)
    assert not may_match(requirements_of(b'[{"types": ["b"], "loggers": ["x"]}]'), kinds)
    assert kinds_of(b"") == []
    assert not may_match(requirements_of(b"[{}]"), [])


def shape(size, type_, logger):
    names = b"".join(len(name).to_bytes(2, "little") + name for name in (type_, logger))
    return size.to_bytes(4, "little") + bytes(4) + names


def test_shapes_that_lie_about_their_size_make_no_sense():
    whole = shape(8 + 2 + 1 + 2 + 1, b"a", b"x")
    assert kinds_of(whole) == [KIND_A]
    assert kinds_of(shape(len(whole) + 3, b"a", b"x") + bytes(3)) == [KIND_A], "columns follow"
    assert kinds_of(shape(len(whole) - 1, b"a", b"x")) is None
    assert kinds_of(shape(0, b"a", b"x")) is None
    assert kinds_of(whole[:9]) is None
    into_the_next = (12).to_bytes(4, "little") + bytes(4) + (0).to_bytes(2, "little") + (2).to_bytes(2, "little")
    assert kinds_of(into_the_next + whole) is None
    assert kinds_of(whole + b"\0") is None
