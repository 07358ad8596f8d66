"""Names of syslog, and templates of rsyslog as grammars."""

from typing import Any

import pytest

from tests.lua_runtime import STDLIB, load_module, new_runtime, to_python

RUNTIME = new_runtime(STDLIB)
SYSLOG = load_module(RUNTIME, "syslog")
NOON_NS = 1714564800_000000000


def match(grammar: Any, text: str) -> Any:
    return to_python(grammar.match(grammar, text.encode()))


@pytest.mark.parametrize(
    ("grammar", "text", "number"),
    [
        ("severity", "err", 3),
        ("severity", "WARNING", 4),
        ("severity", "warn", 4),
        ("severity", "panic", 0),
        ("severity", "6", 6),
        ("severity", "loud", None),
        ("facility", "local7", 23),
        ("facility", "authpriv", 10),
        ("facility", "security", 4),
    ],
)
def test_names_are_numbers(grammar: str, text: str, number: int | None) -> None:
    assert match(SYSLOG[grammar.encode()], text) == number


TRADITIONAL = "%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\\n"


@pytest.mark.parametrize(
    ("template", "text", "fields"),
    [
        (
            TRADITIONAL.replace("TIMESTAMP", "timegenerated:::date-rfc3339"),
            "2024-05-01T12:00:00Z web01 sshd[12]: hello: world",
            {
                "timegenerated": NOON_NS,
                "hostname": b"web01",
                "syslogtag": {"programname": b"sshd", "pid": 12},
                "msg": b"hello: world",
            },
        ),
        (
            "<%PRI%>%timestamp:::date-unixtimestamp% %syslogtag:1:32% %msg%",
            "<30>1714564800 kernel: x",
            {
                "pri": {"severity": 6, "facility": 3},
                "timestamp": NOON_NS,
                "syslogtag": {"programname": b"kernel"},
                "msg": b"x",
            },
        ),
        (
            '%syslogseverity-text%/%syslogfacility-text%\\t"%fromhost-ip%" %procid% 100%% %$myvar%',
            'err/local0\t"10.0.0.1" 7 100% v',
            {
                "syslogseverity-text": 3,
                "syslogfacility-text": 16,
                "fromhost-ip": b"10.0.0.1",
                "procid": 7,
                "$myvar": b"v",
            },
        ),
    ],
)
def test_templates(template: str, text: str, fields: dict[str, Any]) -> None:
    grammar = SYSLOG[b"build_rsyslog_grammar"](template.encode())

    assert match(grammar, text) == fields


def test_a_wrong_template_is_a_clear_error() -> None:
    with pytest.raises(Exception, match='not a template of rsyslog from "%open" on: %open'):
        SYSLOG[b"build_rsyslog_grammar"](b"%open")
