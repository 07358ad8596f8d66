"""Regular expressions of the matcher: the same answers as Python's `re` on bytes, in linear time."""

import re
import subprocess
import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import KERNEL, load_module, new_runtime, to_python

RUNTIME = new_runtime(*KERNEL)
REGEX = load_module(RUNTIME, "regex")
TEST_MEMORY = RUNTIME.execute(b"""
    local ffi = require "ffi"
    return function(regex, text, from, to) return regex.test_bytes(ffi.cast("const uint8_t *", text), from, to) end
""")


def compile_regex(pattern: str | bytes) -> Any:
    answer = REGEX[b"compile"](pattern.encode() if isinstance(pattern, str) else pattern)
    assert not isinstance(answer, tuple), to_python(answer[1])
    return answer


def matches(pattern: str | bytes, text: str | bytes) -> bool:
    answer = compile_regex(pattern)[b"test"](text.encode() if isinstance(text, str) else text)
    assert isinstance(answer, bool)
    return answer


@pytest.mark.parametrize(
    ("pattern", "kind", "literal"),
    [
        ("^abc$", b"equals", b"abc"),
        (r"\Aabc\z", b"equals", b"abc"),
        ("^/api/", b"prefix", b"/api/"),
        (r"\.html$", b"suffix", b".html"),
        ("bingbot", b"contains", b"bingbot"),
        (".*bingbot.*", b"contains", b"bingbot"),
        ("(?:bing)(bot)", b"contains", b"bingbot"),
        ("größe", b"contains", "größe".encode()),
        (r"a\x00b", b"contains", b"a\0b"),
        ("", b"contains", b""),
        ("^", b"prefix", b""),
        ("^$", b"equals", b""),
        ("(?i)42", b"contains", b"42"),
        ("^.*abc", b"automaton", None),
        ("(?i)abc", b"automaton", None),
        ("a|b", b"automaton", None),
        ("abc+", b"automaton", None),
    ],
)
def test_plain_text_becomes_a_comparison(pattern: str, kind: bytes, literal: bytes | None) -> None:
    regex = compile_regex(pattern)

    assert regex[b"kind"] == kind
    assert regex[b"literal"] == literal


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^a.c$", "abc", True),
        ("^a.c$", "a\nc", False),
        ("(?s)^a.c$", "a\nc", True),
        ("c$", "c\n", False),
        ("(?m)c$", "c\nd", True),
        ("(?m)^d", "c\nd", True),
        ("^d", "c\nd", False),
        (r"\bcat\b", "a cat.", True),
        (r"\bcat\b", "concat", False),
        (r"\Bcat", "concat", True),
        (r"\B", "", True),
        (r"\b", "", False),
        ("(?i)ErRoR: [a-f]+", "error: CAFE", True),
        ("a(?i)b", "aB", True),
        ("a(?i)b", "AB", False),
        ("(a(?i)b)c", "aBC", False),
        ("(?i:a)b", "Ab", True),
        ("(?i:a)b", "AB", False),
        ("(?i)a(?-i)b", "AB", False),
        ("[[:digit:][:punct:]]{3}", "1.2", True),
        ("[^[:alpha:]]", "abc", False),
        ("[]a]]", "]]", True),
        ("[a-c-]", "-", True),
        (r"[\w.-]+@[\w-]+\.\w{2,}", "mail bob.x@example.org now", True),
        (r"^(\d{1,3}\.){3}\d{1,3}$", "10.20.30.255", True),
        (r"^(\d{1,3}\.){3}\d{1,3}$", "10.20.30.2555", False),
        ("(?P<word>ab)+?c", "ababc", True),
        ("x{2}{", "xx{", True),
        ("x{,", "x{,", True),
        ("é+$", "éé", True),
        ("^(|a)+$", "aaa", True),
        ("^(a*)*$", "aaab", False),
        (r"\x41\t\\", "A\t\\", True),
        (r"\/", "/", True),
        (r"$^", "", True),
        ("a$b", "ab", False),
    ],
)
def test_syntax(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "offset", "message"),
    [
        (r"(a)\1", 4, "backreferences are not supported"),
        ("x(?=a)", 2, "lookahead and lookbehind are not supported"),
        ("(?<!a)x", 1, "lookahead and lookbehind are not supported"),
        ("(a", 1, "a group without its closing )"),
        ("a)", 2, "a closing ) without its group"),
        ("*a", 1, "nothing to repeat"),
        ("a|+", 3, "nothing to repeat"),
        ("^*", 2, "nothing to repeat"),
        ("a**", 3, "a repetition of a repetition"),
        ("a{2}{3}", 5, "a repetition of a repetition"),
        ("a{3,2}", 2, "the repetition is backwards"),
        ("a{1001}", 2, "more than 1000 repetitions"),
        ("a{,3}", 2, "write {0,n}"),
        ("((a{1000}){1000}){1000}", 1, "too large"),
        ("[a", 1, "a class without its closing ]"),
        ("[z-a]", 3, "the range is backwards"),
        ("[é]", 2, "only ASCII"),
        ("[[:letter:]]", 2, "unknown class [:letter:]"),
        ("a\\", 2, "a backslash at the end"),
        (r"\xg0", 1, "two hexadecimal digits"),
        (r"\pL", 1, r"unknown escape \p"),
        ("(?>a)", 1, "unknown group (?>"),
        ("(" * 300, 201, "nested too deeply"),
    ],
)
def test_what_is_not_supported_is_a_clear_error(pattern: str, offset: int, message: str) -> None:
    regex, problem = REGEX[b"compile"](pattern.encode())

    assert regex is None
    assert message in to_python(problem)["message"].decode()
    assert to_python(problem)["offset"] == offset


