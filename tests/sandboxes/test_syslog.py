"""The syslog decoder over lines as daemons, rsyslog and syslog-ng write them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.sandboxes.plugins import decoder

SYSLOG = decoder("syslog")


def decode(line: str) -> dict[str, Any]:
    message = SYSLOG(line)
    assert isinstance(message, dict), message
    assert message.pop("Type") == "syslog"
    return message


SSHD = {
    "Timestamp": "May  1 04:13:09",
    "Hostname": "web01",
    "Pid": 4558,
    "Payload": "Failed password for root from 47.45.1.4 port 43088",
    "Fields": {"programname": "sshd"},
}
PRI = {"Severity": 6, "Fields": {"syslogfacility": 10, "programname": "sshd"}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("<86>May  1 04:13:09 web01 sshd[4558]: Failed password for root from 47.45.1.4 port 43088", {**SSHD, **PRI}),
        ("May  1 04:13:09 web01 sshd[4558]: Failed password for root from 47.45.1.4 port 43088", SSHD),
        (
            "2024-05-01T12:00:00.123456+02:00 web01 postfix/smtpd[9]:connect",
            {
                "Timestamp": "2024-05-01T12:00:00.123456+02:00",
                "Hostname": "web01",
                "Pid": 9,
                "Payload": "connect",
                "Fields": {"programname": "postfix/smtpd"},
            },
        ),
        (
            "<4>May 11 06:15:34 2001:db8::1 kernel: [7392068.978113] [UFW BLOCK] IN=eth0: x",
            {
                "Timestamp": "May 11 06:15:34",
                "Hostname": "2001:db8::1",
                "Severity": 4,
                "Payload": "[7392068.978113] [UFW BLOCK] IN=eth0: x",
                "Fields": {"syslogfacility": 0, "programname": "kernel"},
            },
        ),
        (
            "<13>May  1 06:15:34 app[1]: local, no host",
            {
                "Timestamp": "May  1 06:15:34",
                "Severity": 5,
                "Pid": 1,
                "Payload": "local, no host",
                "Fields": {"syslogfacility": 1, "programname": "app"},
            },
        ),
        (
            "<13>May  1 06:15:34 app: foo[12]: bar",
            {
                "Timestamp": "May  1 06:15:34",
                "Severity": 5,
                "Payload": "foo[12]: bar",
                "Fields": {"syslogfacility": 1, "programname": "app"},
            },
        ),
        (
            "May  1 06:15:34 fw01.example.com last message repeated 3 times",
            {
                "Timestamp": "May  1 06:15:34",
                "Hostname": "fw01.example.com",
                "Payload": "last message repeated 3 times",
                "Fields": {},
            },
        ),
        (
            "May  1 06:15:34 h app:",
            {"Timestamp": "May  1 06:15:34", "Hostname": "h", "Payload": "", "Fields": {"programname": "app"}},
        ),
        (
            "May  1 06:15:34 h app[x]: no number",
            {"Timestamp": "May  1 06:15:34", "Hostname": "h", "Payload": "app[x]: no number", "Fields": {}},
        ),
        (
            "<165>1 2003-10-11T22:14:15.003Z mx.example.com evntslog 42 ID47 - \ufeffAn application event: \u00fc",
            {
                "Timestamp": "2003-10-11T22:14:15.003Z",
                "Hostname": "mx.example.com",
                "Severity": 5,
                "Pid": 42,
                "Payload": "An application event: \u00fc",
                "Fields": {"syslogfacility": 20, "programname": "evntslog", "msgid": "ID47"},
            },
        ),
        ("<0>1 - - - - - -", {"Severity": 0, "Fields": {"syslogfacility": 0}}),
        (
            "<34>1 - -host -app 12ab - - -",
            {
                "Hostname": "-host",
                "Severity": 2,
                "Payload": "-",
                "Fields": {"syslogfacility": 4, "programname": "-app", "procid": "12ab"},
            },
        ),
        (
            r'<165>1 2003-10-11T22:14:15Z h app 12 ID47 [ex@32473 iut="3" src="a \"b\" \\ \]c"][no][x@1 iut=""] plain',
            {
                "Timestamp": "2003-10-11T22:14:15Z",
                "Hostname": "h",
                "Severity": 5,
                "Pid": 12,
                "Payload": "plain",
                "Fields": {
                    "syslogfacility": 20,
                    "programname": "app",
                    "msgid": "ID47",
                    "ex@32473.iut": "3",
                    "ex@32473.src": r'a "b" \ ]c',
                    "x@1.iut": "",
                },
            },
        ),
        (
            '<165>1 - - - proc-9 - [a@1 b="c" b="d"]',
            {
                "Severity": 5,
                "Payload": "",
                "Fields": {"syslogfacility": 20, "procid": "proc-9", "a@1.b": ["c", "d"]},
            },
        ),
    ],
)
def test_lines(line: str, message: dict[str, Any]) -> None:
    assert decode(line) == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "<13>hello",
        "<1999>May  1 06:15:34 h a: b",
        "May 1 06:15:34 h a: b",
        '<165>1 - - - - - [a@1 b="c] x',
        "<165>2 - - - - - - x",
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    assert SYSLOG(line) == "not a syslog line"


def test_the_hostname_of_this_host_can_be_kept() -> None:
    message = decoder("syslog", hostname_keep=True)("<86>May  1 04:13:09 web01 sshd[4558]: x")

    assert isinstance(message, dict)
    assert "Hostname" not in message
    assert message["Fields"]["hostname"] == "web01"


words = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=':[]="\\'), min_size=1, max_size=8
)
values = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=10)
elements = st.dictionaries(words, values, max_size=3)


@settings(max_examples=examples(200))
@given(st.integers(0, 191), words, words, elements, values)
def test_any_line_of_rfc5424_comes_back(pri: int, host: str, app: str, params: dict[str, str], text: str) -> None:
    def protect(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")

    data = "[i@1" + "".join(f' {key}="{protect(value)}"' for key, value in params.items()) + "]" if params else "-"
    host, app = (word if word != "-" else "x" for word in (host, app))

    message = decode(f"<{pri}>1 2024-05-01T00:00:00Z {host} {app} 1 - {data} {text}")

    assert (message["Severity"], message["Fields"].pop("syslogfacility")) == (pri % 8, pri // 8)
    assert (message["Hostname"], message["Pid"], message["Payload"]) == (host, 1, text.removeprefix("\ufeff"))
    assert message["Fields"] == {"programname": app, **{f"i@1.{key}": value for key, value in params.items()}}
