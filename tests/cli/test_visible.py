"""What the verbs print cannot control the terminal, whoever wrote it."""

import pytest
from rich.text import Text

from host.cli.support import output
from host.cli.support.escape import visible, visible_lines

HOSTILE = "a\x1b[2J\x9b1A\r\x00\u202eb\u2066c\u061cd\u200ee"
FORBIDDEN = set("\x1b\x9b\r\x00\u202e\u2066\u061c\u200e")


def test_controls_and_marks_of_direction_become_visible():
    assert not set(visible(HOSTILE + "\n\u2028")) & (FORBIDDEN | set("\n\u2028"))
    assert visible("\u202e\n") == "\\u202e\\x0a"
    assert visible_lines("a\n\u2029b") == "a\n\\u2029b"
    assert visible("Grüße\t日本語 שלום") == "Grüße\t日本語 שלום"


@pytest.mark.parametrize("printed", [HOSTILE, Text(HOSTILE), Text("x").append(HOSTILE, style="red")], ids=range(3))
@pytest.mark.parametrize("stderr", [False, True])
def test_nothing_that_a_verb_prints_reaches_the_terminal_raw(capsys, monkeypatch, printed, stderr):
    monkeypatch.setenv("NO_COLOR", "1")

    output.console(stderr=stderr).print(printed)

    captured = capsys.readouterr()
    assert not set(captured.out + captured.err) & FORBIDDEN
    assert "\\u202eb" in captured.out + captured.err
