"""Grammars made from nginx's and Apache's own format strings, over lines as these servers write them."""

import re
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_python

HERE = ROOT / "tests" / "sandbox_stdlib"
RUNTIME = new_runtime(STDLIB, HERE)
CLF = load_module(RUNTIME, "common_log_format")
DECLARED = load_module(RUNTIME, "declared")
MAKE = RUNTIME.eval(b"function(declared, alternatives) return declared { alternatives = alternatives } end")
UA = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"


def parser(server: str, log_format: str) -> Any:
    alternatives = CLF[f"{server}_items".encode()](log_format.encode())
    parse = MAKE(DECLARED, alternatives)

    def run(line: str | bytes) -> tuple[dict[str, Any], int] | None:
        found = parse(line.encode() if isinstance(line, str) else line)
        if found is None:
            return None
        fields: dict[str, Any] = {}
        for field in to_python(found[0]) or []:
            name = field["name"].decode()
            values = fields.setdefault(name, [])
            values.append(field["value"].decode("latin-1") if isinstance(field["value"], bytes) else field["value"])
        return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}, found[1]

    return run


NGINX = parser("nginx", "combined")
APACHE = parser("apache", "combined")
PLAIN = {
    "remote_addr": "192.0.2.7",
    "remote_user": "bob",
    "Timestamp": "01/May/2024:12:00:00 +0200",
    "request_method": "GET",
    "request_uri": "/a?b=1",
    "server_protocol": "HTTP/1.1",
    "status": 200,
    "body_bytes_sent": 512,
    "http_referer": "-",
    "http_user_agent": UA,
}


def line(
    *,
    addr: str = "192.0.2.7",
    user: str = "bob",
    request: str = "GET /a?b=1 HTTP/1.1",
    status: str = "200",
    size: str = "512",
    referer: str = "-",
    agent: str = UA,
) -> str:
    return f'{addr} - {user} [01/May/2024:12:00:00 +0200] "{request}" {status} {size} "{referer}" "{agent}"'


@pytest.mark.parametrize("parse", [NGINX, APACHE], ids=["nginx", "apache"])
@pytest.mark.parametrize(
    ("given", "alternative", "fields"),
    [
        (line(), 1, {}),
        (line(addr="2001:db8::1", user="-"), 1, {"remote_addr": "2001:db8::1", "remote_user": "-"}),
        (line(agent=""), 1, {"http_user_agent": ""}),
        (line(agent="-", referer=""), 1, {"http_user_agent": "-", "http_referer": ""}),
        (line(request="GET /ü HTTP/2.0"), 1, {"request_uri": "/Ã¼", "server_protocol": "HTTP/2.0"}),
        (line(request="GET /" + "a" * 60000 + " HTTP/1.1"), 1, {"request_uri": "/" + "a" * 60000}),
        (line(size="-"), None, {"body_bytes_sent": None}),
        (line(user="bob smith"), 3, {"remote_user": "bob smith"}),
        (line(status="-", size="-"), 3, {"status": None, "body_bytes_sent": None}),
    ],
)
def test_lines_that_both_servers_write(parse: Any, given: str, alternative: int | None, fields: dict[str, Any]) -> None:
    found, used = parse(given)

    assert found == {k: v for k, v in {**PLAIN, **fields}.items() if v is not None}
    assert alternative in (None, used)


