"""One sandbox as the host sees it: a process that is given packs and gives something back, and that may die.

The sandbox outlives its processes. What was given to a process and not reported done is given to the next one, from
the first record that the dead process had not wholly sent. A record that a process died at twice, while records were
taken one by one, is not tried again. A sandbox that keeps state has a journal, from which the next process gets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, get_args

from host.core.errors import SandboxError
from host.packs import protocol
from host.packs.arena import Arena
from host.packs.ledger import RawPack, TablePack
from host.packs.producer import PackProducer
from host.packs.protocol import COMMAND, NEVER_MATCHES, Emitted, Op, Report, Said
from host.plugins.module_texts import ModuleTexts
from host.sandbox import commands
from host.sandbox.assignment import Assignment
from host.sandbox.channel import Channel
from host.sandbox.crash_attribution import CrashAttribution
from host.sandbox.heartbeat import Beat, Heartbeat, Usage, Use
from host.sandbox.in_flight import InFlight
from host.sandbox.journal import Journal, Tick
from host.sandbox.listener import ProcessProvider, SandboxListener
from host.sandbox.process import Order
from host.sandbox.queries import Answer, answer_of
from host.sandbox.slots import Slots
from host.sandbox.state_exchange import StateExchange
from host.sandbox.termination import MAX_SAID, Limit, Termination, last_words, of_status
from host.sandbox.zygote_client import Place, SpawnRequest
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.sandbox")

State = Literal["stopped", "starting", "running", "backing_off", "quarantined"]
STATES: tuple[State, ...] = get_args(State)

_WINDOW = 2
"""Packs that a process has at once: one that it works on, one that waits for it."""
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 10.0
_QUARANTINE_AFTER = 12
"""Deaths in a row without a step forward between them."""
_MAX_PRODUCER_ENDS = 3
"""Processes of a sandbox that may be ended for their packs before it is quarantined."""
_VERSION_DIGITS = 12
_STATE_FACTOR = 4
"""A state may be so many times as large as the memory that it was made in."""


class Sandbox:
    """A sandbox and its process.

    Args:
        name: For people and metrics.
        order: What the zygote needs to know.
        spec: What the kernel is told: see `host.sandbox.spec`.
        arena: The arena that this sandbox writes.
        housing: Gives it a process, its own or one that it shares.
        owner: Gives the work.
        metrics: Where restarts and errors are counted.
        cpu_limit_ms: CPU that one record may take.
        read_module: Text of a module that the script requires; raises KeyError with a reason.
        journal: Where it keeps its state, if it does.
    """

    on_change: Callable[[], None] | None = None
    """Told after each report, and after the end of a process, if somebody waits for either."""
    on_covered: Callable[[str], None] | None = None
    """Told which lines of the script can run, and which do, in a trial that asks for it."""
    on_death: Callable[[Sandbox, Termination], None] | None = None
    """Told when a process that had been started has ended before its time."""
    on_print: Callable[[str], None] | None = None
    """Told what the script prints, instead of the log."""
    failure_line = 0
    """The line of the script at which a failure began, for a reason that names none; 0 if it is not known."""
    needs = b""
    """What its matcher needs, as it said itself: see `host.router.matcher_requirements`."""

    def __init__(
        self,
        name: str,
        *,
        order: Order,
        spec: dict[str, Any],
        arena: Arena,
        housing: ProcessProvider,
        owner: SandboxListener[Sandbox],
        metrics: ComponentMetrics,
        cpu_limit_ms: int,
        read_module: Callable[[str], str],
        journal: Journal | None = None,
    ) -> None:
        self.name, self.arena, self.metrics = name, arena, metrics
        self._cpu_limit_ms = cpu_limit_ms
        self.state: State = "stopped"
        self.pid = 0
        """Of its process, which it may share; 0 if it has none."""
        self.heartbeat = Heartbeat()
        self.termination: Termination | None = None
        self.journal = journal
        self._state = None if journal is None else StateExchange(journal, _STATE_FACTOR * order.memory_limit)
        self._answer = Answer()
        self._order = order
        self._spec = {**spec, "arena": arena.number}
        texts = (str(script["text"]).encode() for script in spec["scripts"])
        self.version = hashlib.sha256(b"\0".join(texts)).hexdigest()[:_VERSION_DIGITS]
        """Which version of its script it runs: the first digits of the file's SHA-256. Of a chain, one for all."""
        self._housing = housing
        self._place: Place | None = None
        self._owner = owner
        self._modules = ModuleTexts(read_module)
        self._channel: Channel | None = None
        self._slots = Slots(arena, _WINDOW + 1)
        self._load = InFlight()
        self._blame = CrashAttribution(name, self.heartbeat, watches_all=bool(spec.get("watch_lines")))
        self._deaths = self._producer_ends = 0
        self.producer = PackProducer(name, str(spec["kind"]), self._end_producer)
        """Its process as a producer of packs."""
        self._kill_reason: Termination | None = None
        self._stopping = self._closed = False
        self._ready: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._said_terminated: Termination | None = None
        self.progress = 0
        """Counts starts and what came of work: whoever watches sees whether anything has."""
        self.record_cpu_ms = Use(0, 0)
        """CPU of the record that it is at and of the worst one, as the supervisor saw it."""
        self.loop_depth = Use(0, 0)
        """Of what it injected."""
        self.clock: Callable[[], int] = time.time_ns
        """What time it is for the sandbox when it is given a pack."""

    @property
    def kind(self) -> str:
        """`decoder`, `filter` or `encoder`."""
        return str(self._spec["kind"])

    @property
    def cpu_limit_ms(self) -> int:
        """CPU that one record may take now. It may take more while the process looks for the line of a fault."""
        factors = [work.cpu_factor for work in self._load.work.values()]
        return self._cpu_limit_ms * max(self._blame.timer_cpu_factor if self.ticking else 1, *factors, 1)

    @cpu_limit_ms.setter
    def cpu_limit_ms(self, limit_ms: int) -> None:
        self._cpu_limit_ms = limit_ms

    @property
    def closed(self) -> bool:
        """Whether it was stopped for good: another one must take its place."""
        return self._closed

    @property
    def hostname(self) -> str:
        """What its messages have as Hostname."""
        return str(self._spec["hostname"])

    @property
    def plugin(self) -> str:
        """The names of its scripts' files, without `.lua`."""
        return " ".join(str(script["file"]).removesuffix(".lua") for script in self._spec["scripts"])

    @property
    def modules(self) -> dict[str, str]:
        """What the script has required, with the SHA-256 of the text that it got."""
        return self._modules.given

    @property
    def work(self) -> OrderedDict[int, Assignment]:
        """What it was given and has not done, by number, oldest first."""
        return self._load.work

    def usage(self) -> Usage:
        """What it uses of its limits, current and highest. Most of it is the sandbox's own claim."""
        claimed = self.heartbeat.usage()
        seen = {"cpu_limit": self.record_cpu_ms, "max_loops": self.loop_depth}
        return claimed._replace(limits=claimed.limits | seen)

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Start the process and wait until the script is loaded.

        Raises:
            SandboxError: The script did not load.
        """
        self._stopping = False
        # Whoever waits may be cancelled. The process comes all the same, and `stop` must know of it.
        launch = asyncio.get_running_loop().create_task(self._launch())
        launch.add_done_callback(_raise_if_failed)
        await asyncio.shield(launch)
        assert self._ready is not None
        await self._ready

    async def _launch(self) -> None:
        loop = asyncio.get_running_loop()
        self.state = "starting"
        self._gone = loop.create_future()
        if self._ready is None or self._ready.done():
            self._ready = loop.create_future()  # if not, somebody waits for it since a process that did not get so far
        channel = self._channel = Channel(self)
        self._said_terminated = self._kill_reason = None
        self.heartbeat.hold(None)
        self.producer = PackProducer(self.name, self.kind, self._end_producer)
        self.progress += 1
        self._slots.release()
        try:
            place = await self._housing.house(
                SpawnRequest(self.kind, self._order, channel.theirs, self.heartbeat.fd), self
            )
        except SandboxError as error:
            _LOG.warning("A sandbox could not be started.", sandbox=self.name, reason=str(error))
            if self._housing.gone:
                self._deaths = _QUARANTINE_AFTER
            self.ended(signal.SIGKILL)
            return
        finally:
            channel.theirs.close()
        if self._channel is not channel:
            return  # it has ended already
        self.pid, self._place = place.pid, place
        if self._stopping:
            self.kill("stop")
            return
        channel.map(self.arena, writable=True)
        channel.send_texts(Op.INIT, json.dumps(self._spec).encode())
        channel.listen()

    def _end_producer(self, producer: PackProducer, reason: str) -> None:
        """End the process whose packs have ended others. After several of them there is no other one."""
        self._producer_ends += 1
        if producer is self.producer:
            self.kill(reason)

    def kill(
        self, reason: str, limit: Limit = Limit.PROTOCOL, value: int = 0, at: Beat | None = None, usage: int = 0
    ) -> None:
        """End the process at once; it is started again as its owner wants.

        Args:
            reason: Why, for people.
            limit: What it overran.
            value: How much that is.
            at: Where it was when it did; by default where it is when it ends.
            usage: How much of the limit it used.
        """
        self._kill_reason = Termination(limit, reason, 0, value, usage=usage)
        self.heartbeat.hold(at)
        if self.pid:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and we have not heard of it yet
                os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End the process. Its work must be done."""
        self._stopping = True
        if self._channel is not None and self.state == "running":
            self._channel.send(COMMAND.pack(Op.STOP, *([0] * 14)))
            assert self._gone is not None
            try:
                await asyncio.wait_for(asyncio.shield(self._gone), 1.0)
            except TimeoutError:
                self.kill("stop")
                await self._gone
        elif self._channel is not None:
            self.kill("stop")  # or once its pid is known
            assert self._gone is not None
            await self._gone
        self.state = "stopped"
        if self._closed:
            return
        self._closed = True
        self.heartbeat.close()
        self._slots.release()
        self.arena.retire()

    @property
    def members(self) -> int:
        """How many sandboxes share its process."""
        return 1 if self._place is None else self._place.members

    @property
    def memory_limit(self) -> int:
        """Bytes of memory that its script may use."""
        return self._order.memory_limit

    @property
    def max_process_bytes(self) -> int:
        """Memory that its process may hold; 0 if that is not measured."""
        return 0 if self._place is None else self._place.max_memory_bytes

    def cpu_ns(self) -> int | None:
        """CPU time that it has used since its process began; None if it has none."""
        return None if self._place is None else self._place.clock.read_ns()

    def sleeps(self) -> bool:
        """Whether it uses no CPU of its own accord, and not because it has to wait for a core or was stopped."""
        return self._place is not None and self._place.clock.sleeps()

    @property
    def is_busy(self) -> bool:
        """Whether it says of itself that it is at work."""
        return self.heartbeat.read().busy != 0

    def on_closed(self) -> None:
        """The process has closed its end of the socket."""
        if self._stopping:
            self._housing.left(self)

    def has_ended_its_process(self) -> bool:
        """The process is gone. Whether it was this one that ended it, by its own words or by ours."""
        if self._channel is not None:
            self._channel.drain()
        return self._said_terminated is not None or self._kill_reason is not None

    def ended(self, status: int, culprit: str = "") -> None:
        """The process is gone. culprit: another sandbox of the same process that ended it."""
        self.pid, self._place = 0, None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._nothing_more_comes()
        if self._stopping:
            self._load.end_tick()
            self.state = "stopped"
            return
        if culprit:
            self._move_out(culprit)
        else:
            self._died(self._reason_of_death(status))
        if self.on_change is not None:
            self.on_change()

    def _move_out(self, culprit: str) -> None:
        """Another sandbox has ended the process: go on in a new one."""
        _LOG.warning("It shared a process that another sandbox ended.", sandbox=self.name, ended_by=culprit)
        self._load.end_tick()
        self.state = "backing_off"
        asyncio.get_running_loop().call_soon(self._restart)

    def _reason_of_death(self, status: int) -> Termination:
        record = min(self.heartbeat.read().record, MAX_SAID)
        work = self._load.of(self.heartbeat.read().pack)
        if self._said_terminated is None and self._kill_reason:
            text = self._kill_reason.text + self._blame.line(self._kill_reason.limit, work)
            return self._kill_reason._replace(text=text, record=record)
        ended = self._said_terminated or of_status(status, record)
        if ended.limit != Limit.MEMORY:
            return ended
        used_bytes, limit_bytes = self.heartbeat.usage().limits[Limit.MEMORY].current, self._order.memory_limit
        numbers = f"{used_bytes:,} bytes were in use, and memory_limit is {limit_bytes:,} bytes."
        text = f"{ended.text}: {numbers}{self._blame.line(ended.limit, work)}"
        return ended._replace(text=text, value=limit_bytes, usage=used_bytes)

    def _with_numbers(self, termination: Termination) -> Termination:
        """What the host knows of a termination without having to believe the process."""
        own = {Limit.CPU: self.cpu_limit_ms, Limit.MEMORY: self._order.memory_limit}
        value = termination.value or own.get(termination.limit) or self._spec.get(termination.limit)
        work = self._load.of(self.heartbeat.read().pack)
        depth = work.pack.loop_depth if work is not None and isinstance(work.pack, TablePack) else 0
        claimed = self.usage().limits.get(termination.limit)
        usage = termination.usage or (claimed.highest if claimed is not None else 0)
        return termination._replace(value=value if isinstance(value, int) else 0, loop_depth=depth + 1, usage=usage)

    def _died(self, termination: Termination) -> None:
        self.termination = termination = self._with_numbers(termination)
        self.metrics.count_error(termination.limit)
        was_starting = self.state == "starting"
        self._find_who_is_to_blame(termination)
        self._load.end_tick()
        if self.journal is not None:
            self.journal.on_death(termination.limit)
        self._deaths += 1
        if was_starting and self._ready is not None and not self._ready.done() and termination.limit != Limit.SIGNAL:
            self.state = "stopped"
            self._ready.set_exception(SandboxError(f"{self._spec['kind']} {self.name}: {termination.text}"))
            return
        again = self._owner.on_terminated(self, termination)
        if not again:
            self.state = "stopped"
        elif self._deaths >= _QUARANTINE_AFTER or self._producer_ends >= _MAX_PRODUCER_ENDS:
            self.state = "quarantined"
            _LOG.error("A sandbox keeps dying and is not started again.", sandbox=self.name)
            self._owner.on_quarantined(self)
            if self._ready is not None and not self._ready.done():
                self._ready.set_exception(SandboxError(f"{self._spec['kind']} {self.name}: {termination.text}"))
                self._ready.exception()  # maybe nobody waits for it any more
        else:
            self.state = "backing_off"
            delay_s = 0.0 if self._deaths == 1 else min(_FIRST_DELAY_S * 2 ** (self._deaths - 2), _MAX_DELAY_S)
            asyncio.get_running_loop().call_later(delay_s, self._restart)
        if self.on_death is not None:
            self.on_death(self, termination)

    def _nothing_more_comes(self) -> None:
        """What was asked of the dead process."""
        if self._state is not None:
            self._state.nothing_more_comes()
        self._answer.take("")
        self._load.give_up_repeating()

    def _restart(self) -> None:
        if self._stopping or self.state != "backing_off":
            return
        self.metrics.restarts += 1
        task = asyncio.get_running_loop().create_task(self._launch())
        task.add_done_callback(_raise_if_failed)

    def _find_who_is_to_blame(self, termination: Termination) -> None:
        """The record at which a process died is tried again carefully, then not any more."""
        beat = self.heartbeat.read()
        work = self._load.of(beat.pack)
        if self._load.ticking:
            self._blame.timer(termination)
        if not beat.busy or work is None or self.state == "starting":
            return
        if self._blame.producer(work, termination):
            self._deaths = 0
            return
        # Without a decoder or an encoder nothing goes on, so it may give up many records in a row. Not a filter: it
        # would hold others back all the while.
        if self._blame.record(work, termination) and self.kind != "filter":
            self._deaths = 0

    # ------------------------------------------------------------------ work

    @property
    def will_run(self) -> bool:
        """Whether it runs, or will again."""
        return self.state in {"starting", "running", "backing_off"}

    @property
    def room(self) -> bool:
        """Whether it would start soon on one more pack."""
        return self.state == "running" and len(self.work) < _WINDOW

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return self._load.idle

    @property
    def may_write(self) -> bool:
        """Whether it has a slot, and no reason to wait for one."""
        return bool(self._slots)

    def records_given(self) -> int:
        """How many records it may be working on, at most."""
        return 1 + self._load.most_records()

    @property
    def state_cpu_ms(self) -> int:
        """CPU that it may take beside its work, because its state is being written or read; 0 as a rule."""
        return 0 if self._state is None else self._state.cpu_ms

    @property
    def ticking(self) -> bool:
        """Whether it was asked to call timer_event and has not answered."""
        return self._load.ticking

    def give(
        self, pack: RawPack | TablePack, done_to: int = 0, now_ns: int | None = None, *, first_record: int = 0
    ) -> None:
        """Give it a pack to work on. Only if there is room. For the rest see `Work`; by default it is now."""
        work = self._load.add(pack, done_to, self.clock() if now_ns is None else now_ns)
        work.first_record = first_record
        self._send_pack(work)

    @property
    def died_at_work(self) -> bool:
        """Whether its process has died with work undone, and no other one has begun with it."""
        return self.state in {"backing_off", "starting", "quarantined"} and bool(self.work)

    def take_back(self) -> list[Assignment]:
        """Give up what the dead process has left undone, oldest first: its next process is not given it."""
        assert self.died_at_work
        works = list(self.work.values())
        self.work.clear()
        return works

    def judge(self, pack: TablePack, matcher: str) -> int:
        """Have it say whether a matcher can match packs like this one; the owner hears of it as of a pack that is done.

        Returns:
            The number of the work.
        """
        work = self._load.add(pack, 0, self.clock())
        if self._channel is not None:
            self._channel.map(pack.arena)
            self._channel.send(commands.judge(work, pack, matcher))
        return work.number

    def tick(self, now_ns: int, *, last: bool) -> asyncio.Future[None]:
        """Have it call timer_event. The future is done when it has been called and what it injected has arrived."""
        if self.state != "running" or self._load.ticking:
            nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            nothing.set_result(None)
            return nothing
        tick = Tick(now_ns, last)
        ticking = self._load.begin_tick(tick)
        if self._blame.watches_timer:
            self._send(commands.watch_timer())
        # What it injects needs a slot, and it may never have been given a pack.
        self._send(self._slots.grants() + commands.tick(tick))
        return ticking

    async def call(self, function: str, arguments: dict[str, str]) -> Any:
        """Call a function that a filter's script offers as a read-out.

        Raises:
            SandboxError: It does not run, is being called already, or the function failed.
        """
        if self.state != "running" or self._channel is None:
            raise SandboxError(f"{self.name} does not run: it is {self.state}.")
        called = f"{self.name}: {function}"
        answer = self._answer.expect(called)
        request = json.dumps({"function": function, "arguments": arguments}).encode()
        # What it injects needs a slot.
        self._grant()
        self._send(protocol.command(Op.CALL, now_ns=self.clock()) + request)
        return answer_of(await asyncio.shield(answer), called)

    async def snapshot(self) -> bool:
        """Have its state written into its journal; whether it was."""
        if self._state is None or self.state != "running":
            return False
        return await self._state.snapshot(lambda: self._send(self._slots.grants() + protocol.command(Op.SNAPSHOT)))

    def begin_snapshot(self) -> None:
        """Have its state written into its journal, some time soon."""
        if self._state is not None and self.state == "running":
            self._state.begin_snapshot(lambda: self._send(self._slots.grants() + protocol.command(Op.SNAPSHOT)))

    async def restore(self, state: bytes) -> str:
        """Have a sandbox that runs, and has done nothing yet, take a state. Answers why it cannot; empty if it has."""
        if self._state is None or self._channel is None or self.state != "running":
            return "it does not run"
        return await self._state.restore(state, self._channel)

    def release_slot(self, offset: int) -> None:
        """What the sandbox made in a slot is not needed any more."""
        self.arena.release(offset)
        if self._slots.few and self.state == "running":
            self._grant()

    def _grant(self) -> None:
        """Let it have the slots that it lacks."""
        if self._channel is not None:
            self._channel.send(self._slots.grants())

    def _send_pack(self, work: Assignment, *, again: bool = False) -> None:
        if self._channel is None:
            return  # it has just died; the next process gets everything anew
        self._channel.map(work.pack.arena)
        if isinstance(work.pack, TablePack) and work.pack.raw is not None:
            self._channel.map(work.pack.raw.arena)
        keeps_state = self.journal is not None
        self._channel.send(self._slots.grants() + commands.pack(work, keeps_state=keeps_state, again=again))

    def _give_again(self) -> None:
        """What the process before this one knew, and what it left undone."""
        for entry in self._load.repeat(self.journal.entries if self.journal is not None else ()):
            if isinstance(entry, Tick):
                self._send(commands.tick(entry, repeated=True))
            else:
                self._send_carefully(entry, again=True)
        for work in self.work.values():
            self._send_carefully(work)

    def _send_carefully(self, work: Assignment, *, again: bool = False) -> None:
        for command in commands.about(work):
            self._send(command)
        self._send_pack(work, again=again)

    # ------------------------------------------------------------------ the socket

    def unmap(self, arena_number: int) -> None:
        """An arena is gone: its memory is free once nobody maps it."""
        if self._channel is not None:
            self._channel.unmap(arena_number)

    def _send(self, data: bytes) -> None:
        if self._channel is not None:
            self._channel.send(data)

    def _has_done_something(self) -> None:
        if self._channel is not None:
            self._channel.has_done_something()

    def on_report(self, report: Report) -> None:
        """It did something, or claims to have."""
        if self.state == "running":
            self._on_running_report(report)
        elif self.state == "starting" and report.op == Said.READY and not self._restores:
            self.progress += 1
            self._has_done_something()
            if self._state is not None and self._channel is not None and self._state.begin_restore(self._channel):
                return  # it begins when it says that it has its state
            self._begin()
        else:
            self.kill("it sent a report at a wrong time")
        if self.on_change is not None:
            self.on_change()

    @property
    def _restores(self) -> bool:
        return self._state is not None and self._state.restores

    def _begin(self) -> None:
        """The script is loaded, and has its state."""
        self.state = "running"
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)
        self._give_again()
        self._owner.on_room(self)

    def _on_running_report(self, report: Report) -> None:
        self.progress += 1
        if report.op == Said.EMIT:
            self._on_emit(report)
        elif report.op == Said.DONE:
            self._on_done(report)
        elif report.op == Said.TICKED and self._load.was_tick_again():
            return
        elif report.op == Said.TICKED and self._load.ticking:
            self._on_ticked()
        else:
            self.kill("it sent an unknown report")

    def _on_ticked(self) -> None:
        self._has_done_something()
        self._blame.timer_ended_well()
        tick = self._load.end_tick()
        if self.journal is not None and tick is not None:
            self.journal.entries.append(tick)

    def _on_done(self, report: Report) -> None:
        if self._load.was_again(report.pack):
            return
        work = self.work.pop(report.pack, None)
        if work is None:
            self.kill("it reported a pack that it was not given")
            return
        self._deaths = 0
        self._has_done_something()
        if self.journal is not None and not report.flags & NEVER_MATCHES:
            self.journal.entries.append(work)
        self._owner.on_done(self, work, report)
        self._owner.on_room(self)

    def _on_emit(self, report: Report) -> None:
        """A slot was filled. It must be one that the sandbox was given, and within its bounds."""
        work = self.work.get(report.pack)
        if work is None and report.pack != 0:
            self.kill("it sent something for a pack that it was not given")
            return
        if not self._slots.take(report.offset, report.used_bytes):
            self.kill("it sent a place that it was not given")
            return
        if report.kind == Emitted.STATE:
            self._on_state_part(report)
            return
        if work is not None and report.kind != Emitted.DEAD_LETTERS:
            work.first_record = max(work.first_record, report.first_record)
        self._owner.on_emit(self, work, report)
        if not self._slots:
            self._grant()

    def _on_state_part(self, report: Report) -> None:
        """A slot holds a part of its state."""
        part = bytes(self.arena.view[report.offset : report.offset + report.used_bytes])
        self.arena.release(report.offset)
        if self._state is None or not self._state.add(part):
            self.kill("it sent a state that it was not asked for, or one that is larger than it can be")
            return
        self._grant()

    def _on_restored(self, fault: str) -> None:
        if self._state is None or not self._state.on_restored(fault):
            self.kill("it restored what it was not given")
        elif self.state == "starting":
            self._begin()

    def on_text(self, report: Report, data: bytes) -> None:
        """It said something in words."""
        text = data.decode(errors="replace")
        if report.op == Said.PRINT:
            if self.on_print is not None:
                self.on_print(text)
            else:
                _LOG.info(text, sandbox=self.name)
        elif report.op == Said.COVERED and self.on_covered is not None:
            self.on_covered(text)
        elif report.op == Said.FAILURE:
            self.failure_line = report.first_record
            self._owner.on_failure(self, text)
        elif report.op == Said.NEEDS:
            self.needs = data
        elif report.op in {Said.NEED_MODULE, Said.SNAPSHOT_TAKEN, Said.RESTORED, Said.ANSWERED}:
            self._on_exchange(report.op, text)
        else:
            self._said_terminated = last_words(data, report.first_record)
            if self._said_terminated is None:
                self.kill("it sent malformed last words")

    def _on_exchange(self, op: int, text: str) -> None:
        """It asks, or answers."""
        if op == Said.NEED_MODULE:
            self._send(self._modules.answer(text))
        elif op == Said.SNAPSHOT_TAKEN:
            if self._state is None or not self._state.on_taken(text):
                self.kill("it took a snapshot that it was not asked for")
        elif op == Said.RESTORED:
            self._on_restored(text)
        else:
            self._answer.take(text)


def _raise_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        raise task.exception()  # type: ignore[misc]