# ---- against Python's re

atoms = st.sampled_from(
    [
        *"abc0_ \n.^$",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        r"\b",
        r"\B",
        r"\A",
        r"\z",
        r"\x00",
        r"\xff",
        r"\.",
        "[ab]",
        "[^a]",
        "[a-c0-9]",
        r"[^\w]",
        r"[\s_]",
        "[-a]",
        r"[^\n]",
    ]
)
ASSERTIONS = {"^", "$", r"\b", r"\B", r"\A", r"\z"}
quantifiers = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,3}?", "{2,}"])


def repeated(inner: str, quantifier: str) -> str:
    return (f"(?:{inner})" if len(inner) != 1 or inner in ASSERTIONS else inner) + quantifier


patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("({})".format),
        st.builds(repeated, inner, quantifiers),
        inner.map("(?i:{})".format),
    ),
    max_leaves=8,
)
flags = st.sampled_from(["", "", "(?i)", "(?s)", "(?m)", "(?is)"])
subjects = st.text(st.sampled_from("aabbcABC01_ .\n\0\xff-"), max_size=14).map(lambda t: t.encode("latin-1"))


def in_python(flag: str, pattern: str) -> re.Pattern[bytes]:
    r"""The same in Python: `$` there skips a newline at the end unless it is \Z, and \Z is our \z."""
    pattern = pattern.replace(r"\z", r"\Z")
    if "m" not in flag:
        pattern = pattern.replace("$", r"\Z")
    return re.compile((flag + pattern).encode("latin-1"))


@settings(max_examples=examples(1500))
@given(flags, patterns, st.lists(subjects, min_size=1, max_size=5))
def test_answers_are_those_of_python(flag: str, pattern: str, texts: list[bytes]) -> None:
    regex = compile_regex((flag + pattern).encode("latin-1"))
    expected = in_python(flag, pattern)

    for text in texts:
        # Python before 3.14 says that \B does not match in an empty text.
        assume(text or r"\B" not in pattern)
        assert regex[b"test"](text) == (expected.search(text) is not None), text


@settings(max_examples=examples(200))
@given(patterns, subjects, st.integers(0, 5), st.integers(0, 5))
def test_memory_is_matched_like_a_string(pattern: str, text: bytes, before: int, after: int) -> None:
    regex = compile_regex(pattern.encode("latin-1"))
    assume(regex[b"kind"] == b"automaton")

    inside = b"a" * before + text + b"_" * after

    assert TEST_MEMORY(regex, inside, before, before + len(text)) == regex[b"test"](text)


