"""No text makes a grammar raise an error or take long: it matches, or it does not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import STDLIB, load_module, new_runtime

RUNTIME = new_runtime(STDLIB)
MATCH = RUNTIME.eval(b"function(grammar, text) return (grammar:match(text)) end")
CALL = RUNTIME.eval(b"function(f, ...) return (f(...)) end")

GRAMMARS = [
    ("bind", "grammar", "27-May-2015 21:06:49.250 client 10.0.1.70#1 (a.b): query: a.b IN A + (10.0.1.71)"),
    ("cbufd", "grammar", "h\n1\t2\tnan\n"),
    ("cef", "grammar", "CEF:0|a|b|1|2|c|5|src=1 msg=a \\= b"),
    ("elb", "classic", "2015-05-13T23:39:43Z lb 1.2.3.4:5 - -1 -1 -1 503 0 0 0 "),
    ("escape_sequences", "c", "\\x41\\u00e9\\n"),
    ("escape_sequences", "html", "&lt;&#65;&#x42;"),
    ("escape_sequences", "json", "\\ud83d\\ude00\\n"),
    ("escape_sequences", "url", "a%20b+c"),
    (
        "filterlog",
        "grammar",
        "9,,,10,em0,match,pass,in,4,0x0,,64,1,0,none,6,tcp,60,1.2.3.4,5.6.7.8,4,443,0,S,1,,6,,m",
    ),
    ("glog", "grammar", "I0501 12:00:00.123456    1234 server.go:95] x"),
    ("haproxy", "grammar", "1.2.3.4:5 [06/Feb/2009:12:14:14.655] a b/c 1/0/3/6/1 200 27 - - ---- 1/1/1/1/0 0/0 "),
    ("key_value", "grammar", "a=1 b='two' c"),
    ("leef", "grammar", "LEEF:2.0|a|b|1|2|^|src=1^dst=2"),
    ("lpeg.phabricator", "access", "[Wed, 15 May 2024 10:00:00 +0200]\t77\tw\t1.2.3.4\tb\tC\th\t/x\t-\t200\t5"),
    ("lpeg.sendmail", "grammar", "u21I54sC012345: from=<a@b.c>, size=1024, class=0, relay=h [10.0.0.1]"),
    (
        "netfilter",
        "grammar",
        "[ 1.2] x IN=a OUT= MAC=00:16:3e SRC=1.2.3.4 DST=1.2.3.4 LEN=6 DF PROTO=TCP SPT=4",
    ),
    ("mysql", "slow_query_grammar", "# User@Host: a[b] @ c []\n# Query_time: 1.0\nSET timestamp=1;\nx;"),
    ("prometheus_text", "grammar", 'm{a="b",} 1.5e3 17 # {x="y"} 1'),
    ("statsd", "lines", "a:1|c|@0.1|#b:c\n"),
    ("uri", "uri_reference", "https://u@h:80/p%20?q=1#f"),
    ("uri", "url_query", "a=1&b&c=%41"),
    ("w3c", "iis", "2024-05-01 12:00:00 10.0.0.5 GET /a - 443 - 1.2.3.4 M - 200 0 0 15"),
]


def near(sample: str) -> st.SearchStrategy[bytes]:
    """Texts like a good line: pieces of it, shuffled, cut, with bytes between."""
    pieces = [sample[i:j].encode() for i in range(0, len(sample), 3) for j in (i + 1, i + 7, len(sample))]
    return st.lists(st.one_of(st.sampled_from(pieces), st.binary(max_size=3)), max_size=12).map(b"".join)


@pytest.mark.parametrize(("module", "grammar", "sample"), GRAMMARS, ids=[f"{case[0]}.{case[1]}" for case in GRAMMARS])
@settings(max_examples=examples(60), deadline=2000)
@given(data=st.data())
def test_grammars_survive(module: str, grammar: str, sample: str, data: st.DataObject) -> None:
    MATCH(load_module(RUNTIME, module)[grammar.encode()], data.draw(near(sample)))


PROGRAMS = {
    b"sshd": "Failed password/x for invalid user a from 1.2.3.4 port 22 ssh2: x",
    b"named": "client @0x1 1.2.3.4#53/key k (a.b): view v: query: a.b IN A +",
    b"dhcpd": "DHCPREQUEST for 1.2.3.4 (5.6.7.8) from 00:11 (h) via eth0: m",
    b"puppet-agent": "(/Stage[main]/F[y]/ensure) ensure changed 'a' to 'b'",
    b"sudo": "bob : x ; TTY=p ; PWD=/ ; USER=r ; ENV=e ; COMMAND=c",
    b"kernel": "[1.5] a[7]: segfault at 0 ip 1 sp 2 error 4 in x",
    b"CRON": "pam_unix(cron:auth): authentication failure; logname= uid=0 euid=0 tty=t ruser= rhost=h  user=r",
}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@settings(max_examples=examples(60), deadline=2000)
@given(data=st.data())
def test_grammars_of_programs_survive(program: bytes, data: st.DataObject) -> None:
    grammar = load_module(RUNTIME, "syslog_message")[b"get_prog_grammar"](program)

    MATCH(grammar, data.draw(near(PROGRAMS[program])))


TRACES = (
    'Traceback (most recent call last):\n  File "a", line 1, in b\nE: x\n\tat a.b(C.java:1)\n'
    "Caused by: x.Y\n#0 a(1): b()\n"
)
MESSAGES = "5F1C02A0F9: from=<b>, relay=h[1.2.3.4]:25, delays=1/2/3/4, status=sent (250 ok)\nconnect from h[1.2.3.4]"


@settings(max_examples=examples(100), deadline=2000)
@given(near(TRACES), near(MESSAGES), st.binary(max_size=80))
def test_functions_survive(trace: bytes, message: bytes, anything: bytes) -> None:
    def call(module: str, function: str, *arguments: Any) -> None:
        CALL(load_module(RUNTIME, module)[function.encode()], *arguments)

    for text in (trace, anything):
        call("stack_traces", "parse", text)
        call("stack_traces", "is_continuation", text)
    for text in (message, anything):
        call("postfix", "postfix_match", b"postfix/smtp", text)
        call("prometheus_text", "parse", text)
    for function in ("h32", "h64"):
        call("xxhash", function, anything)
