"""A declared grammar that captures is refused where it is declared, wherever the capture hides."""

from functools import cache

import pytest

from tests.lua_runtime import KERNEL, load_module, new_runtime

PRELUDE = b"""
local declarations, lpeg, re = ...
local P, R, V, C, Cb, Cc, Carg, Cf = lpeg.P, lpeg.R, lpeg.V, lpeg.C, lpeg.Cb, lpeg.Cc, lpeg.Carg, lpeg.Cf
local Cg, Cmt, Cp, Cs, Ct, B = lpeg.Cg, lpeg.Cmt, lpeg.Cp, lpeg.Cs, lpeg.Ct, lpeg.B
local digits, any = R "09" ^ 1, (1 - P "\\n") ^ 0
local function id(grammar) return { alternatives = { { "id=", { name = "id", grammar = grammar } } } } end
"""

CAPTURES = {
    "C": "C(digits)",
    "Cp": "Cp() * digits",
    "Cc": "digits * Cc(1)",
    "Cc of false": "Cc(false) * digits",
    "Ct": "Ct(digits)",
    "Cs": "Cs(digits)",
    "Cg": "Cg(digits)",
    "Cg with a name": "Cg(digits, 'x')",
    "Cf": "Cf(digits, function(a) return a end)",
    "Carg": "digits * Carg(1)",
    "Cb": "Cg(Cc(1), 'x') * digits * Cb 'x'",
    "Cmt": "Cmt(digits, function(_, at) return at end)",
    "a function": "P(function(_, at) return at end)",
    "a bare function": "function(_, at) return at end",
    "/ function": "digits / function(a) return a end",
    "/ string": "digits / '%0'",
    "/ table": "digits / {}",
    "/ number": "C(digits) / 1",
    "beside one that is dropped": "(C 'a' / 0) * C(digits)",
    "around one that is dropped": "C((C 'a' / 0) * digits)",
    "in a rule beside one that is dropped": "P { 'a', a = V 'b' * (C 'x' / 0), b = C(digits) }",
    "in a table of rules beside one that is dropped": "{ 'a', a = V 'b' * (C 'x' / 0), b = C(digits) }",
    "in a choice": "P 'x' + 'y' + C(digits)",
    "in a repetition": "C(R '09') ^ 0",
    "in an optional repetition": "C(digits) ^ -1",
    "in a predicate": "#C(digits) * digits",
    "in a negation": "-C 'x' * digits",
    "in a difference": "digits - C 'x'",
    "deep": "((P 'a' * ('b' + P 'c' * (C(digits)) ^ 1)) ^ 0 + digits)",
    "in a rule": "P { 'd', d = C(digits) }",
    "in a rule that another one calls": "P { 'a', a = 'x' * V 'b', b = V 'c' + 'y', c = Cp() * digits }",
    "in a rule that calls itself": "P { 'a', a = '(' * V 'a' * ')' + Cc(7) * digits }",
    "in a table of rules": "{ 'a', a = digits * Cp() }",
    "of re": "re.compile '{ [0-9]+ }'",
    "of re, a position": "re.compile '[0-9]+ {}'",
    "of re, a fold": "re.compile('[0-9] ~> f', { f = function(a) return a end })",
    "of re, a group": "re.compile '{: [0-9]+ :}'",
    "of re, a name": "re.compile('%d', { d = C(digits) })",
}

PLACES = {
    "a field": "id(GRAMMAR)",
    "an item that is not kept": "{ alternatives = { { P(GRAMMAR) } } }",
    "an optional field": "{ alternatives = { { 'a', { optional = { ' ', { name = 'id', grammar = GRAMMAR } } } } } }",
    "an optional item": "{ alternatives = { { 'a', { optional = { P(GRAMMAR) } } } } }",
    "the second alternative": "{ alternatives = { { 'a' }, { { name = 'id', grammar = GRAMMAR } } } }",
    "a timestamp": "{ alternatives = { { { name = 'Timestamp', type = 'timestamp:epoch_s', grammar = GRAMMAR } } } }",
    "a field with more": "{ alternatives = { { { name = 'id', grammar = GRAMMAR, also = { { name = 'b' } } } } } }",
}


