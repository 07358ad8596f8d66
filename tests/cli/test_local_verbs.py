"""The verbs that need no running host: new, cat, files, doctor, completion."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import hekate
from tests.running import ROOT, Bench, to_json, to_text, until

LINES = """192.0.2.7 - bob [01/May/2024:12:00:00 +0200] "GET /a HTTP/1.1" 502 512 "-" "curl/7.88.1"
192.0.2.7 - - [01/May/2024:12:00:01 +0200] "GET /b HTTP/1.1" 200 17 "-" "curl/7.88.1"
no access log
"""


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_what_new_writes_passes_its_own_cases(tmp_path):
    for kind in ("decoder", "filter", "encoder", "config"):
        result = hekate("new", kind, f"my_{kind}", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "Try it: hekate " in result.stdout

    assert hekate("new", "config", "my_config", cwd=tmp_path).returncode == 73
    shadows = hekate("new", "decoder", "json", "--sandbox-dir", "other", cwd=tmp_path).stdout
    assert "It goes before the decoder `json` that comes with Hekate." in shadows
    assert hekate("new", "filter", "Not-a-name", cwd=tmp_path).returncode == 64
    result = hekate("test", "--format", "json", "plugins", "my_config.yaml", cwd=tmp_path)
    assert json.loads(result.stdout)["passed"] == 4, result.stdout
    assert result.returncode == 0
    assert hekate("graph", "my_config.yaml", cwd=tmp_path).returncode == 0, "what is suspicious is no good beginning"


def test_cat_shows_logs_frames_and_dead_letters(bench):
    log = bench.write("access.log", LINES)
    match = ["--decoder", "nginx_access", "--match", "Fields[status] >= 500"]

    text = hekate("cat", log, *match)
    assert text.returncode == 65
    assert hekate("cat", log, *match, "--allow-failures").returncode == 0
    assert "    status: 502\n" in text.stdout
    assert "/b" not in text.stdout
    assert "1 record was not decoded: nginx_access" in text.stderr
    (line,) = hekate("cat", log, *match, "--to", "json").stdout.splitlines()
    assert json.loads(line)["remote_user"] == "bob"

    command = [sys.executable, "-m", "host", "cat", log, "--decoder", "nginx_access", "--to", "protobuf"]
    framed = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).stdout
    frames = [bench.write("frames.pb", framed), bench.write("frames.pb.gz", gzip.compress(framed))]
    counts = hekate("cat", *frames, log, "--to", "counts", "--match", "TRUE").stdout
    assert counts.split() == ["Type", "messages", "nginx.access", "4", "(none)", "3", "all", "7"]
    by = hekate("cat", log, "--decoder", "nginx_access", "--by", "Fields[status]", "--by", "Logger")
    assert sorted(by.stdout.splitlines()) == [
        "200             nginx_access         1",
        "502             nginx_access         1",
        "Fields[status]  Logger        messages",
        "all                                  2",
    ]
    assert hekate("cat", log, "--by", "status", "--to", "packs").returncode == 64
    counted = hekate("cat", log, "--decoder", "nginx_access", "--by", "status", "--to", "json").stdout
    assert {"by": {"status": 502}, "messages": 1} in [json.loads(line) for line in counted.splitlines()]

    not_one = hekate("cat", log, "--decoder", "glog")
    assert not_one.returncode == 65
    assert "Not one record was decoded: is the decoder (glog) the right one?" in not_one.stderr

    letter = (
        '{"time":"2024-05-01T12:00:00.000000Z","component":"access","reason":"bad","record":"no \\u001b[31mred log"}\n'
    )
    # The first was taken out: dropped, or replayed.
    shown = hekate("cat", bench.write("00000001.jsonl", f"-{letter[1:]}{letter}"))
    assert shown.stdout.startswith("2024-05-01T12:00:00Z json\n")
    assert shown.stdout.count("    reason: bad\n") == 1
    assert "    record: no \\x1b[31mred log\n" in shown.stdout, "a terminal does not obey what stands in a log"
    assert shown.stderr == ""
    missing = hekate("cat", bench.path("nothing.log"))
    assert (missing.returncode, "nothing.log: No such file or directory." in missing.stderr) == (66, True)
    twice = hekate("cat", "-", "-", input="one\n")
    assert (twice.returncode, twice.stdout.count("one\n")) == (0, 1), "the standard input is at its end the second time"
    (bench.folder / "wide.log").write_text("one\n", encoding="utf-16")
    assert "It is UTF-16, and decoders read UTF-8." in hekate("cat", bench.path("wide.log")).stderr
    with (bench.folder / "wide.log").open("rb") as wide:
        whole = hekate("cat", "-", stdin=wide)
        wide.seek(0)
        with subprocess.Popen(["cat"], stdin=wide, stdout=subprocess.PIPE) as pipe:
            as_it_comes = hekate("cat", "-", stdin=pipe.stdout)
    for result in (whole, as_it_comes):
        assert result.stderr.startswith("standard input: It is UTF-16")
        assert "`iconv -f UTF-16 -t UTF-8`." in result.stderr


def test_cat_knows_the_decoders_that_lie_where_new_ones_are_put(bench):
    log = bench.write("access.log", "one\n")
    bench.plugin("decoder", "mine", "function process_message() write_message('Type', 'mine') return 0 end")
    broken = bench.plugin("decoder", "broken", "this is no Lua")
    result = hekate("cat", log, "--decoder", "mine", "--to", "counts", cwd=bench.folder)
    assert result.stdout.split()[-4:] == ["mine", "1", "all", "1"], result.stderr
    result = hekate("cat", log, "--decoder", "broken", cwd=bench.folder)
    assert result.returncode == 64
    assert f"{broken.name}:" in result.stderr
    assert "mine" in hekate("list", "decoders", cwd=bench.folder).stdout


@pytest.mark.slow
def test_cat_reads_one_file_after_the_other_until_nobody_reads_what_it_writes(bench):
    logs = [bench.write(name, f"{name}\n" * 5_000) for name in ("b.log", "a.log")]
    out = hekate("cat", *logs, "--to", "json").stdout.splitlines()
    assert [json.loads(line)["Payload"] for line in out] == ["b.log"] * 5_000 + ["a.log"] * 5_000

    for to in ("json", "text"):
        command = f"{sys.executable} -m host cat {logs[0]} --to {to} | head -1"
        piped = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
        result = subprocess.run(piped, capture_output=True, cwd=ROOT, timeout=60, text=True)
        assert (result.returncode, result.stderr) == (141, "")
        assert len(result.stdout.splitlines()) == 1

    for options, said in (
        (["--decoder", "jsn"], "Error: --decoder: There is no decoder `jsn`. Did you mean `json`?"),
        (["--decoder", "nginx_access", "--config", "sep=;"], "Error: --config sep: There is no option `sep` here."),
        (["--match", "Type ="], "Error: --match: The matcher is not valid"),
    ):
        result = hekate("cat", logs[0], *options)
        assert result.returncode == 64
        assert said in result.stderr


@pytest.mark.slow
def test_packs_in_files_say_what_their_logs_say(bench):
    log = bench.write("access.log", LINES * 2_000)
    decoder = ["--decoder", "nginx_access"]
    as_json = [sys.executable, "-m", "host", "cat", "--to", "json"]

    def written(*arguments):
        command = [sys.executable, "-m", "host", "cat", *arguments, "--to", "packs"]
        return subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).stdout

    packs = bench.write("access.packs", written(log, *decoder))
    from_log, from_packs = (subprocess.run([*as_json, *some], capture_output=True, cwd=ROOT, timeout=60).stdout
                            for some in ([log, *decoder], [packs]))  # fmt: skip
    assert from_packs == from_log
    assert from_log.count(b"\n") == 4_000
    assert bench.read("access.packs") == written(packs)
    counts = hekate("cat", packs, log, "--match", "Fields[status] == 502 || Type == ''", "--to", "counts").stdout
    assert counts.split() == ["Type", "messages", "(none)", "6000", "nginx.access", "2000", "all", "8000"]

    cut_short = bench.write("cut.packs", bench.read("access.packs")[:-1])
    assert "cut.packs is cut short in the pack at byte 8" in hekate("cat", cut_short).stderr
    for options in (["--to", "packs", "--match", "Severity < 4"], ["--to", "packs", "--follow"], ["--follow"]):
        assert hekate("cat", packs, *options).returncode == 64


def test_cat_shows_what_grows_until_it_is_interrupted(bench):
    log = bench.write("a.log", "one\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    processes = []
    for name, arguments in (("file", [log, "--follow", "--to", "json"]), ("pipe", ["-"])):
        with (bench.folder / name).open("wb") as out:
            command = [sys.executable, "-m", "host", "cat", *arguments]
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, env=environment))
    file, pipe = processes
    pipe.stdin.write(b"one\n")
    pipe.stdin.flush()
    for name in ("file", "pipe"):
        until(lambda name=name: b"one" in bench.read(name), "the first line")
    with (bench.folder / "a.log").open("a") as growing:
        growing.write("two\n")
    pipe.stdin.write(b"two\n")
    pipe.stdin.flush()
    for name in ("file", "pipe"):
        until(lambda name=name: b"two" in bench.read(name), "what was appended")
    file.send_signal(signal.SIGINT)
    pipe.send_signal(signal.SIGTERM)

    assert file.wait(20) == 0
    assert pipe.wait(20) == 143
    file.stdin.close()
    pipe.stdin.close()


def test_files_says_what_is_read_and_where_it_goes_on(bench):
    log = bench.write("a.log", "one\ntwo\n")
    config = {
        "inputs": {"a": {"type": "file", "path": bench.path("*.log"), "decoder": "payload"}},
        "outputs": {"all": to_json(bench.path("out.jsonl"))},
    }
    host = bench.start(config).ready()
    until(lambda: len(bench.read("out.jsonl").splitlines()) == 2, "the lines")
    host.terminate()
    bench.write("b.log", "three\n")

    rows = json.loads(hekate("files", host.config_path, "--format", "json").stdout)
    assert [(row["path"], row["resume_at"], row["status"]) for row in rows] == [
        (log, 8, "resumed"),
        (bench.path("b.log"), 0, "read from the beginning"),
    ]
    assert "resumed" in hekate("files", host.config_path).stdout


def test_completion_completes_verbs():
    for shell in ("bash", "zsh", "fish"):
        assert "_HEKATE_COMPLETE" in hekate("completion", shell).stdout
    environment = {"_HEKATE_COMPLETE": "bash_complete", "COMP_WORDS": "hekate dead", "COMP_CWORD": "1"}
    assert hekate(env=environment).stdout.strip() == "plain,deadletters"


@pytest.mark.parametrize(
    ("start_at", "keep_position", "change"),
    [("end", False, "append"), ("end", True, "append"), ("end", True, "truncate"), ("beginning", True, "replace")],
)
def test_files_and_run_once_begin_at_the_same_place(bench, start_at, keep_position, change):
    log = Path(bench.write("app.log", "".join(f"line {number}\n" for number in range(100))))
    config = {
        "inputs": {"app": {"type": "file", "path": str(log), "start_at": start_at, "keep_position": keep_position}},
        "outputs": {"all": to_text(bench.path("out"))},
    }
    bench.once(config)
    if change == "append":
        with log.open("a") as file:
            file.write("more\n" * 10)
    elif change == "truncate":
        log.write_text("other\n" * 10)
    elif change == "replace":
        log.rename(bench.path("old.log"))
        log.write_text("other\n" * 200)
    already = len(bench.lines("out"))
    (plan,) = json.loads(hekate("files", "--once", "--format", "json", bench.folder / "hekate.yaml").stdout)
    bench.once(config)

    read = b"".join(line + b"\n" for line in bench.lines("out")[already:])
    assert len(read) == plan["size"] - plan["resume_at"], plan
