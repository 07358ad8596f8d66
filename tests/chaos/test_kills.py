"""kill -9 of the host and of everything it started, at random moments, with the input growing and being rotated.

At least once: when all is over, every record is in every output, whole; some may be there twice. And exactly once in
the state of filters that keep theirs.
"""

import contextlib
import os
import signal
from collections import Counter
from functools import partial
from random import Random

import orjson
import psutil
import pytest

from host.delivery import dead_letters
from tests.running import to_json, to_text, until

pytestmark = pytest.mark.slow

KILLS = 55
BROKEN_EVERY = 20
SEED = 20240501

ECHO = """
function process_message()
  inject_message {Type = "echo", Fields = {n = read_message("Fields[n]"), text = read_message("Fields[text]")}}
  return 0
end
"""
TALLY = """
count, sum, squares = 0, 0, 0
function process_message()
  local n = read_message("Fields[n]")
  count, sum, squares = count + 1, sum + n, squares + n * n
  return 0
end
function timer_event(ns, shutdown)
  if shutdown then inject_message {Type = "tally", Fields = {count = count, sum = sum, squares = squares}} end
end
"""
PLAIN = """
function process_message()
  add_to_payload(read_message("Fields[n]"), " ", read_message("Fields[text]"), "\\n")
  inject_payload()
  return 0
end
"""
TEXT = 'text "with" quotes, größe, \t and what else may be torn '


class Log:
    """A log file that a service writes and that is rotated."""

    def __init__(self, folder, random):
        self._folder = folder
        self._random = random
        self._rotations = 0
        self.path = folder / "in.log"
        self.path.touch()
        self.count = 0

    def _line(self, number):
        if number % BROKEN_EVERY == 0:
            return b"broken %d" % number
        return orjson.dumps({"n": number, "text": TEXT + str(number)})

    def fine(self):
        """How many records no decoder refuses."""
        return self.count - -(-self.count // BROKEN_EVERY)

    def write(self, count):
        """Write lines, cut wherever the service's buffer ends, with rotations between."""
        lines = [self._line(self.count + i) for i in range(count)]
        data = b"".join(line + b"\n" for line in lines)
        middle = self._random.randrange(len(data))
        with self.path.open("ab") as file:
            file.write(data[:middle])
            file.flush()
            if self._random.random() < 0.4:
                # The service goes on with its old file until it is told, as it does with logrotate.
                self._rotations += 1
                self.path.rename(self._folder / f"in.log.{self._rotations}")
            file.write(data[middle:])
        self.path.touch()
        self.count += count


def config(bench, log):
    return {
        "hekate": {"snapshot_interval_ms": 300},
        "inputs": {
            "in": {"type": "file", "path": f"{log.path}*", "decoder": "json", "decoders": 2, "pack_bytes": 131072}
        },
        "filters": {
            "echo": {"message_matcher": "Type == 'json'"},
            "tally": {"message_matcher": "Type == 'json'", "preserve_data": True},
            "tally_of_echo": {
                "type": "tally",
                "message_matcher": "Type == 'heka.sandbox.echo'",
                "preserve_data": True,
            },
        },
        "outputs": {
            "copy": to_json(bench.path("copy.jsonl"), "Type == 'json'"),
            "echo": to_json(bench.path("echo.jsonl"), "Type == 'heka.sandbox.echo'"),
            "plain": to_text(bench.path("plain.txt"), "Type == 'json'", encoder="plain"),
            "tallies": to_json(bench.path("tallies.jsonl"), "Type == 'heka.sandbox.tally'"),
        },
    }


class Output:
    """A file that an output writes, read as it grows. Every line must be a whole record."""

    def __init__(self, path):
        self.path = path
        self.seen = set()
        self._offset = 0

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def has_all(self, count):
        self._read()
        return len(self.seen) == count

    def _read(self):
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        for line in data.splitlines():
            number, text = self._parse(line)
            assert text == TEXT + str(number)
            self.seen.add(number)

    def _parse(self, line):
        if self.path.suffix == ".txt":
            number, text = line.decode().split(" ", 1)
            return int(number), text
        record = orjson.loads(line)
        return record["n"], record["text"]


def zygote(host):
    """The process that starts sandboxes, if it is there."""
    for child in psutil.Process(host.pid).children():
        with contextlib.suppress(psutil.Error):
            if "host.sandbox.zygote" in child.cmdline():
                return child.pid
    return None


def target(host, random):
    """A process to kill, and what it is."""
    kind = random.choices(["host", "zygote", "sandbox"], [0.15, 0.1, 0.75])[0]
    if kind == "host":
        return kind, host.pid
    if kind == "zygote":
        return kind, zygote(host)
    sandboxes = host.sandboxes()
    name = random.choice(sorted(sandboxes)) if sandboxes else ""
    return name, sandboxes.get(name)


def family(host):
    """All processes of a host."""
    with contextlib.suppress(psutil.Error):
        return [psutil.Process(host.pid), *psutil.Process(host.pid).children(recursive=True)]
    return []


def kill(host, random):
    """Kill one process, chosen at random; answers what it was."""
    name, pid = target(host, random)
    if pid is None:
        return None
    relatives = family(host) if name == "host" else []
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    if name == "host":
        host.process.wait()
        until(lambda: not any(process.is_running() for process in relatives), "the end of all its processes")
    return name


@pytest.mark.timeout(300)
def test_no_kill_at_any_moment_loses_or_tears_a_record(bench):
    random = Random(SEED)
    bench.plugin("filter", "echo", ECHO)
    bench.plugin("filter", "tally", TALLY, "message_matcher: 'FALSE'\n")
    bench.plugin("encoder", "plain", PLAIN)
    log = Log(bench.folder, random)
    outputs = [Output(bench.folder / name) for name in ("copy.jsonl", "echo.jsonl", "plain.txt")]
    host = bench.start(config(bench, log)).ready()
    killed = Counter()

    while killed.total() < KILLS:
        log.write(random.randrange(1000, 5000))
        _wait_for_progress(random.choice(outputs), random.choice([0, 1, random.randrange(400_000)]), log)
        name = kill(host, random)
        if name is not None:
            killed[name] += 1
        if name == "host":
            host = bench.start(config(bench, log))
            if random.random() < 0.8:
                host.ready()

    host.ready()
    for output in outputs:
        until(partial(output.has_all, log.fine()), f"all records in {output.path.name}", 100)
    assert host.terminate() == 0, host.log
    assert {"host", "zygote", "in-1", "in-2", "copy", "echo", "plain"} <= set(killed)
    for output in outputs:
        assert output.path.read_bytes().endswith(b"\n")
    refused = {letter.record for letter in dead_letters.read(bench.folder / "state")}
    assert refused == {b"broken %d" % n for n in range(0, log.count, BROKEN_EVERY)}
    fine = [n for n in range(log.count) if n % BROKEN_EVERY]
    exact = {"count": len(fine), "sum": sum(fine), "squares": sum(n * n for n in fine)}
    said = {member["Logger"]: member for member in bench.jsons("tallies.jsonl")}
    for name in ("tally", "tally_of_echo"):
        assert exact.items() <= said[name].items()


def _wait_for_progress(output, growth, log):
    """Wait until an output has grown so much, or has everything."""
    mark = output.size() + growth
    until(lambda: output.size() >= mark or output.has_all(log.fine()), "progress")
