"""The matcher's language: what parses to which tree, what is refused and where, and format as parse's inverse."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import KERNEL, load_module, new_runtime, to_lua, to_python

RUNTIME = new_runtime(*KERNEL)
SYNTAX = load_module(RUNTIME, "matcher_syntax")
REGEX = load_module(RUNTIME, "regex")


def parse(text: str | bytes) -> Any:
    answer = SYNTAX[b"parse"](text.encode() if isinstance(text, str) else text)
    assert not isinstance(answer, tuple), to_python(answer[1])["message"].decode()
    return to_python(answer)


def refusal(text: str) -> dict[str, Any]:
    tree, problem = SYNTAX[b"parse"](text.encode(), REGEX[b"compile"])
    assert tree is None
    return to_python(problem)


def field(name: bytes, fi: int = 0, ai: int = 0) -> dict[str, Any]:
    return {"kind": b"field", "name": name, "fi": fi, "ai": ai}


def header(name: bytes) -> dict[str, Any]:
    return {"kind": b"header", "name": name}


def string(text: bytes) -> dict[str, Any]:
    return {"type": b"string", "text": text}


def number(text: str) -> dict[str, Any]:
    integer = text.lstrip("-").isdigit()
    return {"type": b"number", "text": text.encode(), "number": float(text), "integer": integer}


def test_and_binds_tighter_than_or_and_both_join_from_the_left() -> None:
    one, two, three = ({"op": b"==", "var": header(b"Type"), "value": string(t)} for t in (b"a", b"b", b"c"))

    tree = parse("Type == 'a' || Type == 'b' && Type == 'c'")

    assert tree == {"op": b"or", "left": one, "right": {"op": b"and", "left": two, "right": three}}


def test_not_binds_to_the_next_test_only() -> None:
    negated = {"op": b"not", "expr": {"op": b"==", "var": field(b"a"), "value": number("1")}}

    assert parse("!Fields[a] == 1 && TRUE") == {"op": b"and", "left": negated, "right": {"op": b"true"}}
    assert parse("!(Fields[a] == 1)") == negated
    assert parse("! !(FALSE)") == {"op": b"not", "expr": {"op": b"not", "expr": {"op": b"false"}}}


@pytest.mark.parametrize(
    ("text", "var"),
    [
        ("Fields[a]", field(b"a")),
        ("Fields[a b.c-d]", field(b"a b.c-d")),
        ("Fields[a][2]", field(b"a", 2)),
        ("Fields[ünï][1][3]", field("ünï".encode(), 1, 3)),
        *((name, header(name.encode())) for name in ("Uuid", "Type", "Logger", "Payload", "EnvVersion", "Hostname")),
    ],
)
def test_variables(text: str, var: dict[str, Any]) -> None:
    assert parse(f"{text} == 'x'")["var"] == var


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'it''", None),
        (r"'it\'s'", string(b"it's")),
        (r'"say \"hi\""', string(b'say "hi"')),
        (r"'C:\temp\'", None),
        (r"'C:\temp\\'", string(rb"C:\temp" + b"\\")),
        (r"'\d\n'", string(rb"\d\n")),
        ("'\"'", string(b'"')),
        ("''", string(b"")),
        ("TRUE", {"type": b"bool", "bool": True}),
        ("FALSE", {"type": b"bool", "bool": False}),
        ("NIL", {"type": b"nil"}),
        ("-1", number("-1")),
        ("1.5e3", number("1.5e3")),
        (".5", number(".5")),
        ("9223372036854775807", number("9223372036854775807")),
        ("-9223372036854775808", number("-9223372036854775808")),
        ("9223372036854775808", None),
        ("1.2.3", None),
        ("12abc", None),
    ],
)
def test_literals(literal: str, value: dict[str, Any] | None) -> None:
    if value is None:
        assert refusal(f"Fields[x] == {literal}")
    else:
        assert parse(f"Fields[x] == {literal}")["value"] == value


def test_regular_expressions_keep_their_own_escapes() -> None:
    assert parse(r"Payload =~ /^\/a\\\/\d$/")["value"] == {"type": b"regex", "text": rb"^/a\\/\d$"}


def test_membership() -> None:
    tree = parse("Fields[status] in (500, -1,\n 'x')")

    assert tree == {"op": b"in", "var": field(b"status"), "values": [number("500"), number("-1"), string(b"x")]}


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", "0"),
        ("2024-05-01T12:30:00.123456789Z", "1714566600123456789"),
        ("2024-05-01T12:30:00.1+02:00", "1714559400100000000"),
        ("1969-12-31T23:59:59.5Z", "-500000000"),
        ("1969-12-31T23:59:58.25Z", "-1750000000"),
        ("2024-02-29t00:00:00z", "1709164800000000000"),
    ],
)
def test_a_time_is_an_exact_number_of_nanoseconds(text: str, nanoseconds: str) -> None:
    value = parse(f"Timestamp >= '{text}'")["value"]

    assert value == {**number(nanoseconds), "rfc3339": text.encode()}


@given(st.datetimes(min_value=datetime(1680, 1, 1), max_value=datetime(2260, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_agree_with_python(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    expected = ((since.days * 86400 + since.seconds) * 10**6 + since.microseconds) * 1000

    value = parse(f"Timestamp == '{moment.isoformat()}'")["value"]

    assert int(value["text"]) == expected


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 1, "found the end"),
        ("Type == 'a' Logger == 'b'", 13, "expected `&&`, `||` or the end, found `Logger`"),
        ("Type ==", 8, "expected a string, a number or TRUE, FALSE, NIL, found the end"),
        ("Type = 'a'", 6, "expected a comparison"),
        ("(Type == 'a'", 13, "expected `&&`, `||` or `)`, found the end"),
        ("Fields[] == 1", 1, "expected"),
        ("Fields[x][y] == 1", 11, "expected an index, found `y`"),
        ("Fields[x] in ()", 15, "expected a string or a number, found `)`"),
        ("Fields[x] in (1 2)", 17, "`,`"),
        ("Fields[x] =~ 5", 14, "expected a /regular expression/ or a Lua pattern, found `5`"),
        ("Type =~ 'a%'", 11, "in the Lua pattern: a % at the end"),
        ("Type =~ 'a[b'", 11, "a set without its ]"),
        ("Type =~ '(a'", 11, "a ( without its )"),
        ("Type !~ '%bxy'", 10, "%b cannot be matched in proportion to the text"),
        ("Severity =~ 'a'", 13, "Severity is a number"),
        ("Fields[x] == /a/", 14, "expected a string"),
        ("Type == 'a' &&", 15, "found the end"),
        ("type == 'a'", 1, "there is no variable `type`; did you mean `Type`?"),
        ("status == 200", 1, "there is no variable `status`; a field is written Fields[status]"),
        ("Severity == 'x'", 13, "Severity is a number and cannot be compared with a string"),
        ("Type == 5", 9, "Type is a string and cannot be compared with a number"),
        ("Severity =~ /x/", 13, "a regular expression matches text"),
        ("Type < NIL", 8, "NIL has no order"),
        ("Fields[x] >= TRUE", 14, "a boolean has no order"),
        ("Type == TRUE", 9, "cannot be compared with a bool"),
        ("Timestamp == '2023-02-29T00:00:00Z'", 14, "not a time in RFC 3339"),
        ("Timestamp == 'yesterday'", 14, "not a time in RFC 3339"),
        ("Timestamp == '2500-01-01T00:00:00Z'", 14, "1678 to 2261"),
        ("Timestamp in (5, 'x')", 18, "not a time"),
        ("Fields[x] == 9223372036854775808", 14, "does not fit into 64 bits"),
        ("Payload =~ /a(b/", 14, "in the regular expression: a group without its closing )"),
    ],
)
def test_errors_say_where_and_what(text: str, offset: int, expected: str) -> None:
    problem = refusal(text)

    assert expected in problem["summary"].decode()
    assert problem["offset"] == offset


def test_an_error_shows_its_line_with_a_caret() -> None:
    problem = refusal("Type == 'a'\n  && Logger = 'b'\n  && TRUE")

    line, caret = problem["message"].decode().splitlines()[1:]
    assert line == "    && Logger = 'b'"
    assert caret == " " * line.index("=") + "^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = " || ".join(f"Fields[f{i}] == {i}" for i in range(100)) + " || ?"

    line, caret = refusal(text)["message"].decode().splitlines()[1:]

    assert len(line) < 100
    assert line[caret.index("^")] == "?"


@pytest.mark.parametrize("text", ["(" * 20000, "!" * 20000 + "TRUE", "TRUE" + " && TRUE" * 1000, "x" * 100000])
def test_what_is_too_deep_or_too_long_is_refused(text: str) -> None:
    assert refusal(text)["message"]


def test_many_values_are_fine() -> None:
    values = ", ".join(f"'id-{i}'" for i in range(3000))

    assert len(parse(f"Fields[id] in ({values})")["values"]) == 3000


# ---- format

texts = st.binary(max_size=12) | st.sampled_from([b"\\", b'\\"', b"'", b"\\\\'", b"a\nb", b"\\d"])
names = st.text(st.characters(blacklist_characters="]", blacklist_categories=["Cs"]), min_size=1, max_size=8)
indexes = st.integers(0, 300)
integers = st.integers(-(2**63), 2**63 - 1).map(lambda n: number(str(n)))
doubles = st.floats(allow_nan=False, allow_infinity=False).map(lambda f: number(repr(f)))
strings = texts.map(string)
regexes = st.lists(st.sampled_from([b"a", b"/", b"\\/", b"\\\\", b"\\d", b".", b"'", b"^"]), min_size=1).map(
    lambda parts: {"type": b"regex", "text": b"".join(p for p in parts if p != b"\\/") or b"x"}
)
fields = st.builds(lambda n, fi, ai: field(n.encode(), fi, ai), names, indexes, indexes)
text_headers = st.sampled_from([b"Uuid", b"Type", b"Logger", b"Payload", b"EnvVersion", b"Hostname"]).map(header)
number_headers = st.sampled_from([b"Timestamp", b"Severity", b"Pid"]).map(header)
numbers = integers | doubles
relations = st.sampled_from([b"==", b"!=", b"<", b"<=", b">", b">="])
equalities = st.sampled_from([b"==", b"!="])
regex_relations = st.sampled_from([b"=~", b"!~"])
times = st.just({**number("1714566600000000000"), "rfc3339": b"2024-05-01T12:30:00Z"})
flags = st.just({"type": b"nil"}) | st.booleans().map(lambda b: {"type": b"bool", "bool": b})


def comparison(ops: Any, variables: Any, values: Any) -> Any:
    return st.builds(lambda op, var, value: {"op": op, "var": var, "value": value}, ops, variables, values)


def membership(variables: Any, values: Any) -> Any:
    lists = st.lists(values, min_size=1, max_size=4)
    return st.builds(lambda var, listed: {"op": b"in", "var": var, "values": listed}, variables, lists)


tests = st.one_of(
    comparison(relations, fields | text_headers, strings),
    comparison(relations, fields | number_headers, numbers),
    comparison(relations, st.just(header(b"Timestamp")), times),
    comparison(regex_relations, fields | text_headers, regexes),
    comparison(equalities, fields, flags),
    membership(fields | text_headers, strings),
    membership(fields, strings | numbers),
    st.sampled_from([{"op": b"true"}, {"op": b"false"}]),
)
trees = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds(lambda op, a, b: {"op": op, "left": a, "right": b}, st.sampled_from([b"and", b"or"]), inner, inner),
        inner.map(lambda e: {"op": b"not", "expr": e}),
    ),
    max_leaves=8,
)


@settings(max_examples=examples(300))
@given(trees)
def test_parse_is_the_inverse_of_format(tree: dict[str, Any]) -> None:
    text = SYNTAX[b"format"](to_lua(RUNTIME, tree))

    assert parse(text) == tree


@settings(max_examples=examples(300))
@given(st.binary(max_size=40) | st.text("TypeFields[]()!&|=~<>'/\\0a \n-.", max_size=40).map(str.encode))
def test_any_text_is_parsed_or_refused(text: bytes) -> None:
    answer = SYNTAX[b"parse"](text)

    if isinstance(answer, tuple):
        assert 1 <= to_python(answer[1])["offset"] <= len(text) + 1
