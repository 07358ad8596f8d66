"""The verbs that speak with a running host: sandbox, tap, top, deadletters; one host for all."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pexpect
import pytest

from host.cli.support.json_keys import SHAPES
from tests.cli.json_shapes import check_shape
from tests.cli.many import many
from tests.cli.test_cli import hekate
from tests.running import PLUGIN, ROOT, Bench

COUNTS = """
local n = 0
function process_message()
  n = n + 1
  if n == 1 then print("the first one") end
  return 0
end
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    made = Bench(tmp_path_factory.mktemp("verbs"))
    lines = ['{"n":{sequence},"status":500}', "oops {sequence}"]
    made.plugin("filter", "counts", COUNTS, "message_matcher: Fields[n] != NIL\n")
    config = {
        "admin": {
            "listen": "127.0.0.1:0",
            "socket": made.path("admin.sock"),
            "tokens": [{"name": "looks", "sha256": hashlib.sha256(b"viewer-token").hexdigest(), "role": "viewer"}],
        },
        "inputs": {
            "numbers": {"type": "generate", "lines": lines, "rate": 100, "decoder": "json"},
            "odd": {"type": "file", "path": made.write("odd.log", b"\x80 odd\n"), "decoder": "json"},
        },
        "outputs": {"all": {"type": "null", "message_matcher": "Fields[n] != NIL", "encoder": "json"}},
    }
    made.start(config).ready().saw("dead letters")
    yield made
    made.close()


@pytest.fixture
def ask(bench):
    """Run a verb; answers the document, or the text."""

    def ask(*arguments, status=0):
        result = hekate(*arguments, env={"HEKATE_API": bench.path("admin.sock")})
        assert result.returncode == status, result.stdout + result.stderr
        if "json" not in arguments:
            return result.stdout + result.stderr
        document = json.loads(result.stdout)
        verb = next((" ".join(arguments[:n]) for n in (2, 1) if " ".join(arguments[:n]) in SHAPES), None)
        if verb is not None and verb != "graph":  # without CONFIG it is that of the API
            check_shape(verb, document)
        return document

    return ask


@pytest.mark.slow
def test_sandboxes_are_loaded_looked_at_stopped_rolled_back_and_unloaded(bench, ask):
    assert "counts" in ask("sandbox", "list", "--kind", "filter")
    assert ask("sandbox", "show", "counts", "--format", "json")["state"] == "running"
    shown = ask("sandbox", "show", "counts")
    assert shown.startswith("filter counts: running, version 1, from ")
    assert re.search(
        r"\n    matcher: +Fields\[n\] != NIL\n    records: +[\d,]+ in, 0 out, 0 failed, 0 restarts\n    costs: ", shown
    )
    assert re.search(r"\nfilters.counts +\d+ +cpu_limit +milliseconds +\d+ +\d+ +100\n", shown)
    assert "the first one" in ask("sandbox", "logs", "counts")
    assert ask("graph", "--format", "json")["nodes"]
    assert "inputs.numbers  running\n  -> decoders.numbers  " in ask("graph")
    config = bench.folder / "hekate.yaml"
    as_it_runs = config.read_text()
    config.write_text("inputs: 5\n")
    drawn = ask("graph", "--format", "dot", status=1)
    assert '"inputs.numbers" -> "decoders.numbers"' in drawn
    assert "Warning: The files of the configuration are not valid" in drawn
    config.write_text(as_it_runs)
    for action, state in [("pause", "paused"), ("resume", "running"), ("stop", "stopped"), ("start", "running")]:
        assert f"counts is {state}." in ask("sandbox", action, "counts")
    ask("sandbox", "restart", "counts")
    assert "preserves nothing" in ask("sandbox", "state", "counts")

    header = "message_matcher: Fields[n] > 5\n"
    file = bench.write("other.lua", PLUGIN.format(kind="filter", name="other", code=COUNTS, header=header))
    assert "filter other: " in ask("sandbox", "load", file)
    bench.write("other.lua", PLUGIN.format(kind="filter", name="other", code=COUNTS + "x = 1", header=header))
    ask("sandbox", "load", file)
    versions = ask("sandbox", "rollback", "other", "--format", "json")
    assert len(versions) == 2
    ask("sandbox", "rollback", "other", 1)
    assert "`hekate sandbox rollback NAME` shows" in ask("sandbox", "rollback", "other", 99, status=1)
    bench.write("other.lua", "this is no Lua")
    refused = ask("sandbox", "load", file, "--kind", "filter", status=1)
    assert "other.lua:1" in refused
    assert ask("sandbox", "unload", "other", "--format", "json")["unloaded"] is True
    assert "other" not in ask("sandbox", "list", "--kind", "filter")


