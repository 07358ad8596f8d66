"""Grammars that are offered in both forms say the same in both: declared items, and tables."""

from typing import Any

import pytest

from tests.lua_runtime import KERNEL, ROOT, STDLIB, load_module, new_runtime, to_lua, to_python

RUNTIME = new_runtime(STDLIB, ROOT / "tests" / "sandbox_stdlib")
DECLARED = load_module(RUNTIME, "declared")
MAKE = RUNTIME.eval(b"function(declared, alternatives) return declared { alternatives = alternatives } end")

HAPROXY = (
    "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "
    '"GET /index.html HTTP/1.1"'
)
CLASSIC = (
    '2015-05-13T23:39:43Z lb 192.168.131.39:2817 - -1 -1 -1 503 0 0 0 "GET http://www.example.com:80/ HTTP/1.1" "-" - -'
)
CASES = [
    ("haproxy", "items", "grammar", HAPROXY),
    ("elb", "classic_items", "classic", CLASSIC),
    ("glog", "items", "grammar", "E20240501 12:00:00.500000    1234 server.go:95] listening"),
    ("statsd", "items", None, "api.time:320|ms|@0.1|#env:prod"),
]


@pytest.mark.parametrize(("module", "items", "grammar", "line"), CASES, ids=[case[0] for case in CASES])
def test_both_forms_agree(module: str, items: str, grammar: str | None, line: str) -> None:
    library = load_module(RUNTIME, module)
    found = MAKE(DECLARED, library[items.encode()]())(line.encode())
    assert found is not None, "the declared form does not match"
    fields: list[dict[str, Any]] = to_python(found[0])
    assert fields
    if grammar is None:
        return

    table = to_python(library[grammar.encode()].match(library[grammar.encode()], line.encode()))

    assert {field["name"].decode() for field in fields} == set(table)
    for field in fields:
        shown = table[field["name"].decode()]
        plain = shown["value"] if isinstance(shown, dict) else shown
        if not field["type"].startswith(b"timestamp"):
            assert plain == field["value"]


ITEMS = [
    ("common_log_format", "nginx_items", ["combined"]),
    ("common_log_format", "nginx_error_items", []),
    ("common_log_format", "apache_items", ["vhost_combined"]),
    ("csv", "items", [["a", "b"]]),
    ("elb", "alb_items", []),
    ("elb", "classic_items", []),
    ("glog", "items", []),
    ("haproxy", "items", []),
    ("postgresql", "items", ["%m [%p] %q%u@%d "]),
    ("statsd", "items", []),
    ("syslog", "items", []),
    ("syslog", "rsyslog_items", ["<%PRI%>%timestamp:::date-pgsql% %HOSTNAME% %syslogtag%%procid% %$x% %msg%"]),
    ("w3c", "items", ["iis"]),
    ("w3c", "cloudfront_items", []),
]


@pytest.mark.parametrize(("module", "function", "arguments"), ITEMS, ids=[f"{case[0]}.{case[1]}" for case in ITEMS])
def test_the_kernel_takes_all_declared_forms(module: str, function: str, arguments: list[Any]) -> None:
    runtime = new_runtime(*KERNEL, STDLIB)
    given = [to_lua(runtime, argument) for argument in arguments]
    items = load_module(runtime, module)[function.encode()](*given)
    compile_all = runtime.eval(
        b"function(items) return #require('declared').compile({ alternatives = items }, '\\n') end"
    )

    assert compile_all(items) == len(items)
