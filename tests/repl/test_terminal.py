"""The REPL at a terminal: completion, highlighting, a progress bar, and Ctrl-C."""

import os
import sys

import pexpect
import pytest

from tests.running import ROOT

CTRL_C = "\x03"
NEW_LINE = "\x1b\r"


@pytest.mark.slow
def test_completion_colours_and_interrupts(tmp_path):
    line = (
        b"2024-05-01T10:00:07Z INFO took 12 ms, and some more words to make the line a little longer than it would be\n"
    )
    (tmp_path / "long.log").write_bytes(line * 1_000_000)
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "HOME": str(tmp_path),
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }  # fmt: skip
    terminal = pexpect.spawn(
        sys.executable, ["-m", "host", "repl"], encoding="utf-8", env=environment, cwd=str(tmp_path), timeout=30,
        dimensions=(50, 160),
    )  # fmt: skip
    terminal.expect("Ctrl-D exits")
    terminal.send(":help date_time.rfc3339_full_d\t")
    terminal.expect("mate\x1b")
    terminal.send("\r")
    terminal.expect("its parts")
    terminal.send('x = require "common_log_format".apa\t')
    terminal.expect("mche_items\x1b")
    terminal.send("\r")
    terminal.send(":infer long.log\r")
    terminal.expect("\x1b\\[1;36m2024-05-01T10:00:07Z")
    terminal.expect("examined lines parse")
    terminal.send(":coverage long.log\r")
    terminal.expect("bytes.{1,400}/s")
    terminal.send(CTRL_C)
    terminal.expect("Interrupted. Samples and definitions are kept")
    terminal.send("while true do end\r")
    terminal.expect("cpu_limit")
    terminal.send(":match 2024-05-01T10:00:08Z WARN took 5 ms, x\r")
    terminal.expect("2004l.*2024-05-01T10:00:08Z")
    terminal.expect("2004h")  # the terminal handles Ctrl-D itself until the next prompt
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.slow
def test_a_dumb_terminal_is_sufficient(tmp_path):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "dumb", "HOME": str(tmp_path)}
    terminal = pexpect.spawn(
        sys.executable, ["-m", "host", "repl"], encoding="utf-8", env=environment, cwd=str(tmp_path), timeout=30
    )
    terminal.expect("hekate> ")
    terminal.send('"4" .. 5\r')
    terminal.expect('"45"')
    terminal.send(":quit\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