def test_a_script_that_fails_on_live_records_is_loaded_with_a_warning(bench, ask):
    header = "message_matcher: Fields[n] != NIL\n"
    code = 'function process_message() return -1, "not liked" end\n'
    file = bench.write("dislikes.lua", PLUGIN.format(kind="filter", name="dislikes", code=code, header=header))
    loaded = ask("sandbox", "load", file)
    assert re.search(r"^Warning: Its dry run fails at \d+ of \d+ records: .*not liked", loaded, re.MULTILINE)
    assert "filter dislikes: " in loaded

    likes = code.replace('-1, "not liked"', "0")
    bench.write("dislikes.lua", PLUGIN.format(kind="filter", name="dislikes", code=likes, header=header))
    assert "Warning" not in ask("sandbox", "load", file)
    ask("sandbox", "unload", "dislikes")


@pytest.mark.slow
def test_records_are_tapped_and_components_are_shown(ask):
    records = ask("tap", "decoders.numbers", "--match", "Fields[n] > 3", "--count", "1", "--format", "json")
    assert records["Type"] == "json"
    assert "n (integer)" in ask("tap", "--count", "1", "--match", "Fields[n] != NIL")
    assert "there is no" in ask("tap", "nowhere.x", status=1).lower()

    rows = ask("top", "--sort", "in", "--format", "json")
    assert {"inputs.numbers", "filters.counts", "outputs.all"} <= {row["id"] for row in rows}
    text = ask("top", "--filter", "outputs.")
    assert "outputs.all" in text
    assert "inputs.numbers" not in text


def test_top_obeys_keys_and_follows_the_size_of_the_terminal(bench):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1"}
    arguments = ["-m", "host", "top", "--api", bench.path("admin.sock"), "--interval", "0.2"]
    top = pexpect.spawn(
        sys.executable, arguments, env=environment, encoding="utf-8", dimensions=(30, 140), timeout=20
    )  # fmt: skip
    for keys, seen in [
        ("", r"ent ↑(?s:.)*█?░+ +\d+\.\d"),
        ("m", r"em% ↓"),
        ("r", r"em% ↑"),
        ("s", r"ent ↓"),
        ("?", r"sort by the next column"),
        ("?/outs\x7f", r"filter: .{0,6}out"),
        ("\r", r"only `out`(?s:.)*router(?s:.)*outputs\.all"),
        ("\x1b", r"inputs\.numbers"),
        (" ", r"PAUSED"),
        (" ", r"of 8 components  \d"),
    ]:
        top.send(keys)
        top.expect(seen)
    top.setwinsize(9, 80)
    top.expect("8 of 8 components, 1 to 3 shown")
    top.send("\x1b[F")
    top.expect("8 of 8 components, 6 to 8 shown")
    top.send("q")
    top.expect(pexpect.EOF)
    top.close()

    assert top.exitstatus == 0


@pytest.mark.slow
def test_dead_letters_are_listed_shown_replayed_and_dropped(ask):
    first = ask("deadletters", "list", "--component", "numbers", "--limit", "2", "--format", "json")[0]
    assert first["record"].startswith("oops")
    assert first["record"] in ask("deadletters", "show", first["id"])
    assert ask("deadletters", "replay", first["id"], "--format", "json") == {"done": [first["id"]], "failed": {}}
    ask("deadletters", "show", first["id"], status=1)
    assert f"{first['id']}: it is not there" in ask("deadletters", "drop", first["id"])
    assert "2 done" in ask("deadletters", "drop", "--component", "numbers", "--limit", "2")
    odd = ask("deadletters", "list", "--component", "odd")
    assert "\\x80 odd\n" in odd, "bytes that are no text"
    assert "record: \\x80 odd\n" in ask("deadletters", "show", odd.splitlines()[1].split()[0])
    assert "Say which" in ask("deadletters", "drop", status=64)


