"""The first session of a new user at a terminal: from a strange log to a decoder that a running host has loaded."""

import os
import sys

import pexpect
import pytest

from tests.running import ROOT, Bench, to_json, until

QUARRY = ROOT / "tests" / "data" / "quarry.log"
UP_TO_THE_END = "\x1b>"
NEW_LINE = "\x1b\r"


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def terminal(bench):
    """`hekate repl` at a terminal; what was seen there is kept beside it, for who wants to read the session."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "HOME": str(bench.folder),
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }  # fmt: skip
    with (bench.folder / "session.txt").open("w") as record:
        spawned = pexpect.spawn(
            sys.executable, ["-m", "host", "repl"], encoding="utf-8", env=environment, cwd=str(bench.folder),
            timeout=30, dimensions=(50, 160), logfile=record,
        )  # fmt: skip
        yield spawned
        spawned.close(force=True)


@pytest.mark.slow
def test_from_a_strange_log_to_a_decoder_that_is_hot_loaded(bench, terminal):
    bench.write("quarry.log", QUARRY.read_bytes())
    say = terminal.sendline
    terminal.expect("Ctrl-D exits")
    say(":infer quarry.log\r")
    terminal.expect("remote_addr.{1,60}10.20.0.14")
    terminal.expect("6 of the 6 examined lines")
    say(":coverage quarry.log\r")
    terminal.expect("100.0% of 6 lines parse")
    say(":save quarry\r")
    terminal.expect("Saved plugins/decoders/quarry.lua with 6 samples as cases")
    say(":cases\r")
    terminal.expect("ok.{1,20}samples of the session")

    config = {
        "inputs": {"quarry": {"type": "file", "path": bench.path("quarry.log"), "decoder": "quarry"}},
        "outputs": {"all": to_json("out.jsonl")},
    }
    host = bench.start(config).ready()
    until(lambda: len(bench.read("out.jsonl").splitlines()) == 6, "the decoded lines")
    assert bench.jsons("out.jsonl")[0]["took"] == 182

    terminal.send(":edit\r")
    terminal.expect("alternatives")
    terminal.send(UP_TO_THE_END + " oops = = 1\r")
    terminal.expect("unexpected symbol")
    terminal.expect("alternatives")
    terminal.expect("oops")  # the prompt has it again
    terminal.send("\x03")
    say(":save quarry --force\r")
    terminal.expect("Saved plugins")  # nothing was lost

    terminal.send(":edit\r")
    terminal.expect("alternatives")
    terminal.send(UP_TO_THE_END + NEW_LINE + 'function process_message() return -1, "no stone" end' + "\r")
    terminal.expect("sieve/1")
    say(":save quarry\r")
    terminal.expect("Saved plugins")
    host.saw("Loaded. unit=inputs.quarry")
    with (bench.folder / "quarry.log").open("a") as log:
        log.write("what is this?\n")
    until(
        lambda: any("no stone" in letter["reason"] for letter in bench.dead_letters()), "the reason of the new version"
    )
    say(":quit\r")
    terminal.expect(pexpect.EOF)
