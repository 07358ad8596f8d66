"""A start under bad conditions: outputs that cannot be opened yet, limits that are too low, paths that are no files."""

import os
import subprocess
import sys

import psutil
import pytest

from tests.running import ROOT, to_text, until

QUICKLY = {"max_attempts": 0, "delay_ms": 20, "max_delay_ms": 50}


def records(bench, name):
    return bench.read(name).count(b"\n")


def test_an_output_that_cannot_be_opened_is_retried_and_its_neighbour_runs(bench):
    bench.write("taken", "no folder yet")
    config = {
        "hekate": {},
        "inputs": {"in": {"type": "generate", "lines": ["x"], "count": 100}},
        "outputs": {
            "late": to_text(bench.path("taken/out.log"), retries=QUICKLY),
            "copy": to_text(bench.path("copy")),
        },
    }
    host = bench.start(config).ready()
    until(lambda: records(bench, "copy") == 100, "the healthy output's records")
    assert "outputs/late: Cannot open the output; the host runs, and tries again." in host.log
    assert "cannot write to" in host.log

    (bench.folder / "taken").unlink()
    until(lambda: records(bench, "taken/out.log") == 100, "the other output's records")

    host.saw("Opened the output.")
    assert host.terminate() == 0


def test_an_output_is_opened_also_while_it_has_nothing_to_deliver(bench):
    bench.write("taken", "no folder yet")
    config = {
        "hekate": {},
        "inputs": {"in": {"type": "file", "path": bench.write("in.log", b"")}},
        "outputs": {"late": to_text(bench.path("taken/out.log"), retries=QUICKLY)},
    }
    host = bench.start(config).ready()
    (bench.folder / "taken").unlink()
    host.saw("Opened the output.")
    assert host.terminate() == 0


def test_records_for_an_output_that_is_never_opened_become_dead_letters(bench):
    bench.write("taken", "no folder")
    retries = {"max_attempts": 3, "delay_ms": 20, "max_delay_ms": 20}
    config = {
        "inputs": {"in": {"type": "generate", "lines": ["x"], "count": 5}},
        "outputs": {"never": to_text(bench.path("taken/out.log"), retries=retries)},
    }
    host = bench.start(config).ready()
    until(lambda: len(bench.dead_letters()) == 5, "the dead letters")
    assert host.terminate() == 0
    assert all("given up after 3 attempts: outputs.never.path:" in each["reason"] for each in bench.dead_letters())


@pytest.mark.parametrize("how", ["exit", "once", "pipe"])
def test_an_output_that_must_be_open_ends_the_start(bench, how):
    bench.write("taken", "no folder")
    os.mkfifo(bench.path("pipe"))
    path = bench.path("pipe" if how == "pipe" else "taken/out.log")
    more = {"on_open_failure": "exit"} if how == "exit" else {}
    config = {
        "inputs": {"in": {"type": "generate", "lines": ["x"], "count": 1}},
        "outputs": {"o": to_text(path, **more)},
    }
    host = bench.start(config, *(["--once"] if how == "once" else []))
    assert host.wait() == os.EX_UNAVAILABLE
    assert "outputs.o.path: cannot write to" in host.log
    assert ("named pipe" in host.log) == (how == "pipe")


def test_a_named_pipe_as_input_is_explained(bench):
    os.mkfifo(bench.path("pipe"))
    config = {
        "inputs": {"in": {"type": "file", "path": bench.path("pipe")}},
        "outputs": {"o": to_text(bench.path("copy"))},
    }
    host = bench.start(config)
    assert host.wait() == os.EX_UNAVAILABLE
    assert "inputs.in.path" in host.log
    assert "pipe is a named pipe. The file input reads regular files only; use `type: stdin`" in host.log


@pytest.mark.parametrize(
    ("limit", "said"),
    [("-v 8000000", "The address space is limited to 7.6 GiB (ulimit -v)"), ("-n 50", "Only 50 file descriptors")],
)
def test_a_limit_that_is_too_low_is_named_with_what_is_needed(bench, limit, said):
    bench.write(
        "c.yaml",
        "inputs: {in: {type: generate, lines: [x], count: 1}}\noutputs: {o: {type: 'null', message_matcher: 'TRUE'}}\n",
    )
    command = f"ulimit {limit}; exec {sys.executable} -m host run --once c.yaml"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=bench.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == os.EX_UNAVAILABLE, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_soft_limit_of_descriptors_is_raised_as_far_as_may_be(bench):
    config = {
        "inputs": {"in": {"type": "generate", "lines": ["x"], "rate": 10}},
        "outputs": {"o": to_text(bench.path("copy"))},
    }
    host = bench.start(config).ready()
    soft, hard = psutil.Process(host.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft >= min(hard if hard > 0 else 1 << 20, 1 << 20)