@settings(max_examples=examples(500))
@given(st.text("ab()[]{}|*+?.^$\\dwx0123,-:i<=!P", max_size=14))
def test_any_pattern_compiles_or_is_refused(pattern: str) -> None:
    answer = REGEX[b"compile"](pattern.encode())

    if isinstance(answer, tuple):
        assert 1 <= to_python(answer[1])["offset"] <= len(pattern) + 1
    else:
        assert isinstance(answer[b"test"](b"ab"), bool)


# ---- time and memory


@pytest.mark.parametrize(
    "pattern",
    ["(a*)*b", "(a|a)*b", "(a|aa)+$x", "(.*)(.*)(.*)(.*)(.*)[^a]", "(x+x+)+y", "a.*a.*a.*a.*b", "(?:a?){30}a{30}b"],
)
def test_no_pattern_makes_it_slow(pattern: str) -> None:
    regex = compile_regex(pattern)
    text = b"a" * 200_000

    started = time.process_time()
    assert regex[b"test"](text) is False

    assert time.process_time() - started < 1


def test_the_states_of_a_hard_pattern_stay_bounded() -> None:
    regex = compile_regex("(?:a|b)*a(?:a|b){18}c")
    text = bytes(b"ab"[(i * i // 7 + i // 3) % 2] for i in range(20_000))
    used = RUNTIME.eval(b"function() collectgarbage() collectgarbage() return collectgarbage 'count' end")
    before_kib = used()

    assert regex[b"test"](text) is False
    assert regex[b"test"](text + b"abaaaaaaaaaaaaaaaaaaaac") is True

    assert used() - before_kib < 4096


def test_it_runs_without_the_ffi() -> None:
    script = f"""
        package.path = "{";".join(f"{folder}/?.lua" for folder in KERNEL)};" .. package.path
        local regex = require "regex"
        assert(regex.compile("(?i)err(or)?s?:").test("3 ERRORS: x"))
        assert(not regex.compile("^[0-9]+$").test("12a"))
        assert(regex.compile("^[0-9]+$").test("12"))
    """
    ran = subprocess.run(["lua5.1", "-e", script], capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr


PATTERNS = load_module(RUNTIME, "matcher_patterns")
FIND = RUNTIME.eval(b"function(text, pattern, plain) return (text:find(pattern, 1, plain)) ~= nil end")
PIECES = st.one_of(
    st.sampled_from(
        ["%a", "%d", "%S", "%w", "%p", "%.", "%%", "%]", "%s", ".", "[a-c%d]", "[^%s]", "[]x]", "[%a_-]", "[^]]"]
    ),
    st.sampled_from(["*", "+", "-", "?", "(", ")", "()", "^", "$", "a", "b", "/", ".", " ", "\n", "\u00e9"]),
)


@settings(max_examples=examples(400))
@given(
    st.lists(PIECES, max_size=8).map("".join),
    st.text(st.sampled_from("ab1 .%]x-_^$\n\u00e9"), max_size=12),
    st.booleans(),
)
def test_a_lua_pattern_finds_what_lua_finds(pattern: str, text: str, anchored: bool) -> None:
    pattern = "^" + pattern if anchored else pattern
    source = PATTERNS[b"of_string"](pattern.encode(), False)
    if isinstance(source, tuple):
        return
    try:
        found = FIND(text.encode(), pattern.encode(), False)
    except Exception:  # noqa: BLE001 -- Lua finds faults while matching that are refused when a matcher is read
        return

    assert matches(source, text) == found


@settings(max_examples=examples(100))
@given(st.binary(max_size=6), st.binary(max_size=20))
def test_plain_text_is_found_as_it_is(needle: bytes, text: bytes) -> None:
    assert matches(PATTERNS[b"of_string"](needle, True), text) == (needle in text)
