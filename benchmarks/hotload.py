"""Measures the delay of a decoder edit under load, from the file's close to the first record."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus, hekate
from benchmarks.results import Row, Table
from benchmarks.workspace import PIPELINES, REPOSITORY

EDITS = 20
LIMIT_MS = 300.0
FEW_CASES = 3

_PATIENCE_S = 10.0
_POLL_S = 0.0002
_PAUSE_S = 0.1
_CASE = """- name: number {number}
  steps:
  - record: "{number}"
    messages: [{{Type: edited, Fields: {{version: {version}, n: {number}}}}}]
  - record: no number
    failure: no number
"""
_SCRIPT = """--[[
---
name: edited
kind: decoder
summary: What is edited while records flow through it.
{cases}---
--]]
function process_message()
  local n = tonumber(read_message "Payload")
  if not n then return -1, "no number" end
  write_message("Type", "edited")
  write_message("Fields[version]", {version})
  write_message("Fields[n]", n)
  return 0
end
"""


class Flow:
    """A running Hekate whose output has the decoder version of each record."""

    def __init__(self, script: Path, output: Path) -> None:
        self._script = script
        self._output = output
        self._at = 0

    def write(self, version: int, cases: int) -> int:
        """Write a version. Return the time at which the file was closed."""
        listed = "".join(_CASE.format(number=number, version=version) for number in range(cases))
        text = _SCRIPT.format(version=version, cases=f"cases:\n{listed}" if cases else "")
        self._script.write_text(text, encoding="utf-8")
        return time.monotonic_ns()

    def first_of(self, version: int) -> int:
        """Wait for the first record of a version. Return the time at which it could be read."""
        wanted = b"\n%d\n" % version
        deadline_s = time.monotonic() + _PATIENCE_S
        with self._output.open("rb") as file:
            tail = b"\n"
            file.seek(self._at)
            while wanted not in tail:
                data = file.read()
                tail = tail[-16:] + data
                if not data:
                    time.sleep(_POLL_S)
                    if time.monotonic() > deadline_s:
                        raise BenchmarkError(f"Version {version} did not take effect within {_PATIENCE_S:.0f} s.")
            now_ns = time.monotonic_ns()
            self._at = file.tell()
        return now_ns


@contextlib.contextmanager
def _flow(scratch: Path) -> Iterator[Flow]:
    folder = scratch / "hotload"
    shutil.rmtree(folder, ignore_errors=True)
    script, output, log = folder / "plugins" / "decoders" / "edited.lua", folder / "versions", folder / "log"
    script.parent.mkdir(parents=True)
    flow = Flow(script, output)
    flow.write(1, 0)
    paths = {"STATE_DIR": folder / "state", "SANDBOX_DIR": folder / "plugins", "OUTPUT": output}
    config = PIPELINES / "generate_edited_file" / "config.yaml"
    env = {name: str(path) for name, path in paths.items()}
    process = children.start(hekate("run", config), env, REPOSITORY, log)
    try:
        deadline_s = time.monotonic() + _PATIENCE_S
        while not output.exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise BenchmarkError(f"Hekate did not write its output.\n{children.last_lines(log)}")
            time.sleep(_POLL_S)
        flow.first_of(1)
        yield flow
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _edits(flow: Flow, first: int, cases: int) -> list[float]:
    """Return the delay of each edit in milliseconds."""
    taken_ms = []
    for version in range(first, first + EDITS):
        time.sleep(_PAUSE_S)
        closed_ns = flow.write(version, cases)
        taken_ms.append((flow.first_of(version) - closed_ns) / 1e6)
    return taken_ms


def table(_corpus: Corpus, scratch: Path) -> Table:
    """Measure edits of a decoder without cases and of one with a few."""
    rows = []
    with _flow(scratch) as flow:
        for what, cases in (("no cases", 0), (f"{FEW_CASES} cases of its own", FEW_CASES)):
            taken_ms = _edits(flow, 100 + 100 * cases, cases)
            slowest = max(taken_ms)
            rows.append(Row("edit", f"{what}, median", f"{median(taken_ms):.0f}", "", "", None))
            rows.append(Row("edit", f"{what}, slowest", f"{slowest:.0f}", "", f"{LIMIT_MS:.0f}", slowest <= LIMIT_MS))
    notes = [
        "From the close of a decoder's file until a record that the new version decoded can be read in the output.",
        f"{EDITS} edits each, at 20,000 records per second.",
    ]
    return Table("Hot loading", ("when", "what", "ms", "", "at most", ""), rows, notes)
