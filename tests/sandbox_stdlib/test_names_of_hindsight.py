"""Modules are found under the names that scripts for Heka and for Hindsight use."""

import pytest

from tests.lua_runtime import STDLIB, new_runtime

RUNTIME = new_runtime(STDLIB)
SAME = RUNTIME.eval(b"function(a, b) return rawequal(require(a), require(b)) end")


@pytest.mark.parametrize("name", ["date_time", "ip_address", "common_log_format", "syslog", "logfmt"])
def test_both_names_are_one_module(name: str) -> None:
    assert SAME(f"lpeg.{name}".encode(), name.encode())
