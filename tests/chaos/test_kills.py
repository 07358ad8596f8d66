"""kill -9 of the host and of everything it started, at random moments, while the input grows and is rotated.

At least once: at the end every record is in every output, whole; some may be there twice. That includes the messages
that a filter with preserved state injected. Exactly once: in the state of
filters that keep theirs. The report of the run shows the number of duplicates in each output.

docs/testing.md has the environment variables that set the number of kills, the seed, and the victims.
"""

import contextlib
import os
import queue
import signal
import threading
from collections import Counter
from functools import partial
from random import Random

import orjson
import psutil
import pytest

from host.delivery import dead_letters
from tests.running import to_json, to_text, until

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("HEKATE_TESTS_KILLS", "40"))
SEED = int(os.environ.get("HEKATE_TESTS_KILLS_SEED", "20240501"))
SHARES = {"host": 2, "all": 1, "zygote": 2, "sandbox": 15}
"""Of each 20 kills, the number by kind of victim; `all` is the host and all its processes at once."""
VICTIMS = os.environ.get("HEKATE_TESTS_KILLS_VICTIMS", ",".join(SHARES)).split(",")
SANDBOXES = {"in-1", "in-2", "echo", "kept_echo", "tally", "tally_of_ech", "copy", "plain", "tallies"}
"""As Linux names the processes: it cuts names."""
TIMEOUT_S = 100 + 4 * KILLS
BROKEN_EVERY = 20
CHUNK_PAUSE_S = 0.004

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
  count, sum, squares = count + 1, sum + n, (squares + n * n) % 1000003  -- exact as a double
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
OF_ECHO = "Type == 'heka.sandbox.echo'"
TEXT = 'text "with" quotes, größe, \t and what else may be torn '


