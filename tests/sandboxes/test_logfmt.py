"""The logfmt decoder."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.sandboxes.plugins import RUNTIME, decoder

LOGFMT = decoder("logfmt")


def fields(line: str) -> dict[str, Any]:
    message = LOGFMT(line)
    assert isinstance(message, dict), message
    assert message["Type"] == "logfmt"
    found = message["Fields"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=1", {"a": 1}),
        ('level=info msg="say \\"hi\\"" took=12ms', {"level": "info", "msg": 'say "hi"', "took": "12ms"}),
        ("cached a=b debug", {"cached": True, "a": "b", "debug": True}),
        ("a= b=", {"a": "", "b": ""}),
        ('a="" b="1"', {"a": "", "b": "1"}),
        ("t=true f=false q=-0.5 e=1e3 z=007 n=-7", {"t": True, "f": False, "q": -0.5, "e": 1000, "z": "007", "n": -7}),
        ("id=1234567890123456 x=0x10 y=. w=nan", {"id": "1234567890123456", "x": "0x10", "y": ".", "w": "nan"}),
        ("url=/a?b=c&d=e", {"url": "/a?b=c&d=e"}),
        (r'a="tab\tand\u00fc\ud83d\ude00\q" b=\n', {"a": "tab\tandü😀\\q", "b": "\\n"}),
        ("  a=1\t b=2  ", {"a": 1, "b": 2}),
        ("a=1 a=2", {"a": [1, 2]}),
        ("ключ=значение", {"ключ": "значение"}),
    ],
)
def test_lines(line: str, expected: dict[str, Any]) -> None:
    assert fields(line) == expected


@pytest.mark.parametrize("line", ["", "no pairs here", 'a="open', 'a="x"b', "=1", "a=1\nb=2"])
def test_other_lines_are_refused(line: str) -> None:
    assert LOGFMT(line) == "not a line of key=value pairs"


def test_keys_become_headers() -> None:
    decode = decoder(
        "logfmt", Timestamp="ts", Severity="level", Payload="msg", Hostname="host", Pid="pid", Logger="log"
    )

    message = decode('ts=2024-05-01T10:00:00Z level=WARN msg="slow query" host=db1 pid=12 log=sql rows=3')

    assert message == {
        "Type": "logfmt",
        "Timestamp": "2024-05-01T10:00:00Z",
        "Severity": 4,
        "Payload": "slow query",
        "Hostname": "db1",
        "Pid": 12,
        "Logger": "sql",
        "Fields": {"rows": 3},
    }
    unknown = decode("ts=1714557600.5 level=loud")
    assert isinstance(unknown, dict)
    assert RUNTIME.globals()[b"tostring"](unknown["Timestamp"]) == b"1714557600500000000LL"
    assert unknown["Fields"] == {"level": "loud"}


def test_values_may_stay_text_and_the_line_be_kept() -> None:
    message = decoder("logfmt", typed=False, payload_keep=True)("a=1 b=true")

    assert message == {"Type": "logfmt", "Payload": "a=1 b=true", "Fields": {"a": "1", "b": "true"}}


keys = st.text(st.characters(min_codepoint=33, codec="utf-8", exclude_characters='="\x7f'), min_size=1, max_size=6)
values = st.text(st.characters(codec="utf-8"), max_size=10)


@settings(max_examples=examples(200))
@given(st.dictionaries(keys, values, min_size=1, max_size=4))
def test_any_value_comes_back_from_its_json_form(pairs: dict[str, str]) -> None:
    line = " ".join(f"{key}={json.dumps(value)}" for key, value in pairs.items())

    assert fields(line) == pairs
