"""Modules are found under the names that scripts for Heka and for Hindsight use."""

import pytest

from tests.lua_runtime import STDLIB, new_runtime

RUNTIME = new_runtime(STDLIB)
SAME = RUNTIME.eval(b"function(a, b) return rawequal(require(a), require(b)) end")


LPEG_NAMES = [
    "cbufd",
    "common_log_format",
    "date_time",
    "escape_sequences",
    "ip_address",
    "logfmt",
    "mysql",
    "postfix",
    "printf",
    "syslog",
    "syslog_message",
    "uri",
]


@pytest.mark.parametrize("name", LPEG_NAMES)
def test_both_names_are_one_module(name: str) -> None:
    assert SAME(f"lpeg.{name}".encode(), name.encode())


@pytest.mark.parametrize("name", ["msg_interpolate", "util"])
def test_names_below_heka_are_the_same_modules(name: str) -> None:
    RUNTIME.execute(b"read_message = function() end")
    assert SAME(f"heka.{name}".encode(), name.encode())
