"""What goes wrong on a command line: its exit status, and that it says what, where and what to do; no traceback."""

import os
import subprocess
import sys

import pytest

from tests.cli.many import many
from tests.running import ROOT

OK = """inputs: {a: {type: generate, lines: [x], decoder: payload}}
outputs: {o: {type: 'null', message_matcher: 'TRUE', encoder: payload}}
"""
BINARY = bytes(range(256)) * 8
NOWHERE = "No host answers at "

# arguments, exit status, what it says on stderr
FAULTS = [
    *(
        ([verb, *place], 78, said)
        for verb in ("validate", "graph", "files")
        for place, said in [
            (["gone.yaml"], "gone.yaml: Cannot read the configuration: No such file"),
            (["folder"], "folder: There is no *.yaml file in this directory."),
            (["binary.yaml"], "binary.yaml: The configuration is not UTF-8 text."),
            (["ok.yaml/x"], "ok.yaml/x: Cannot read the configuration: Not a directory."),
        ]
    ),
    (["test", "gone.lua"], 64, "Path 'gone.lua' does not exist"),
    (["test", "folder"], 66, ""),
    (["test", "binary.lua"], 78, "binary.lua:1: Not a plugin"),
    (["test", "binary.yaml"], 78, "binary.yaml: The configuration is not UTF-8 text."),
    (["test", "--watch", "gone.lua"], 64, "does not exist"),
    (["new", "filter", "x", "--sandbox-dir", "ok.yaml"], 64, "is a file"),
    (["new", "filter", "x", "--sandbox-dir", "/proc/nowhere"], 73, "Error: cannot write /proc/nowhere/filters/x.lua: "),
    (["new", "config", "../x"], 64, "NAME consists of lower-case letters"),
    (["new", "config", "ok"], 73, "ok.yaml is there already; nothing was written."),
    (["list", "--sandbox-dir", "gone"], 64, "Directory 'gone' does not exist"),
    (["sandbox", "list"], 69, NOWHERE + "http://127.0.0.1:1: Connection refused. Is it running"),
    (["sandbox", "lst"], 64, "There is no command `sandbox lst`. Did you mean `list`?"),
    (["deadletters", "x"], 64, "There is no command `deadletters x`. Known: drop, list, replay, show."),
    (["sandbox", "load", "gone.lua"], 64, "File 'gone.lua' does not exist"),
    (["sandbox", "load", "folder"], 64, "File 'folder' is a directory"),
    (["sandbox", "show"], 64, "Missing argument 'NAME'"),
    (["top", "--api", "127.0.0.1:1"], 69, NOWHERE + "127.0.0.1:1: Connection refused."),
    (["top", "--api", "http://nowhere.invalid"], 69, NOWHERE + "http://nowhere.invalid: "),
    (["top", "--api", "ftp://x"], 69, "it is no http or https URL. Is it"),
    (["top", "--api", "http://[x"], 69, NOWHERE),
    (["top", "--api", "http://x:99999"], 69, NOWHERE),
    (["tap", "--api", "./ok.yaml"], 69, NOWHERE + "./ok.yaml: Connection refused."),
    (["tap", "--token-file", "gone"], 77, "Cannot read the token in gone: No such file or directory."),
    (["tap", "--token-file", "binary.yaml"], 77, "Cannot read the token in binary.yaml: it is no text."),
    (["tap", "--token-file", "ok.yaml"], 77, "The token is no line of ASCII text"),
    (["tap", "--token-file", "folder"], 64, "File 'folder' is a directory"),
    (["deadletters", "list", "--limit", "0"], 64, "0 is not in the range"),
    (["deadletters", "show", "../x"], 64, "`../x` is no dead letter; `hekate deadletters list` shows which there are."),
    (["deadletters", "drop"], 64, "Say which: `hekate deadletters drop ID...`"),
    (["inject", "here"], 64, "`here` is no place to send to: write tcp://host:port"),
    (["inject", "tcp://127.0.0.1:99999"], 64, "`127.0.0.1:99999` is no address"),
    (["inject", "tcp://127.0.0.1:1"], 69, "Nobody listens at tcp://127.0.0.1:1: "),
    (["inject", "tcp://127.0.0.1:1", "--field", "x"], 64, "--field takes NAME=VALUE, and not `x`."),
    (["inject", "unix:///nowhere"], 69, "Nobody listens at unix:///nowhere: "),
    (["flood", "tcp://"], 64, "is no address"),
    (["flood", "udp://nowhere.invalid:1"], 69, "Nobody listens at "),
    (["completion", "bsh"], 64, "there is no `bsh`. Did you mean `bash`?"),
    (["schema", "tests"], 64, "there is no `tests`. Known: cases, config."),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("faults")
    (made / "ok.yaml").write_text(OK)
    (made / "binary.yaml").write_bytes(BINARY)
    (made / "binary.lua").write_bytes(BINARY)
    (made / "folder").mkdir()
    return made


def test_every_fault_has_its_status_and_says_what_to_do(folder):
    answers = many([line for line, _, _ in FAULTS], folder, {"HEKATE_API": "http://127.0.0.1:1"})

    for (line, status, said), answer in zip(FAULTS, answers, strict=True):
        assert (answer.status, said in answer.err) == (status, True), (line, answer)
        assert "Traceback" not in answer.err, line
        assert "\x1b" not in answer.out + answer.err, line
        assert status == 66 or answer.out == "", line


def in_shell(text, folder):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HEKATE": f"{sys.executable} -m host"}
    command = ["bash", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=folder).stdout


@pytest.mark.slow
def test_streams_that_are_closed_or_full_are_no_crash(folder):
    said = in_shell(
        "$HEKATE list 2>&1 | head -1; echo ${PIPESTATUS[0]};"
        "$HEKATE schema 2>&1 >&-; echo $?;"
        "$HEKATE nonsense 2>&-; echo $?;"
        "$HEKATE list 2>&1 >/dev/full; echo $?;"
        "mkfifo gone; { read -r _ <gone; $HEKATE --help; } | { exec <&-; echo >gone; }; echo ${PIPESTATUS[0]};"
        "echo a | $HEKATE cat - | head -1 | cut -c 32-;"
        "echo a | $HEKATE cat - 2>&1 >/dev/full; echo $?;"
        "(ulimit -f 0; $HEKATE new filter none 2>&1 | cut -c 1-50); ls plugins/filters",
        folder,
    )

    full = ["Error: No space left on device.", "74"]
    assert said.splitlines() == ["inputs", "141", "0", "64", *full, "141", "(no Type)", *full,
                                 "Error: cannot write plugins/filters/none.lua: File"]  # fmt: skip
