"""Enter at the prompt: it ends complete input and continues incomplete input."""

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
def test_enter_continues_incomplete_lua(code, expected):
    assert is_open(code) is expected
