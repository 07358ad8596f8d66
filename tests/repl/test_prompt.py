"""When Enter ends the input, and when it begins another line."""

import pytest

from host.repl.ui.prompt import is_open


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1", False),
        ("x =", True),
        ("function f()", True),
        ("function f() return 1 end", False),
        ("for i = 1, 2 do", True),
        ("if a then b() elseif c then d() end", False),
        ("repeat until x", False),
        ("f(", True),
        ('s = "function ("', False),
        ("s = [[ if", True),
        ("s = [==[ ]] ]==]", False),
        ("-- function", False),
        ("p = lpeg.P'(' *", True),
        ('{[["]]}', False),
    ],
)
def test_enter_knows_whether_lua_expects_more(code, expected):
    assert is_open(code) is expected
