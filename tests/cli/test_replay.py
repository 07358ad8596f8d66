"""`hekate replay`: deterministic results in the time of the records."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import yaml

from tests.cli.test_cli import hekate
from tests.running import ROOT, Bench, to_json, until

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
COUNTER = """
local count, first = 0, nil
function process_message()
  first = first or read_message("Timestamp")
  count = count + 1
  return 0
end
function timer_event(ns, shutdown)
  inject_message {Type = "count", Timestamp = ns, Fields = {count = count, last = shutdown}}
  count = 0
end
"""
ECHO = """
local seen = 0
function process_message()
  seen = seen + 1
  inject_message {Type = "echo", Fields = {of = read_message "Fields[count]", seen = seen, now = os.time()}}
  return 0
end
"""


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def line(seconds, status=200):
    """Return a line of an access log, whose times are whole seconds."""
    moment = START + timedelta(seconds=seconds)
    return f'192.0.2.7 - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /a HTTP/1.1" {status} 17 "-" "curl/7.88.1"\n'


def write_config(bench, **more):
    """Write a configuration with a counter that ticks each minute and a filter that receives its counts."""
    bench.plugin("filter", "counter", COUNTER, "message_matcher: \"Type == 'nginx.access'\"\nticker_interval: 60\n")
    bench.plugin("filter", "echo", ECHO, 'message_matcher: "Type =~ /count$/"\n')
    config = {
        "hekate": {"sandbox_dir": bench.path("plugins"), "state_dir": bench.path("state"), "hostname": "here"},
        "inputs": {"access": {"type": "file", "path": bench.path("live/*.log"), "decoder": "nginx_access"}},
        "outputs": {
            "injected": to_json(bench.path("injected.jsonl"), "Type =~ /^heka.sandbox/"),
            "errors": to_json(bench.path("errors.jsonl"), "Fields[status] >= 500"),
        },
        **more,
    }
    return bench.write("replay.yaml", yaml.safe_dump(config))


def replay(config, *arguments, status=0, **options):
    result = hekate("replay", "--config", config, "--quiet", *arguments, **options)
    assert result.returncode == status, result.stderr
    return result.stdout


def test_results_do_not_depend_on_the_run_or_on_the_division_into_files(bench):
    config = write_config(bench)
    random = Random(7)
    times = sorted(random.choice([random.randrange(0, 900), 300, 360]) for _ in range(3000))
    lines = [line(seconds, 503 if number % 100 == 0 else 200) for number, seconds in enumerate(times)]
    whole = bench.write("whole.log", "".join(lines))
    # Records of the same time stay together, in the order of the files.
    files = [[], [], []]
    for number, seconds in zip(range(3000), times, strict=True):
        files[seconds * 7919 % 3].append(lines[number])
    for number, some in enumerate(files):
        with gzip.open(bench.path(f"part.{number}.gz"), "wt") as file:
            file.write("".join(some))

    once = replay(config, whole)

    messages = [json.loads(text.partition(": ")[2]) for text in once.splitlines()]
    ticks = [message for message in messages if message["Type"] == "heka.sandbox.count"]
    ends = [times[0] + 60 * number for number in range(1, 16)]
    ends = [end for end in ends if end <= times[-1]]
    expected = [sum(end - 60 <= seconds < end for seconds in times) for end in ends]
    assert [tick["count"] for tick in ticks] == [*expected, 3000 - sum(expected)]
    assert [tick["last"] for tick in ticks] == [False] * len(ends) + [True]
    assert [tick["Timestamp"] for tick in ticks[:-1]] == [
        f"{START + timedelta(seconds=end):%Y-%m-%dT%H:%M:%S}Z" for end in ends
    ]
    echoes = [message for message in messages if message["Type"] == "heka.sandbox.echo"]
    assert [(echo["of"], echo["seen"]) for echo in echoes] == [(t["count"], n) for n, t in enumerate(ticks, 1)]
    assert [echo["now"] for echo in echoes[:-1]] == [int(START.timestamp()) + end for end in ends]
    assert sum("errors: " in text for text in once.splitlines()) == 30

    assert replay(config, whole) == once
    assert replay(config, bench.path("part.*.gz")) == once
    assert not Path(bench.path("state")).exists()
    assert not Path(bench.path("injected.jsonl")).exists()


@pytest.mark.slow
def test_the_order_of_outputs_is_stable_and_the_slice_sets_the_order_of_files(bench):
    more = {
        name: to_json(bench.path(name), matcher)
        for name, matcher in [("a", "Fields[status] != NIL"), ("b", "Fields[status] == 200")]
    }
    config = write_config(bench, outputs=more)
    for number in range(2):
        lines = [line(2 * i + number, 200 if i % 3 else 500) for i in range(600)]
        bench.write(f"busy.{number}.log", "".join(lines))

    first, *others = [replay(config, bench.path("busy.*.log"), "--within", "600") for _ in range(3)]
    exact = replay(config, bench.path("busy.*.log"))

    assert all(other == first for other in others)
    assert first != exact
    assert sorted(first.splitlines()) == sorted(exact.splitlines())
    times = [json.loads(text[3:])["Timestamp"] for text in exact.splitlines() if text.startswith("a: ")]
    assert times == sorted(times)
    assert len(times) == 1200


def test_time_range_and_outputs_can_be_selected(bench):
    config = write_config(bench)
    log = bench.write("a.log", "".join(line(seconds, 500) for seconds in range(0, 6000, 5)))

    # The output exceeds a pipe's buffer, so the replay cannot finish before the reader has gone.
    piped = f"{sys.executable} -m host replay {log} --config {config} | head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", piped], capture_output=True, cwd=ROOT, timeout=60, text=True)
    assert (result.returncode, result.stderr) == (141, "")

    out = replay(
        config, log, "--since", "2024-05-01T12:01:00Z", "--until", "2024-05-01T12:02:00Z", "--output", "errors",
        "--format", "json",
    )  # fmt: skip

    shown = [json.loads(text) for text in out.splitlines()]
    assert {each["output"] for each in shown} == {"errors"}
    seconds = [datetime.fromisoformat(json.loads(each["record"])["Timestamp"]) - START for each in shown]
    assert [each.total_seconds() for each in seconds] == list(range(60, 121, 5))


@pytest.mark.slow
def test_a_replay_at_ten_times_the_speed_delivers(bench):
    config = write_config(bench)
    log = bench.write("a.log", "".join(line(seconds, 500) for seconds in range(6)))

    start_s = time.monotonic()
    result = hekate("replay", log, "--config", config, "--speed", "x10", "--deliver")

    assert time.monotonic() - start_s > 0.5
    assert result.returncode == 0, result.stderr
    assert "Replayed 2024-05-01T12:00:00.000Z to 2024-05-01T12:00:05.000Z: 5.0 s" in result.stderr
    assert [message["status"] for message in bench.jsons("errors.jsonl")] == [500] * 6
    assert [message.get("count") for message in bench.jsons("injected.jsonl")] == [6, None]


def test_ctrl_c_ends_a_slow_replay(bench):
    config = write_config(bench)
    log = bench.write("a.log", line(0, 500) + line(36_000, 500))
    command = [sys.executable, "-m", "host", "replay", log, "--config", config, "--speed", "1", "--deliver"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    until(lambda: bench.read("errors.jsonl").endswith(b"\n"), "the first record")

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 130
    assert b"access" in process.communicate()[1]


@pytest.mark.slow
def test_a_filter_that_dies_misses_no_later_records(bench):
    loops = "count = count + 1\n  while read_message 'Fields[status]' == 500 do end"
    mortal = COUNTER.replace("count = count + 1", loops)
    header = "message_matcher: \"Type == 'nginx.access'\"\nticker_interval: 60\nlimits: {cpu_limit: 20}\n"
    bench.plugin("filter", "mortal", mortal, header)
    config = write_config(bench)
    log = bench.write("a.log", "".join(line(seconds, 500 if seconds == 150 else 200) for seconds in range(0, 300, 10)))

    once = replay(config, log, "--output", "injected", status=65)

    ticks = [message for message in map(json.loads, once.splitlines()) if message["Logger"] == "mortal"]
    assert [tick["count"] for tick in ticks] == [6, 6, 5, 6, 6]  # without the record that killed it
    assert replay(config, log, "--output", "injected", status=65) == once


@pytest.mark.slow
def test_frames_and_packs_are_replayed_and_failed_records_and_unassigned_files_reported(bench):
    config = write_config(bench)
    bad = bench.write("bad.log", line(0, 500) + "no access log\n")
    result = hekate("replay", bad, "--config", config, "--format", "json")
    assert result.returncode == 65
    assert len(result.stdout.splitlines()) == 3
    report = result.stderr.splitlines()
    summary = next(json.loads(text) for text in report if text.startswith('{"records"'))
    assert (summary["records"], summary["dead_letters"], summary["outputs"]["errors"]) == (1, 1, 1)
    assert report[-1].startswith("access: 1 records failed: nginx_access: ")

    command = [sys.executable, "-m", "host", "cat", bad, "--decoder", "nginx_access", "--to", "protobuf"]
    frames = bench.write("frames", subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).stdout)
    command[-1] = "packs"
    packs = bench.write("packs", subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60).stdout)
    for messages in (frames, packs):
        assert '"status":500' in replay(config, messages, "--output", "errors")

    two = {"inputs": {"one": {"type": "stdin"}, "two": {"type": "file", "path": bench.path("b*.log")}}}
    config = write_config(bench, **two)
    plain = bench.write("plain.txt", "text\n")
    assert "Write NAME=" in hekate("replay", plain, "--config", config).stderr
    assert hekate("replay", plain, "--config", config).returncode == 69
    replay(config, f"one={plain}", bad, bench.write("bad.log.1", line(0)))
    assert "Did you mean `one`?" in hekate("replay", plain, "--config", config, "--input", "onne").stderr
    assert hekate("replay", bench.path("nothing"), "--config", config).returncode == 66
    assert hekate("replay", plain, "--config", config, "--speed", "fast").returncode == 64
    assert "Did you mean" in hekate("replay", plain, "--config", config, "--output", "eror").stderr


def test_the_year_comes_from_the_file_and_the_configuration_sees_hekate_replay(bench):
    syslog = {"type": "stdin", "decoder": "syslog", "logger": "syslog${HEKATE_REPLAY:-0}"}
    outputs = {"all": to_json(bench.path("all.jsonl"), "Logger =~ /^syslog/")}
    config = write_config(bench, inputs={"syslog": syslog}, outputs=outputs)
    log = bench.write("old.log", "<13>Mar  7 10:00:00 here app: text\n")
    os.utime(log, (datetime(2019, 6, 1, tzinfo=UTC).timestamp(),) * 2)

    (message,) = map(json.loads, replay(config, log).splitlines())

    assert message["Timestamp"].startswith("2019-03-07T10:00:00")
    assert message["Logger"] == "syslog1"


@pytest.mark.slow
def test_many_concurrent_files_do_not_starve_each_other(bench):
    config = write_config(bench, inputs={"in": {"type": "stdin", "decoder": "payload"}})
    logs = [bench.write(f"{number:02}.log", "1\n" * 75_000) for number in range(60)]

    result = hekate("replay", *logs, "--config", config, "--format", "json", "--output", "errors")

    summary = json.loads(result.stderr.splitlines()[-1])
    assert (summary["records"], result.returncode) == (60 * 75_000, 0)
