"""Variables in strings, and properties that hold for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.config.interpolate import InterpolationError, interpolate
from host.config.nodes import parse


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y2z"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${NO:-d}", "d"),
        ("${NO:-}", ""),
        ("${A:-d}", "1"),
        ("${NO:-a:-b?c}", "a:-b?c"),
        ("${A:?must}", "1"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$$", "$$"),
        ("$$${A}", "$1"),
        ("$A $ $(x) a$", "$A $ $(x) a$"),
        ("${OUTER}", "${A}"),
        ("no variable", "no variable"),
    ],
)
def test_what_text_becomes(text, result):
    env = {"A": "1", "B": "2", "EMPTY": "", "OUTER": "${A}"}

    assert interpolate(text, env) == result


@pytest.mark.parametrize(
    "text", ["${NO}", "${", "${A", "${}", "${1}", "${A-d}", "${A:d}", "${ A }", "${NO:?}", "${NO:?x}"]
)
def test_what_cannot_be_replaced_is_an_error_with_a_hint(text):
    with pytest.raises(InterpolationError) as raised:
        interpolate(text, {"A": "1"})

    assert raised.value.hint


@given(st.text())
def test_escaped_text_comes_back_as_it_was(text):
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text().filter(lambda text: "$$" not in text and "${" not in text))
def test_text_without_tokens_is_left_alone(text):
    assert interpolate(text, {}) == text


@given(st.text(min_size=1))
def test_a_value_is_put_in_as_it_is(value):
    assert interpolate("<${V}>", {"V": value}) == f"<{value}>"


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_explained_and_never_crashes(text):
    errors = []

    parse(text, "f.yaml", errors)

    assert all(error.message for error in errors)