@pytest.mark.parametrize(
    ("request_line", "alternative"),
    [
        (r"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 2),
        ("", 2),
        ("-", 2),
        ("GET /", 2),
        ("GET /a b HTTP/1.1", 2),
        ("a b c", 2),
        ("GET  HTTP/1.1", 2),
    ],
)
def test_what_is_no_request_stays_whole(request_line: str, alternative: int) -> None:
    found, used = NGINX(line(request=request_line))

    assert found["request"] == request_line
    assert "request_uri" not in found
    assert found["status"] == 200
    assert used == alternative


def test_nginx_writes_a_quote_as_hex() -> None:
    found, used = NGINX(line(request=r"GET /?q=\x22x\x22 HTTP/1.1", agent=r"say \x22hi\x22"))

    assert (found["request_uri"], found["http_user_agent"], used) == (r"/?q=\x22x\x22", r"say \x22hi\x22", 1)


def test_apache_protects_a_quote_with_a_backslash() -> None:
    agent = r"evil \" \"-\" \\"
    found, used = APACHE(line(request=r"GET /?q=\"x\" HTTP/1.1", agent=agent))

    assert (found["request_uri"], found["http_user_agent"], used) == (r"/?q=\"x\"", agent, 3)
    assert APACHE(line(request=r"\x16\" \"", agent=agent))[0]["request"] == r"\x16\" \""


def test_nginx_without_escapes_keeps_quotes_that_end_nothing() -> None:
    found, used = NGINX(line(referer='a"b', agent="x"))

    assert (found["http_referer"], used) == ('a"b', 3)


@pytest.mark.parametrize(
    "garbage", ["", "x", "192.0.2.7 - bob", line() + " extra", line().replace("] ", " "), line(status="2x0")]
)
def test_other_lines_do_not_match(garbage: str) -> None:
    assert NGINX(garbage) is None
    assert APACHE(garbage) is None


def test_no_field_runs_over_a_line_break() -> None:
    one = line()
    for at in range(1, len(one)):
        for parse in (NGINX, APACHE):
            assert parse(one[:at] + "\n" + one[at:]) is None


NGINX_FORMATS = [
    ("$msec $status", "1714557600.123 200", {"Timestamp": "1714557600.123", "status": 200}),
    (
        "[$time_local] $msec",
        "[01/May/2024:12:00:00 +0200] 1.5",
        {"time_local": "01/May/2024:12:00:00 +0200", "Timestamp": "1.5"},
    ),
    ("t=$time_iso8601", "t=2024-05-01T12:00:00+02:00", {"Timestamp": "2024-05-01T12:00:00+02:00"}),
    ("${status}ms $request_time\n", "204ms 0.010", {"status": 204, "request_time": 0.010}),
    ("$gzip_ratio|$pipe|$connection", "-|.|7", {"pipe": ".", "connection": 7}),
    ("$gzip_ratio $pipe", "3.14 p", {"gzip_ratio": 3.14, "pipe": "p"}),
    (
        "$scheme://$host$request_uri x",
        "https://ex.org/a?b x",
        {"scheme": "https", "host": "ex.org", "request_uri": "/a?b"},
    ),
    ("$uri$is_args$args $status", "/a?b=c 200", {"uri": "/a", "is_args": "?", "args": "b=c", "status": 200}),
    ("$uri$is_args$args $status", "/a 200", {"uri": "/a", "is_args": "", "args": "", "status": 200}),
    (
        '$status "$http_x_forwarded_for"',
        '200 "10.0.0.1, 10.0.0.2"',
        {"status": 200, "http_x_forwarded_for": "10.0.0.1, 10.0.0.2"},
    ),
    (
        "$http_x_forwarded_for - $status",
        "10.0.0.1, 10.0.0.2 - 200",
        {"http_x_forwarded_for": "10.0.0.1, 10.0.0.2", "status": 200},
    ),
    (
        "$request $status",
        "GET / HTTP/1.0 200",
        {"request_method": "GET", "request_uri": "/", "server_protocol": "HTTP/1.0", "status": 200},
    ),
    ("$upstream_response_time $upstream_status", "0.25 200", {"upstream_response_time": 0.25, "upstream_status": 200}),
    ("$upstream_response_time $upstream_status", "- -", {}),
    (
        "$upstream_addr $upstream_response_time $upstream_status end",
        "10.0.0.1:80, unix:/run/a.sock : [::1]:81 0.1, - : 0.3 502, 504 : 200 end",
        {
            "upstream_addr": ["10.0.0.1:80", "unix:/run/a.sock", "[::1]:81"],
            "upstream_response_time": [0.1, 0.3],
            "upstream_status": [502, 504, 200],
        },
    ),
    (
        "$upstream_status;",
        "500, 501, 502, 503, 504, 505;",
        {"upstream_status": [500, 501, 502, 503], "upstream_status_rest": "504, 505"},
    ),
]


@pytest.mark.parametrize(("log_format", "text", "fields"), NGINX_FORMATS)
def test_formats_of_nginx(log_format: str, text: str, fields: dict[str, Any]) -> None:
    assert parser("nginx", log_format)(text)[0] == fields


APACHE_FORMATS = [
    (
        r"%v:%p %h %l %u %t \"%r\" %>s %O",
        'ex.org:443 ::1 - - [01/May/2024:12:00:00 +0200] "GET / HTTP/1.1" 200 5',
        {
            "server_name": "ex.org",
            "server_port": 443,
            "remote_addr": "::1",
            "remote_user": "-",
            "Timestamp": "01/May/2024:12:00:00 +0200",
            "request_method": "GET",
            "request_uri": "/",
            "server_protocol": "HTTP/1.1",
            "status": 200,
            "response_length": 5,
        },
    ),
    ("%l %u", "alice bob", {"remote_logname": "alice", "remote_user": "bob"}),
    ("%l %u", "- bob", {"remote_user": "bob"}),
    (
        "%{usec}t %D %k%%",
        "1714557600123456 1500 3%",
        {"Timestamp": "1714557600123456", "request_time": 1500, "connection_requests": 3},
    ),
    ("%{sec}t.%{msec_frac}t", "1714557600.123", {"Timestamp": "1714557600", "msec_frac": "123"}),
    ("[%{%Y-%m-%d %H:%M:%S}t] %s", "[2024-05-01 12:00:00] 200", {"time_local": "2024-05-01 12:00:00", "status": 200}),
    ("%{ms}T %X %{hextid}P", "12 + 7f01", {"request_time": 12, "connection_status": "+", "tid": "7f01"}),
    ("%U%q %m", "/a?b=1 GET", {"uri": "/a", "query_string": "?b=1", "request_method": "GET"}),
    ("%U%q %m", "/a GET", {"uri": "/a", "query_string": "", "request_method": "GET"}),
    (
        r"%!200,304{X-Forwarded-For}i\t%{Foo}C",
        "10.0.0.1\tbar",
        {"http_x_forwarded_for": "10.0.0.1", "cookie_Foo": "bar"},
    ),
    ("%B %I", "0 77", {"body_bytes_sent": 0, "request_length": 77}),
]


@pytest.mark.parametrize(("log_format", "text", "fields"), APACHE_FORMATS)
def test_formats_of_apache(log_format: str, text: str, fields: dict[str, Any]) -> None:
    assert parser("apache", log_format)(text)[0] == fields


@pytest.mark.parametrize(
    ("server", "log_format", "message"),
    [
        ("nginx", "just text", "no variable"),
        ("nginx", "$http_a$http_b", "there is no text between http_a and http_b"),
        ("nginx", "", "not a log format of nginx"),
        ("nginx", "$ x", "not a log format of nginx"),
        ("apache", "%Y", "unknown directive %Y"),
        ("apache", "%{x}z", "unknown directive %{x}z"),
    ],
)
def test_a_wrong_format_is_a_clear_error(server: str, log_format: str, message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        parser(server, log_format)


# ---- any field at all, in a line as the server escapes it

anything = st.text(st.characters(codec="latin-1"), max_size=12)


def nginx_escape(text: str) -> str:
    """As nginx's default: all control and high bytes, quotes and backslashes in hex."""
    return "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else f"\\x{ord(c):02X}" for c in text) or "-"


def apache_escape(text: str) -> str:
    protected = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return "".join(protected.get(c, c if 32 <= ord(c) < 127 else f"\\x{ord(c):02x}") for c in text) or "-"


@settings(max_examples=examples(150))
@given(anything, anything, anything, st.integers(100, 599), st.none() | st.integers(0, 10**12))
def test_any_text_between_quotes_comes_back(req: str, ref: str, agent: str, status: int, size: int | None) -> None:
    for parse, escape in ((NGINX, nginx_escape), (APACHE, apache_escape)):
        written = [escape(text) for text in (req, ref, agent)]
        text = line(
            addr="::1",
            request=written[0],
            status=str(status),
            size="-" if size is None else str(size),
            referer=written[1],
            agent=written[2],
        )

        found, _ = parse(text)

        request = " ".join(found[k] for k in ("request_method", "request_uri", "server_protocol") if k in found)
        assert [found.get("request", request), found["http_referer"], found["http_user_agent"]] == written
        assert (found["status"], found.get("body_bytes_sent")) == (status, size)


# ---- the tables of Heka


def table(server: str, log_format: str, text: str) -> Any:
    grammar = CLF[f"build_{server}_grammar".encode()](log_format.encode())
    return to_python(grammar.match(grammar, text.encode()))


def test_the_table_form_gives_what_heka_gave() -> None:
    fields = table("nginx", "combined", line())

    assert fields == {
        "remote_addr": {"value": b"192.0.2.7", "representation": b"ipv4"},
        "remote_user": b"bob",
        "time": 1714557600e9,
        "request": b"GET /a?b=1 HTTP/1.1",
        "status": 200,
        "body_bytes_sent": {"value": 512, "representation": b"B"},
        "http_referer": b"-",
        "http_user_agent": UA.encode(),
    }


@pytest.mark.parametrize(
    ("server", "log_format", "text", "fields"),
    [
        (
            "nginx",
            "$host $msec",
            "ex.org 1.5",
            {"host": {"value": b"ex.org", "representation": b"hostname"}, "time": 1.5e9},
        ),
        ("nginx", "$upstream_status", "502, 200", {"upstream_status": [502, 200]}),
        (
            "nginx",
            "$upstream_response_time",
            "0.1, -",
            {"upstream_response_time": {"value": [0.1, 0], "representation": b"s"}},
        ),
        (
            "apache",
            "%b %t",
            "- [01/May/2024:12:00:00 +0200]",
            {"body_bytes_sent": {"value": 0, "representation": b"B"}, "time": 1714557600e9},
        ),
        ("apache", "%{msec}t", "1714557600123", {"time": 1714557600123e6}),
        ("apache", "%{%d.%m.%Y}t", "01.05.2024", {"time": 1714521600e9}),
        ("apache", "%{usec_frac}t %{hextid}P", "010000 63", {"sec_frac": 0.01, "tid": 99}),
        ("apache", '"%{User-agent}i"', r'"a \"b\""', {"http_user_agent": rb"a \"b\""}),
        ("apache", "%{Referer}i -> %U", "- -> /", {"http_referer": b"-", "uri": b"/"}),
    ],
)
def test_variables_of_the_table_form(server: str, log_format: str, text: str, fields: dict[str, Any]) -> None:
    assert table(server, log_format, text) == fields


def test_an_error_log_line_becomes_a_message() -> None:
    text = b"2024/05/01 12:00:00 [error] 12#34: *56 open() failed"

    grammar = CLF[b"nginx_error_grammar"]

    assert to_python(grammar.match(grammar, text)) == {
        "Timestamp": 1714564800e9,
        "Severity": 3,
        "Pid": 12,
        "Fields": {"tid": 34, "connection": 56},
        "Payload": b"open() failed",
    }


@pytest.mark.parametrize(
    ("agent", "facts"),
    [
        (UA, (b"Firefox", 115, b"Linux")),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36",
            (b"Chrome", 124, b"Windows 10"),
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/123.0 Safari/537.36 Edg/123.0.0.0", (b"Edge", 123, b"Windows 10")),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605 Version/17.4 Safari/605", (b"Safari", 17, b"Macintosh")),
        ("curl/7.88.1", (None, None, None)),
    ],
)
def test_user_agents(agent: str, facts: tuple[Any, ...]) -> None:
    assert CLF[b"normalize_user_agent"](agent.encode()) == facts


def test_it_runs_in_stock_lua() -> None:
    script = f"""
        package.path = "{STDLIB}/?.lua;{HERE}/?.lua;" .. package.path
        local clf, declared = require "common_log_format", require "declared"
        local parse = declared {{alternatives = clf.nginx_items "combined"}}
        assert(#parse [=[{line()}]=] == 10)
        assert(clf.build_apache_grammar("%h %t"):match("::1 [01/May/2024:12:00:00 +0200]").time == 1714557600e9)
    """
    ran = subprocess.run(["lua5.1", "-e", script], capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
