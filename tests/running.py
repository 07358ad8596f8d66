"""The real command in a process of its own, for tests that look at it from outside."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]

TAKEN_OUT = b"-"
"""What a dead letter begins with that was replayed or dropped."""

PLUGIN = """--[[
---
name: {name}
kind: {kind}
summary: A {kind} for the tests.
{header}---
--]]
{code}
"""


def until(condition, what, timeout_s=20.0):
    """Wait for something that another process brings about; answers what the condition answered."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline_s, f"waited in vain for: {what}"
        time.sleep(0.002)


def _whole_lines(data):
    """Without the last one, if it is being written."""
    return data.split(b"\n")[:-1]


@contextlib.contextmanager
def nobodys_address():
    """An address that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


class Host:
    """One `hekate run`, started."""

    def __init__(self, folder, config, *arguments, env=None, stdin=subprocess.DEVNULL, program=("host",)):
        self.folder = folder
        self.config_path = folder / "hekate.yaml"
        self.write_config(config)
        self.log_path = folder / "stderr.txt"
        self._from = self.log_path.stat().st_size if self.log_path.exists() else 0
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {})}
        with self.log_path.open("ab") as log, (folder / "stdout.txt").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, "run", *arguments, str(self.config_path)],
                stdin=stdin,
                stdout=out,
                stderr=log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )

    def write_config(self, config):
        text = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
        self.config_path.write_text(text)

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        """What this run has written to stderr so far."""
        with self.log_path.open("rb") as file:
            file.seek(self._from)
            return file.read().decode(errors="replace")

    def saw(self, text, timeout_s=20.0):
        """Wait until the log says something."""

        def said():
            assert text in self.log or self.process.poll() is None, f"ended without saying {text!r}: {self.log}"
            return text in self.log

        until(said, f"{text!r} in the log:\n{self.log}", timeout_s)

    def ready(self):
        self.saw("Running.")
        return self

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout_s=30.0):
        """The exit status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.log}") from None

    def terminate(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """End it at once, and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def sandboxes(self):
        """The processes that run Lua, by name: name -> pid. Not the match probe, which starts if one answers slowly."""
        found = {}
        with contextlib.suppress(psutil.Error, OSError):
            for child in psutil.Process(self.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    name = Path(f"/proc/{child.pid}/comm").read_text().strip()
                    if name.startswith("hk:") and name != "hk:match_probe":
                        found[name.removeprefix("hk:")] = child.pid
        return found

    def kill_sandbox(self, beginning):
        """Kill the process whose name begins so, and wait until it has gone: nobody takes it for the next one."""

        def found():
            return next((pid for name, pid in self.sandboxes().items() if name.startswith(beginning)), None)

        process = psutil.Process(until(found, beginning))
        process.kill()
        until(lambda: not process.is_running(), f"the end of {beginning}")


class _Known:
    """What was read of a file that grows."""

    def __init__(self):
        self.size = 0
        self.documents = []


class Bench:
    """A folder to run hosts in."""

    def __init__(self, folder):
        self.folder = folder
        self.hosts = []
        self._read = {}

    def start(self, config, *arguments, **options):
        """Start the command."""
        if isinstance(config, dict):
            config.setdefault("hekate", {}).setdefault("state_dir", str(self.folder / "state"))
            config["hekate"].setdefault("sandbox_dir", str(self.folder / "plugins"))
            (self.folder / "plugins").mkdir(exist_ok=True)
        host = Host(self.folder, config, *arguments, **options)
        self.hosts.append(host)
        return host

    def once(self, config, *arguments, status=0, **options):
        """Run the command to its end, which must be as expected."""
        host = self.start(config, "--once", *arguments, **options)
        assert host.wait(100) == status, host.log
        return host

    def write(self, name, data):
        """Write a file; text, bytes, or lines of bytes."""
        path = self.folder / name
        if isinstance(data, list):
            data = b"".join(line + b"\n" for line in data)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    def path(self, name):
        return str(self.folder / name)

    def read(self, name):
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def lines(self, name):
        """The lines of a file that nobody writes to any more; all must be whole."""
        data = self.read(name)
        assert not data or data.endswith(b"\n"), "the last line is torn"
        return data.split(b"\n")[:-1]

    def jsons(self, name):
        return [json.loads(line) for line in self.lines(name)]

    def jsons_so_far(self, name):
        """Those that are whole by now, of a file that is being written; what was read once is kept."""
        path = self.folder / name
        known = self._read.setdefault(name, _Known())
        if path.exists():
            with path.open("rb") as file:
                file.seek(known.size)
                lines = _whole_lines(file.read())
            known.documents += map(json.loads, lines)
            known.size += sum(len(line) + 1 for line in lines)
        return known.documents

    def plugin(self, kind, name, code, header=""):
        """Drop a plugin in."""
        path = self.folder / "plugins" / f"{kind}s" / f"{name}.lua"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLUGIN.format(kind=kind, name=name, code=code, header=header))
        return path

    def dead_letters(self):
        """What stands in the dead letters, oldest first."""
        folder = self.folder / "state" / "dead_letters"
        lines = [line for path in sorted(folder.glob("*.jsonl")) for line in _whole_lines(path.read_bytes())]
        return [json.loads(line) for line in lines if not line.startswith(TAKEN_OUT)]

    def close(self):
        for host in self.hosts:
            host.kill()


def to_json(path, matcher="TRUE", **more):
    """An output that writes JSON lines to a file."""
    return {"type": "file", "path": str(path), "message_matcher": matcher, "encoder": "json", **more}


def to_text(path, matcher="TRUE", **more):
    """An output that writes payloads to a file."""
    return {"type": "file", "path": str(path), "message_matcher": matcher, "encoder": "payload", **more}
