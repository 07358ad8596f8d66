"""One sandbox as the host sees it: a process that is given packs and gives something back, and that may die.

The sandbox outlives its processes. What was given to a process and not reported done is given to the next one, from
the first record that the dead process had not wholly sent. A record that a process died at twice, while records were
taken one by one, is not tried again.
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
from typing import Any, Literal, Protocol

from host.errors import SandboxError
from host.packs import protocol
from host.packs.arena import Arena
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import COMMAND, Emitted, Op, PackFlags, Report, Said
from host.sandbox.channel import Channel
from host.sandbox.heartbeat import Heartbeat
from host.sandbox.process import Order
from host.sandbox.termination import MOST_SAID, Termination, last_words, of_status
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.sandbox")

State = Literal["stopped", "starting", "running", "backing_off", "quarantined"]

_WINDOW = 2
"""Packs that a process has at once: one that it works on, one that waits for it."""
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 10.0
_QUARANTINE_AFTER = 12
"""Deaths in a row, with nothing finished between them."""
_TRIES_PER_RECORD = 2


class Work:
    """A pack at a sandbox."""

    __slots__ = ("careful", "first_record", "pack", "tag", "tries")

    def __init__(self, pack: RawPack | TablePack, tag: Any) -> None:
        self.pack = pack
        self.tag = tag
        self.first_record = 0
        self.careful = False
        self.tries: dict[int, int] = {}


class Owner(Protocol):
    """Who gives a sandbox its work: the decoders of an input, a filter, an output."""

    def on_emit(self, sandbox: Sandbox, work: Work | None, report: Report) -> None:
        """The sandbox filled a slot. work is None for what a timer event made."""

    def on_done(self, sandbox: Sandbox, work: Work, report: Report) -> None:
        """The sandbox is done with a pack."""

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """The first reason why a record of a pack failed."""

    def on_room(self, sandbox: Sandbox) -> None:
        """The sandbox would take more work."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:
        """The sandbox was ended. Answers whether it is to be started again."""

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """The sandbox has died too often and is not started again."""