@cache
def kernel():
    """Return a function that runs a text with the modules that the prelude names."""
    runtime = new_runtime(*KERNEL)
    declarations, lpeg = (load_module(runtime, name) for name in ("declarations", "script_lpeg"))
    re = load_module(runtime, "script_re")(load_module(runtime, "re"))
    compile_ = runtime.eval(b"function(text) return assert(loadstring(text)) end")
    return lambda text: compile_(PRELUDE + text)(declarations, lpeg, re)


def declare(spec):
    """Return None if the declaration is taken, or the error."""
    said = kernel()(
        b"local ok, why = pcall(declarations.grammar, " + spec.encode() + b") if not ok then return why end"
    )
    return None if said is None else said.decode()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CAPTURES)
def test_captures_are_refused(kind, place):
    assert "captures; the kernel takes the positions itself" in declare(
        PLACES[place].replace("GRAMMAR", CAPTURES[kind])
    )


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("id(C(digits))", "item 2 (id) of alternative 1 captures"),
        ("{ alternatives = { { 'a' }, { 'b', Cp() } } }", "item 2 of alternative 2 captures"),
        ("{ alternatives = { { { optional = { { name = 'x', grammar = Cp() } } } } } }", "item 1 (x) of item 1 of"),
    ],
)
def test_the_item_is_named(spec, named):
    assert named in declare(spec)


@pytest.mark.parametrize(
    "grammar",
    [
        "digits",
        "'text'",
        "1",
        "any",
        "B(P 'a') * digits",
        "P { 'a', a = '(' * V 'a' * ')' + digits }",
        "{ 'a', a = '[' * (V 'a') ^ 0 * ']' + digits }",
        "re.compile '[0-9]+ / \"x\" !.'",
        "#digits * any",
        "(P ',' * digits) ^ -3",
        "C(digits) / 0",
        "(Cp() * 'a' * C(digits)) / 0",
        "-(C 'x' / 0) * (C(digits) / 0) ^ -1 * #(Cp() / 0)",
        "P 'a' * (Ct(C(digits)) / 0 + 'b') - (C 'c' / 0)",
        "P { 'a', a = V 'b' * (C 'x' / 0), b = digits }",
        "{ 'a', a = V 'b' * (C 'x' / 0), b = digits }",
        "re.compile '{ [0-9]+ } -> 0'",
    ],
)
def test_what_captures_nothing_is_taken(grammar):
    assert declare(f"id({grammar})") is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nil", "takes a table, not a nil"),
        ("setmetatable({}, {})", "the table has a metatable"),
        ("{ alternatives = setmetatable({}, { __index = function() return {} end }) }", "alternatives has a metatable"),
        ("{ alternatives = { { setmetatable({ name = 'x' }, {}) } } }", "alternatives[1][1] has a metatable"),
        ("{ alternatives = {} }", "must be a list of at least one list of items"),
        ("{ alternatives = { 1 } }", "alternative 1 must be a list of items, not a number"),
        ("{ alternatives = { { 1 } } }", "item 1 of alternative 1 must be a string, an LPEG pattern or a table"),
        ("{ type = 1, alternatives = { { 'a' } } }", "type must be a string"),
        ("id(V 'x')", "makes no pattern"),
        ("id({ 'a' })", "makes no pattern"),
        ("{ alternatives = { { { name = 'a', grammar = 1, type = {} } } } }", "type must be a string, not a table"),
        ("{ alternatives = { { { name = 'a', grammar = 1, transform = 'x' } } } }", "transform must be a function"),
        ("{ alternatives = { { { name = 'a', grammar = 1, also = { 'x' } } } } }", "also 1 must be a table"),
        ("{ alternatives = { { { optional = 1 } } } }", "optional must be a list of items"),
        ("(function() local t = {} t.alternatives = { { t } } return t end)()", "nested too deeply, or in a circle"),
        ("{ alternatives = { { 1LL } } }", "is a cdata, which cannot be declared"),
        ("{ alternatives = { { print = {}, [{}] = 1 } } }", "has a key that is a table"),
        ("{ alternatives = { { 'a' } }, type = ('x'):rep(5000) }", "at most 4096 bytes"),
    ],
)
def test_other_faults_are_named(spec, said):
    assert said in declare(spec)


def test_nothing_of_a_pattern_is_tried_while_it_is_checked():
    spec = "id(P(function() error('ran') end))"
    assert "captures" in declare(spec)