def test_what_a_host_refuses_is_explained(bench):
    (url,) = set(re.findall(r"address=(http://\S+)", bench.hosts[0].log))
    refused = [
        ([], {}, 77, "Give one with --token-file"),
        ([], {"HEKATE_TOKEN": "wrong-token"}, 77, "This token is not known. Give another with --token-file"),
    ]
    for more, environment, status, said in refused:
        result = hekate("sandbox", "list", *more, env={"HEKATE_API": url, **environment})
        assert (result.returncode, said in result.stderr) == (status, True), result
    as_viewer = [
        (["sandbox", "list"], 0, ""),
        (["sandbox", "restart", "counts"], 77, "This needs the role operator, and yours is viewer."),
        (["sandbox", "show", "nothing"], 1, "no sandbox `nothing`. `hekate sandbox list` shows which there are."),
        (["sandbox", "logs", "json"], 1, "called `json`: add `--kind decoder` or `--kind encoder`."),
        (["deadletters", "show", "9-9"], 1, "`hekate deadletters list` shows which there are."),
        (["tap", "--match", "Type =="], 1, "The matcher `Type ==` is not valid"),
        (["tap", "nowhere"], 1, "There is no point `nowhere`"),
    ]
    environment = {"HEKATE_API": url, "HEKATE_TOKEN": "viewer-token"}
    answers = many([line for line, _, _ in as_viewer], bench.folder, environment)
    for (line, status, said), answer in zip(as_viewer, answers, strict=True):
        assert (answer.status, said in answer.err) == (status, True), (line, answer)

    taps = [
        subprocess.Popen(
            [sys.executable, "-m", "host", "tap"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        )
        for _ in range(2)
    ]  # fmt: skip
    for tap, number in zip(taps, (signal.SIGINT, signal.SIGTERM), strict=True):
        assert tap.stdout.readline()
        tap.send_signal(number)
        _, complaint = tap.communicate(timeout=20)
        assert (tap.returncode, complaint.strip()) == (128 + number, b"")


COMPLETED = {
    "hekate dead": "hekate deadletters ",
    "hekate sandbox show co": "hekate sandbox show counts ",
    "hekate top --sort me": "hekate top --sort memory ",
    "hekate tap decoders.n": "hekate tap decoders.numbers ",
    "hekate validate onl": "hekate validate only.yaml ",
}


@pytest.fixture
def shell_environment(bench):
    """In which `hekate` is a command, and a host runs."""
    command = bench.folder / "bin" / "hekate"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m host "$@"\n')
    command.chmod(0o755)
    bench.write("only.yaml", "")
    path = f"{command.parent}:{os.environ['PATH']}"
    return {"PATH": path, "TERM": "dumb", "HOME": str(bench.folder), "HEKATE_API": bench.path("admin.sock"), "PS1": "$"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "begin"),
    [
        (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'"),
        (["zsh", "-f", "-i"], "unset zle_bracketed_paste; autoload -U compinit; compinit -u"),
    ],
    ids=["bash", "zsh"],
)
def test_a_shell_completes(bench, shell_environment, shell, begin):
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed: scripts/install_tests --slow")
    spawned = pexpect.spawn(
        shell[0], shell[1:], env=shell_environment, cwd=str(bench.folder), encoding="utf-8", timeout=20,
        dimensions=(30, 150),
    )  # fmt: skip
    spawned.sendline(f'{begin}; eval "$(hekate completion {shell[0]})"; echo rea""dy')
    spawned.expect("ready\r")
    for typed, completed in COMPLETED.items():
        spawned.send(f"{typed}\t")
        spawned.expect_exact(completed)
        spawned.send("\x15")
    spawned.close(force=True)


def test_fish_completes(bench, shell_environment):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed: scripts/install_tests")
    lines = "; ".join(f"complete -C '{typed}'" for typed in [*COMPLETED, "hekate graph"])
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"hekate completion fish | source; {lines}"], env=shell_environment,
        capture_output=True, text=True, timeout=60, cwd=bench.folder,
    )  # fmt: skip
    *found, graph = [line.partition("\t") for line in done.stdout.splitlines() if line]

    assert graph[2] == "Show the topology of a configuration, and warn of suspicious parts."
    assert [name for name, _, _ in found] == [completed.split()[-1] for completed in COMPLETED.values()], done.stderr


def test_a_host_that_is_not_there_is_said_so(tmp_path):
    result = hekate("top", "--api", tmp_path / "nothing.sock")

    assert result.returncode == 69
    assert "No host answers" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_tap_says_that_its_host_has_gone(tmp_path, end):
    bench = Bench(tmp_path)
    inputs = {"numbers": {"type": "generate", "lines": ["{sequence}"], "rate": 100}}
    host = bench.start(
        {"admin": {"listen": "127.0.0.1:0", "socket": bench.path("admin.sock")}, "inputs": inputs}
    ).ready()
    tap = subprocess.Popen(
        [sys.executable, "-m", "host", "tap", "--api", bench.path("admin.sock")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert tap.stdout.readline()
        host.signal(end)
        _, complaint = tap.communicate(timeout=20)
    finally:
        tap.kill()
        bench.close()
    assert tap.returncode == 69
    assert b"has gone" in complaint