class Log:
    """A log file that a service writes and that is rotated, in a thread of its own until it is stopped.

    Args:
        folder: The folder of the file.
        random: A generator that only this thread uses.
    """

    def __init__(self, folder, random):
        self._folder = folder
        self._random = random
        self._wanted = queue.SimpleQueue()
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rotations = 0
        self.path = folder / "in.log"
        self.path.touch()
        self.count = 0
        self._thread.start()

    def _line(self, number):
        if number % BROKEN_EVERY == 0:
            return b"broken %d" % number
        return orjson.dumps({"n": number, "text": TEXT + str(number)})

    def fine(self):
        """Return the number of records that the decoder accepts."""
        return self.count - -(-self.count // BROKEN_EVERY)

    def want(self, chunks):
        """Let the service write this many chunks more."""
        for _ in range(chunks):
            self._wanted.put(True)

    def stop(self):
        """Wait until everything wanted is written, and end the thread."""
        self._wanted.put(False)
        self._thread.join()

    def _run(self):
        while self._wanted.get():
            self._write(self._random.randrange(100, 500))
            self._pause.wait(CHUNK_PAUSE_S)

    def _write(self, count):
        """Write lines. The service's buffer ends anywhere in a line, and a rotation may come just then."""
        data = b"".join(self._line(self.count + i) + b"\n" for i in range(count))
        middle = self._random.randrange(len(data))
        with self.path.open("ab") as file:
            file.write(data[:middle])
            file.flush()
            if self._random.random() < 0.04:
                # As with logrotate, the service goes on with its old file until it is told.
                self.rotations += 1
                self.path.rename(self._folder / f"in.log.{self.rotations}")
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
            "kept_echo": {"type": "echo", "message_matcher": "Type == 'json'", "preserve_data": True},
            "tally": {"message_matcher": "Type == 'json'", "preserve_data": True},
            "tally_of_echo": {
                "type": "tally",
                "message_matcher": f"{OF_ECHO} && Logger == 'echo'",
                "preserve_data": True,
            },
        },
        "outputs": {
            "copy": to_json(bench.path("copy.jsonl"), "Type == 'json'"),
            "echo": to_json(bench.path("echo.jsonl"), f"{OF_ECHO} && Logger == 'echo'"),
            "kept_echo": to_json(bench.path("kept_echo.jsonl"), f"{OF_ECHO} && Logger == 'kept_echo'"),
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

    def duplicates(self):
        """Return the number of records that are there more than once. Reads the whole file again."""
        numbers = Counter(self._parse(line)[0] for line in self.path.read_bytes().splitlines())
        assert set(numbers) == self.seen
        return numbers.total() - len(numbers)

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


def family(host):
    """All processes of a host."""
    with contextlib.suppress(psutil.Error):
        return [psutil.Process(host.pid), *psutil.Process(host.pid).children(recursive=True)]
    return []


class Killer:
    """Kills processes of hosts, by the shares of SHARES and at random within them."""

    def __init__(self, random):
        self._random = random
        self._deck = []
        self.killed = Counter()
        """By kind of victim."""
        self.sandboxes = Counter()
        """By name."""

    def kill(self, host):
        """Kill the next victim, if it is there; return True if the host has ended."""
        if not self._deck:
            self._deck = [kind for kind in VICTIMS for _ in range(SHARES[kind])]
            self._random.shuffle(self._deck)
        kind = self._deck[-1]
        name, pids = self._processes(host, kind)
        relatives = family(host) if kind in {"host", "all"} else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if pids:
            self._deck.pop()
            self.killed[kind] += 1
            if kind == "sandbox":
                self.sandboxes[name] += 1
        if relatives:
            host.process.wait()
            until(lambda: not any(process.is_running() for process in relatives), "the end of all its processes")
        return bool(relatives)

    def _processes(self, host, kind):
        if kind == "host":
            return kind, [host.pid]
        if kind == "all":
            pids = [process.pid for process in family(host)]
            self._random.shuffle(pids)
            return kind, pids
        if kind == "zygote":
            return kind, [pid for pid in [zygote(host)] if pid is not None]
        running = host.sandboxes()
        # Half of them, those that were killed less often: so each has its turn soon.
        names = sorted(running, key=lambda name: (self.sandboxes[name], name))[: -(-len(running) // 2)]
        name = self._random.choice(names) if names else ""
        return name, [running[name]] if names else []


@pytest.mark.timeout(TIMEOUT_S)
def test_no_kill_at_any_moment_loses_or_tears_a_record(bench, record_property):
    assert set(VICTIMS) <= set(SHARES), f"HEKATE_TESTS_KILLS_VICTIMS takes a list of these: {','.join(SHARES)}"
    random = Random(SEED)
    bench.plugin("filter", "echo", ECHO)
    bench.plugin("filter", "tally", TALLY, "message_matcher: 'FALSE'\n")
    bench.plugin("encoder", "plain", PLAIN)
    log = Log(bench.folder, Random(SEED + 1))
    outputs = [Output(bench.folder / name) for name in ("copy.jsonl", "echo.jsonl", "kept_echo.jsonl", "plain.txt")]
    host = bench.start(config(bench, log)).ready()
    killer = Killer(random)

    while killer.killed.total() < KILLS:
        log.want(random.randrange(4, 18))
        _wait_for_progress(random.choice(outputs), random.choice([0, 1, random.randrange(400_000)]), log)
        if killer.kill(host):
            host = bench.start(config(bench, log))
            if random.random() < 0.8:
                host.ready()

    log.stop()
    host.ready()
    for output in outputs:
        until(partial(output.has_all, log.fine()), f"all records in {output.path.name}", 100)
    assert host.terminate() == 0, host.log
    record_property("records", log.count)
    record_property("rotations", log.rotations)
    record_property("kills", dict(killer.killed))
    record_property("duplicates", {output.path.name: output.duplicates() for output in outputs})
    for output in outputs:
        assert output.path.read_bytes().endswith(b"\n")
    refused = {letter.record for letter in dead_letters.read(bench.folder / "state")}
    assert refused == {b"broken %d" % n for n in range(0, log.count, BROKEN_EVERY)}
    fine = [n for n in range(log.count) if n % BROKEN_EVERY]
    exact = {"count": len(fine), "sum": sum(fine), "squares": sum(n * n for n in fine) % 1_000_003}
    said = {member["Logger"]: member for member in bench.jsons("tallies.jsonl")}
    for name in ("tally", "tally_of_echo"):
        assert exact.items() <= said[name].items()
    if killer.killed.total() >= 40:
        assert set(killer.killed) == set(VICTIMS)
        assert "sandbox" not in VICTIMS or set(killer.sandboxes) >= SANDBOXES


def _wait_for_progress(output, growth, log):
    """Wait until an output has grown so much, or has everything."""
    mark = output.size() + growth
    until(lambda: output.size() >= mark or output.has_all(log.fine()), "progress")
