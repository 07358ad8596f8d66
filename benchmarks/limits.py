"""Measures the time from exceeding a limit to the termination report, for each limit in several ways."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import alone
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus
from benchmarks.results import Row, Table
from host.config.model import PluginKind
from host.core.errors import SandboxError
from host.sandbox import supervisor
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient

LIMIT_MS = 250.0
RUNS = 5
SIDE_BY_SIDE = 16
_POLL_S = 0.001
_PATIENCE_S = 60.0

Where = Literal["record", "timer_event", "load"]


class Case(NamedTuple):
    limit: str
    what: str
    code: str
    where: Where = "record"


CASES = [
    Case("cpu_limit", "a compiled loop", "while true do end"),
    Case("cpu_limit", "pcall round pcall", "while true do pcall(pcall, function() while true do end end) end"),
    Case("cpu_limit", "one lpeg.match", "require('lpeg').match(grammar, ('a'):rep(100))"),
    Case("cpu_limit", "one string.find", "assert(('a'):rep(5000):find('.-.-.-.-.-b'))"),
    Case("cpu_limit", "string.rep, again and again", "while true do local s = ('x'):rep(100000) .. 'y' end"),
    Case("cpu_limit", "timer_event", "while true do end", "timer_event"),
    Case("cpu_limit", "while it is loaded (2 s)", "while true do end", "load"),
    Case("memory_limit", "a table that grows", "local t = {} while true do t[#t + 1] = {} end"),
    Case("output_limit", "add_to_payload in a loop", "while true do pcall(add_to_payload, ('x'):rep(1000)) end"),
    Case("max_message_size", "one field", "while true do pcall(write_message, 'Fields[x]', ('x'):rep(50000)) end"),
    Case(
        "max_message_fields", "more fields than allowed", "for i = 1, 99 do write_message('Fields[' .. i .. ']', i) end"
    ),
    Case("max_timer_inject", "inject_message in a loop", "while true do pcall(inject_message, {}) end", "timer_event"),
]

_PREFIX = """
local P, V = require("lpeg").P, require("lpeg").V
local grammar = P { "a" * V(1) * "b" + "a" * V(1) * "c" + "a" }
"""
_WHERE = {
    "record": "function process_message() %s return 0 end",
    "timer_event": "function process_message() return 0 end function timer_event() %s end",
    "load": "%s",
}


class Watch:
    """Times of a sandbox: start of the excessive call, crossing of the limit, termination."""

    def __init__(self, sandbox: Sandbox, owner: alone.SandboxListener, allowed_ms: float) -> None:
        self.sandbox = sandbox
        self.owner = owner
        self._allowed_ms = allowed_ms
        self._idle_cpu_ms = 0.0
        self._excess_s: float | None = None

    async def run(self) -> float:
        """Watch until the termination. Return the milliseconds from the excess to the report."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while self.owner.ended_s is None:
            self._look()
            await asyncio.sleep(_POLL_S)
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"A sandbox over its limit still runs after {_PATIENCE_S:.0f} s.")
        return (self.owner.ended_s - (self._excess_s or self.owner.ended_s)) * 1000

    def _look(self) -> None:
        cpu_ns = self.sandbox.cpu_ns()
        if cpu_ns is None:
            return
        now_ms = cpu_ns / 1e6
        if not self.sandbox.heartbeat.read().busy:
            self._idle_cpu_ms = now_ms
        elif self._excess_s is None and now_ms - self._idle_cpu_ms >= self._allowed_ms:
            self._excess_s = time.monotonic()


def _prepared(case: Case, zygote: ZygoteClient) -> Watch:
    body = case.code if case.where == "load" else _WHERE[case.where] % case.code
    few = {"max_message_fields": 20} if case.limit == "max_message_fields" else {}
    more_cpu = {"cpu_limit": 5000} if case.limit != "cpu_limit" else {}
    kind: PluginKind = "filter" if case.where == "timer_event" else "decoder"
    plugin = alone.script(kind, _PREFIX + body, **few, **more_cpu)
    owner = alone.SandboxListener()
    sandbox = alone.sandbox_of(plugin, zygote, owner)
    allowed_ms = 0.0
    if case.limit == "cpu_limit":
        allowed_ms = supervisor.START_CPU_MS if case.where == "load" else plugin.limits.cpu_limit
    return Watch(sandbox, owner, allowed_ms)


async def _exceed(case: Case, watch: Watch) -> None:
    try:
        await watch.sandbox.start()
    except SandboxError:
        watch.owner.ended_s = time.monotonic()
        return
    if case.where == "timer_event":
        await watch.sandbox.tick(time.time_ns(), last=False)
    else:
        await alone.give(watch.sandbox, b"a record\n")


async def _side_by_side(case: Case, count: int, zygote: ZygoteClient) -> list[float]:
    watches = [_prepared(case, zygote) for _ in range(count)]
    looking = asyncio.create_task(Supervisor([watch.sandbox for watch in watches]).run())
    tasks = [asyncio.create_task(watch.run()) for watch in watches]
    try:
        await asyncio.gather(*(_exceed(case, watch) for watch in watches))
        found = await asyncio.gather(*tasks)
        _check(case, watches)
    finally:
        looking.cancel()
        await asyncio.gather(looking, *tasks, return_exceptions=True)
        await alone.stop(watch.sandbox for watch in watches)
    return found


def _check(case: Case, watches: Iterable[Watch]) -> None:
    for watch in watches:
        termination = watch.sandbox.termination
        if termination is None or termination.limit != case.limit:
            raise BenchmarkError(f"{case.what}: terminated by {termination}, not by {case.limit}.")


async def _measure() -> list[Row]:
    zygote = ZygoteClient()
    zygote.start()
    rows = []
    try:
        for case in CASES:
            took = [ms for _ in range(RUNS) for ms in await _side_by_side(case, 1, zygote)]
            rows.append(_row(case, took, f"slowest of {RUNS}"))
        for case in (CASES[0], CASES[2]):
            took = await _side_by_side(case, SIDE_BY_SIDE, zygote)
            rows.append(_row(case, took, f"slowest of {SIDE_BY_SIDE} side by side"))
    finally:
        zygote.close()
    return rows


def _row(case: Case, took: list[float], which: str) -> Row:
    slowest = max(took)
    return Row(case.limit, f"{case.what}; {which}", f"{slowest:.0f}", "", f"{LIMIT_MS:.0f}", slowest <= LIMIT_MS)


def table(_corpus: Corpus, _scratch: Path) -> Table:
    """Exceed every limit and measure the delay."""
    notes = [
        "From the excess to the report of the sandbox's end.",
        "The excess of cpu_limit is when the CPU clock of the process has reached the limit since the record began.",
        "For the other limits the time is that since the record began, in which everything happens.",
        "What it takes with so many side by side depends on how many cores they share.",
    ]
    return Table("Limits", ("limit", "exceeded by", "ms", "", "at most", ""), asyncio.run(_measure()), notes)