class Sandbox:
    """A sandbox and its process.

    Args:
        name: For people and metrics.
        order: What the zygote needs to know.
        spec: What the kernel is told: see `host.sandbox.spec`.
        arena: The arena that this sandbox writes.
        zygote: Starts processes.
        owner: Gives the work.
        metrics: Where restarts and errors are counted.
        cpu_limit_ms: CPU that one record may take.
        read_module: Text of a module that the script requires; raises KeyError with a reason.
    """

    def __init__(
        self,
        name: str,
        *,
        order: Order,
        spec: dict[str, Any],
        arena: Arena,
        zygote: ZygoteClient,
        owner: Owner,
        metrics: ComponentMetrics,
        cpu_limit_ms: int,
        read_module: Callable[[str], str],
    ) -> None:
        self.name = name
        self.arena = arena
        self.metrics = metrics
        self.cpu_limit_ms = cpu_limit_ms
        self.state: State = "stopped"
        self.pid = 0
        self.heartbeat = Heartbeat()
        self.termination: Termination | None = None
        self.modules: dict[str, str] = {}
        """What the script has required, with the SHA-256 of the text that it got."""
        self.work: OrderedDict[int, Work] = OrderedDict()
        self._order = order
        self._spec = {**spec, "arena": arena.number}
        self._zygote = zygote
        self._owner = owner
        self._read_module = read_module
        self._channel: Channel | None = None
        self._granted: dict[int, None] = {}
        self._ids = 0
        self._deaths = 0
        self._kill_reason: tuple[str, str] | None = None
        self._stopping = False
        self._closed = False
        self._ticking: asyncio.Future[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._said_terminated: Termination | None = None
        self._skips: dict[int, dict[int, str]] = {}
        self.progress = 0
        """Counts starts and what came of work: whoever watches sees whether anything has."""
        self.on_death: Callable[[Sandbox, Termination], None] | None = None
        """Told when a process that had been started has ended before its time."""
        self.on_print: Callable[[str], None] | None = None
        """Told what the script prints, instead of the log."""
        self.clock: Callable[[], int] = time.time_ns
        """What time it is for the sandbox when it is given a pack."""

    @property
    def kind(self) -> str:
        """`decoder`, `filter` or `encoder`."""
        return str(self._spec["kind"])

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

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Start the process and wait until the script is loaded.

        Raises:
            SandboxError: The script did not load.
        """
        self._stopping = False
        await self._launch()
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
        self.progress += 1
        for offset in self._granted:
            self.arena.release(offset)
        self._granted.clear()
        try:
            pid = await self._zygote.spawn(self._order, channel.theirs, self.heartbeat.fd, self._ended)
        except SandboxError as fault:
            _LOG.warning("A sandbox could not be started.", sandbox=self.name, reason=str(fault))
            if self._zygote.gone:
                self._deaths = _QUARANTINE_AFTER
            self._ended(signal.SIGKILL)
            return
        finally:
            channel.theirs.close()
        if self._channel is not channel:
            return  # it has ended already
        self.pid = pid
        if self._stopping:
            self.kill("stop")
            return
        channel.map(self.arena, writable=True)
        channel.send_texts(Op.INIT, json.dumps(self._spec).encode())
        channel.listen()

    def kill(self, reason: str, limit: str = "protocol") -> None:
        """End the process at once; it is started again as its owner wants."""
        self._kill_reason = (limit, reason)
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
        for offset in self._granted:
            self.arena.release(offset)
        self._granted.clear()
        self.arena.retire()

    def _ended(self, status: int) -> None:
        """The process is gone."""
        self.pid = 0
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._stopping:
            self.state = "stopped"
            return
        self._died(self._reason_of_death(status))

    def _reason_of_death(self, status: int) -> Termination:
        record = min(self.heartbeat.read().record, MOST_SAID)
        if self._said_terminated is not None:
            return self._said_terminated
        if self._kill_reason:
            return Termination(*self._kill_reason, record)
        return of_status(status, record)

    def _with_numbers(self, termination: Termination) -> Termination:
        """What the host knows of a termination without having to believe the process."""
        own = {"cpu_limit": self.cpu_limit_ms, "memory_limit": self._order.memory_limit}
        spec_key = termination.limit.replace("max_process_inject", "process_inject_limit")
        value = own.get(termination.limit) or self._spec.get(spec_key.replace("max_timer_inject", "timer_inject_limit"))
        work = self.work.get(self.heartbeat.read().pack)
        depth = work.pack.loop_depth if work is not None and isinstance(work.pack, TablePack) else 0
        return termination._replace(value=value if isinstance(value, int) else 0, loop_depth=depth + 1)

    def _died(self, termination: Termination) -> None:
        self.termination = termination = self._with_numbers(termination)
        self.metrics.count_error(termination.limit)
        was_starting = self.state == "starting"
        self._blame_record(termination)
        if self._ticking is not None and not self._ticking.done():
            self._ticking.set_result(None)
        self._ticking = None
        self._deaths += 1
        if was_starting and self._ready is not None and not self._ready.done() and termination.limit != "signal":
            self.state = "stopped"
            self._ready.set_exception(SandboxError(f"{self._spec['kind']} {self.name}: {termination.text}"))
            return
        again = self._owner.on_terminated(self, termination)
        if not again:
            self.state = "stopped"
        elif self._deaths >= _QUARANTINE_AFTER:
            self.state = "quarantined"
            _LOG.error("A sandbox keeps dying and is not started again.", sandbox=self.name)
            self._owner.on_quarantined(self)
            if self._ready is not None and not self._ready.done():
                self._ready.set_exception(SandboxError(f"{self._spec['kind']} {self.name}: {termination.text}"))
        else:
            self.state = "backing_off"
            delay_s = 0.0 if self._deaths == 1 else min(_FIRST_DELAY_S * 2 ** (self._deaths - 2), _LONGEST_DELAY_S)
            asyncio.get_running_loop().call_later(delay_s, self._restart)
        if self.on_death is not None:
            self.on_death(self, termination)

    def _restart(self) -> None:
        if self._stopping or self.state != "backing_off":
            return
        self.metrics.restarts += 1
        task = asyncio.get_running_loop().create_task(self._launch())
        task.add_done_callback(_raise_if_failed)

    def _blame_record(self, termination: Termination) -> None:
        """The record at which a process died is tried again carefully, then not any more."""
        beat = self.heartbeat.read()
        work = self.work.get(beat.pack)
        if not beat.busy or work is None or self.state == "starting":
            return
        if not work.careful:
            work.careful = True
            return
        record = min(beat.record, MOST_SAID)
        work.tries[record] = work.tries.get(record, 0) + 1
        tries = _TRIES_PER_RECORD + 1 if termination.limit == "signal" and "SIGKILL" in termination.text else 1
        if work.tries[record] >= tries:
            self._skips.setdefault(beat.pack, {})[record] = f"{termination.limit}: {termination.text}"
            _LOG.error(
                "A record ended its sandbox and is not tried again.",
                sandbox=self.name,
                limit=termination.limit,
                record=record,
            )

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
        return not self.work and self._ticking is None

    @property
    def may_write(self) -> bool:
        """Whether it has a slot, and no reason to wait for one."""
        return bool(self._granted)

    def records_given(self) -> int:
        """How many records it may be working on, at most."""
        return 1 + sum(_records_of(work.pack) for work in self.work.values())

    @property
    def ticking(self) -> bool:
        """Whether it was asked to call timer_event and has not answered."""
        return self._ticking is not None

    def give(self, pack: RawPack | TablePack, tag: Any = None) -> None:
        """Give it a pack to work on. Only if there is room."""
        self._ids = self._ids % 0x7FFFFFFF + 1
        work = Work(pack, tag)
        self.work[self._ids] = work
        self._send_pack(self._ids, work)

    def tick(self, now_ns: int, *, shutdown: bool) -> asyncio.Future[None]:
        """Have it call timer_event. The future is done when it has been called and what it injected has arrived."""
        ticking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.state != "running" or self._ticking is not None:
            ticking.set_result(None)
            return ticking
        self._ticking = ticking
        # What it injects needs a slot, and it may never have been given a pack.
        self._send(self._grants() + protocol.command(Op.TICK, now_ns=now_ns, flags=int(shutdown)))
        return ticking

    def release_slot(self, offset: int) -> None:
        """What the sandbox made in a slot is not needed any more."""
        self.arena.release(offset)
        if self._channel is not None and len(self._granted) < _WINDOW and self.state == "running":
            self._send(self._grants())

    def _grants(self) -> bytes:
        """Slots for it to write to, as far as it lacks them."""
        commands = []
        while len(self._granted) < _WINDOW + 1:
            offset = self.arena.acquire()
            if offset is None:
                break
            self._granted[offset] = None
            commands.append(protocol.command(Op.GRANT, table=(self.arena.number, offset, self.arena.slot_bytes)))
        return b"".join(commands)

    def _send_pack(self, number: int, work: Work) -> None:
        pack = work.pack
        channel = self._channel
        if channel is None:
            return  # it has just died; the next process gets everything anew
        now_ns = self.clock()
        flags = PackFlags.CAREFUL if work.careful else PackFlags(0)
        if isinstance(pack, RawPack):
            channel.map(pack.arena)
            records = 0 if pack.records is None else len(pack.records) // 2
            if pack.records is None:
                flags |= PackFlags.DELIMITED
            command = protocol.command(
                Op.PACK, pack=number, raw=(pack.arena.number, pack.offset, pack.length), stream=pack.stream.number,
                position=pack.position, now_ns=now_ns, records=records, first_record=work.first_record, flags=flags,
            )  # fmt: skip
        else:
            channel.map(pack.arena)
            raw = (0, 0, 0)
            if pack.raw is not None:
                channel.map(pack.raw.arena)
                raw = (pack.raw.arena.number, pack.raw.offset, pack.raw.length)
            command = protocol.command(
                Op.PACK, pack=number, raw=raw, table=(pack.arena.number, pack.offset, pack.arena.slot_bytes),
                stream=pack.stream_number, position=pack.position, now_ns=now_ns, first_record=work.first_record,
                flags=flags, loop_depth=pack.loop_depth,
            )  # fmt: skip
        channel.send(self._grants() + command)

    def _give_again(self) -> None:
        """What the process before this one left undone."""
        for number, records in self._skips.items():
            for record, reason in records.items():
                if number in self.work:
                    self._send(protocol.command(Op.SKIP, pack=number, first_record=record) + reason.encode())
        for number, work in list(self.work.items()):
            self._send_pack(number, work)

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
        elif self.state == "starting" and report.op == Said.READY:
            self._has_done_something()
            self.state = "running"
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
            self._give_again()
            self._owner.on_room(self)
        else:
            self.kill("it sent a report at a wrong time")

    def _on_running_report(self, report: Report) -> None:
        self.progress += 1
        if report.op == Said.EMIT:
            self._on_emit(report)
        elif report.op == Said.DONE:
            work = self.work.pop(report.pack, None)
            if work is None:
                self.kill("it reported a pack that it was not given")
                return
            self._deaths = 0
            self._has_done_something()
            self._skips.pop(report.pack, None)
            self._owner.on_done(self, work, report)
            self._owner.on_room(self)
        elif report.op == Said.TICKED and self._ticking is not None:
            self._has_done_something()
            if not self._ticking.done():
                self._ticking.set_result(None)
            self._ticking = None
        else:
            self.kill("it sent an unknown report")

    def _on_emit(self, report: Report) -> None:
        """A slot was filled. It must be one that the sandbox was given, and within its bounds."""
        if report.offset not in self._granted or report.used_bytes > self.arena.slot_bytes:
            self.kill("it sent a place that it was not given")
            return
        work = self.work.get(report.pack)
        if work is None and report.pack != 0:
            self.kill("it sent something for a pack that it was not given")
            return
        del self._granted[report.offset]
        if work is not None and report.kind != Emitted.DEAD_LETTERS:
            work.first_record = max(work.first_record, report.first_record)
        self._owner.on_emit(self, work, report)
        if self._channel is not None and not self._granted:
            self._send(self._grants())

    def on_text(self, report: Report, data: bytes) -> None:
        """It said something in words."""
        text = data.decode(errors="replace")
        if report.op == Said.PRINT:
            if self.on_print is not None:
                self.on_print(text)
            else:
                _LOG.info(text, sandbox=self.name)
        elif report.op == Said.FAILURE:
            self._owner.on_failure(self, text)
        elif report.op == Said.NEED_MODULE:
            self._send_module(text)
        else:
            self._said_terminated = last_words(data, report.first_record)
            if self._said_terminated is None:
                self.kill("it sent malformed last words")

    def _send_module(self, name: str) -> None:
        try:
            text, found = self._read_module(name).encode(), True
            self.modules[name] = hashlib.sha256(text).hexdigest()
        except KeyError as fault:
            text, found = str(fault.args[0]).encode(), False
        except (OSError, ValueError) as fault:  # not readable, no UTF-8, a name that no file can have
            text, found = f"it cannot be read: {fault}".encode(errors="replace"), False
        if len(text) > protocol.MOST_TEXT_BYTES:
            text, found = f"it is larger than {protocol.MOST_TEXT_BYTES} bytes".encode(), False
        self._send(protocol.command(Op.MODULE, flags=int(found)) + text)


def _records_of(pack: RawPack | TablePack) -> int:
    if isinstance(pack, TablePack):
        return pack.count
    return pack.length + 1 if pack.records is None else len(pack.records) // 2


def _raise_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        raise task.exception()  # type: ignore[misc]
