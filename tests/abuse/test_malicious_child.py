"""A child that was taken over speaks the protocol, but tells lies. The host ends it, and the next one goes on."""

import array
import asyncio
import itertools
import json
import mmap
import os
import signal
import socket
import struct
from pathlib import Path

import pytest

from host.admin.services.stats import read_sandboxes
from host.delivery.dead_letters import DeadLetters
from host.packs import protocol
from host.packs.arena import Arena
from host.packs.intake import Intake
from host.packs.protocol import COMMAND, PACK_HEADER, PACK_MAGIC, REPORT, Emitted, Op, PackHeader, Said
from host.pipeline.decoder_pool import DecoderPool
from host.sandbox import supervisor
from host.sandbox.cpu import ProcessClock
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import Place
from host.telemetry.metrics import ComponentMetrics

SLOT_BYTES = 64 * 1024
RAW = b"one\ntwo\n"
_FLAGS = 13
"""Index of `flags` in a command."""


class Child:
    """The sandbox's end of the socket, in the child."""

    def __init__(self, channel, heartbeat_fd):
        self.channel = channel
        self.beat = mmap.mmap(heartbeat_fd, mmap.PAGESIZE)
        self.arena = None
        self.grants = []
        self.waiting = []

    def wait_for(self, op):
        while True:
            for command in self.waiting:
                if command[0] == op:
                    self.waiting.remove(command)
                    return command
            data, ancillary, _, _ = self.channel.recvmsg(protocol.MAX_DATAGRAM_BYTES, 64)
            if not data:
                os._exit(0)
            self._take_in(data, ancillary)

    def _take_in(self, data, ancillary):
        first = COMMAND.unpack_from(data)
        if first[0] == Op.MAP:
            fd = array.array("i", ancillary[0][2])[0]
            if first[_FLAGS] == 1:
                self.arena = mmap.mmap(fd, 0)
        elif first[0] in {Op.INIT, Op.SKIP, Op.MODULE}:
            self.waiting.append(first)
        else:
            for command in COMMAND.iter_unpack(data):
                if command[0] == Op.GRANT:
                    self.grants.append(command[6])
                else:
                    self.waiting.append(command)

    def say(self, op, pack=0, **more):
        names = (
            "kind",
            "offset",
            "bytes",
            "count",
            "received",
            "matched",
            "failed",
            "first_record",
            "flags",
            "injected",
        )
        self.channel.send(REPORT.pack(op, pack, *(more.get(name, 0) for name in names)))

    def text(self, op, text):
        self.channel.send(REPORT.pack(op, *([0] * 11)) + text)

    def ready(self):
        self.wait_for(Op.INIT)
        self.say(Said.READY)
        return self.wait_for(Op.PACK)[1]

    def emit(self, pack, **changed):
        """A pack of one record, with a header that has been tampered with."""
        shape = struct.pack("<IHHHH", 12, 0, 0, 0, 0)
        start = PACK_HEADER.size
        end = start + 24
        header = PackHeader(
            PACK_MAGIC, 1, 0, SLOT_BYTES, 1, start, end, end, len(shape), 1, SLOT_BYTES, len(RAW), 0, 0, 0, 0
        )
        report = {"count": 1, "bytes": end + len(shape), "offset": self.grants.pop()}
        for name in set(changed) & set(report):
            report[name] = changed.pop(name)
        at = report["offset"] if report["offset"] < len(self.arena) else 0
        self.arena[at : at + end + len(shape)] = PACK_HEADER.pack(*header._replace(**changed)) + bytes(24) + shape
        self.say(Said.EMIT, pack, **report)


def honest(child):
    pack = child.ready()
    child.emit(pack)
    child.say(Said.DONE, pack, received=2)


def header(**changed):
    return lambda child: child.emit(child.ready(), **changed)


def said(*arguments, **more):
    def lie(child):
        child.ready()
        child.say(*arguments, **more)

    return lie


def datagram(data):
    def lie(child):
        child.ready()
        child.channel.send(data)

    return lie


def at_once(*arguments):
    def lie(child):
        child.wait_for(Op.INIT)
        child.say(*arguments)

    return lie


def words(op, text):
    def lie(child):
        child.ready()
        child.text(op, text)

    return lie


def flood(op):
    def lie(child):
        child.ready()
        while True:
            child.text(op, b"x" * 1000)

    return lie


def done_twice(child):
    pack = child.ready()
    child.say(Said.DONE, pack, received=2)
    child.say(Said.DONE, pack, received=2)


def slot_twice(child):
    pack = child.ready()
    slot = child.grants[-1]
    child.emit(pack)
    child.emit(pack, offset=slot)


def forged_letters(blob, count):
    def lie(child):
        pack = child.ready()
        at = child.grants.pop()
        child.arena[at : at + len(blob)] = blob
        child.say(Said.EMIT, pack, kind=Emitted.DEAD_LETTERS, offset=at, bytes=len(blob), count=count)

    return lie


def busy_heart(child):
    """Burns CPU, and says at each look that it is at another record."""
    child.ready()
    for number in itertools.count():
        struct.pack_into("<QQQQ", child.beat, 0, 1, number % 2**63, 1, number)


def absurd_heart(child):
    pack = child.ready()
    struct.pack_into("<QQQQ", child.beat, 0, pack, 2**64 - 1, 2**64 - 1, 2**64 - 1)
    child.channel.send(b"x")


def busy_before_ready(child):
    """The same, and never gets ready."""
    for number in itertools.count():
        struct.pack_into("<QQQQ", child.beat, 0, 0, number % 2**63, 1, number)


def asleep_before_ready(child):
    child.wait_for(Op.INIT)


def silent(child):
    child.ready()


def sleeping_at_work(child):
    pack = child.ready()
    struct.pack_into("<QQQQ", child.beat, 0, pack, 0, 1, 0)


LIES = {
    "a short datagram": datagram(b"x"),
    "garbage": datagram(b"\xff" * 96),
    "half a report": datagram(REPORT.pack(99, *([0] * 11)) + b"xx"),
    "an unknown report": said(99),
    "a command": said(0),
    "ready twice": said(Said.READY),
    "done before ready": at_once(Said.DONE, 1),
    "emit before ready": at_once(Said.EMIT, 1),
    "ticked unasked": said(Said.TICKED),
    "done with what it was not given": said(Said.DONE, 4711),
    "done twice": done_twice,
    "a slot that it was not given": header(offset=12345),
    "a slot beyond the arena": header(offset=2**32 - 4096),
    "a slot twice": slot_twice,
    "more bytes than a slot has": header(bytes=SLOT_BYTES + 1),
    "no bytes": header(bytes=0),
    "another count": header(count=2),
    "a count without end": header(count=2**32 - 1, record_count=2**32 - 1),
    "no records": header(count=0, record_count=0),
    "another magic": header(magic=1),
    "another version": header(version=2),
    "another size": header(size=SLOT_BYTES * 2),
    "records before the header": header(records_start=0),
    "records that end before they begin": header(records_end=10, shapes_start=10),
    "records beyond the slot": header(records_end=2**32 - 8, shapes_start=2**32 - 8),
    "shapes beyond the slot": header(shapes_bytes=2**32 - 1),
    "no shapes": header(shape_count=0),
    "shapes without end": header(shape_count=2**32 - 1),
    "a heap beyond the slot": header(heap_start=2**32 - 1),
    "a heap over the shapes": header(heap_start=100),
    "other raw bytes": header(raw_bytes=2**31),
    "another loop depth": header(loop_depth=200),
    "something for no pack": lambda child: child.ready() and child.emit(0),
    "last words that are no JSON": words(Said.TERMINATED, b"{"),
    "last words that are deep": words(Said.TERMINATED, b"[" * 100_000),
    "last words of another form": words(Said.TERMINATED, b"[1]"),
    "last words of an unknown limit": words(Said.TERMINATED, json.dumps({"limit": "x" * 99, "text": ""}).encode()),
    "lines without end": flood(Said.PRINT),
    "failures without end": flood(Said.FAILURE),
    "modules without end": flood(Said.NEED_MODULE),
    "dead letters that are no lines": forged_letters(b"\x00" * 100, 1),
    "dead letters of another count": forged_letters(b"{}\n{}\n", 1),
    "an absurd heartbeat": absurd_heart,
    "silence": silent,
    "sleep at work": sleeping_at_work,
    "a forged heartbeat": busy_heart,
    "a forged heartbeat before ready": busy_before_ready,
    "sleep before ready": asleep_before_ready,
}


SILENT = {"an absurd heartbeat", "silence", "sleep at work", "sleep before ready"}


class Zygote:
    """Forks children that run Python functions, one after the other."""

    gone = False

    def __init__(self, *lives):
        self._lives = list(lives)

    def left(self, tenant):
        pass

    async def house(self, seat, tenant):
        _, _, channel, heartbeat_fd = seat
        ended = tenant.ended
        life = self._lives.pop(0)
        pid = os.fork()
        if pid == 0:
            try:
                signal.alarm(60)
                life(Child(channel, heartbeat_fd))
                while (data := channel.recv(protocol.MAX_DATAGRAM_BYTES)) and data[0] != Op.STOP:
                    pass  # it does not go by itself
            finally:
                os._exit(0)
        pidfd = os.pidfd_open(pid)

        def reap():
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)
            ended(os.waitpid(pid, 0)[1])

        asyncio.get_running_loop().add_reader(pidfd, reap)
        return Place(pid, ProcessClock(pid), 1)


async def survive(lie, folder):
    """A decoder whose first process lies, and whose second is honest. Answers how they ended, and what was routed."""
    sandbox, decoding, ends, routed, letters = await decoder_of(folder, lie, honest, honest, honest)
    watch = asyncio.create_task(Supervisor([sandbox]).run())
    try:
        async with asyncio.timeout(20):
            try:
                await sandbox.start()
            except Exception:  # noqa: BLE001 -- it lied before it was ready, so the start fails; that is one way to survive
                return [sandbox.termination], []
            while not (ends and decoding.idle):  # noqa: ASYNC110 -- looked at from outside
                await asyncio.sleep(0.005)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await sandbox.stop()
        letters.close()
    return ends, routed


async def decoder_of(folder, *lives):
    """A decoder with these processes, which has been given a pack."""
    routed = []
    metrics = ComponentMetrics("decoders", "test", "test")
    letters = DeadLetters(folder)
    decoding = DecoderPool("test", metrics, letters, routed.append, lambda: None, metrics)
    spec = {"kind": "decoder", "hostname": "here", "scripts": [{"file": "test.lua", "text": ""}]}
    sandbox = Sandbox(
        "test",
        order=Order("test", 8 << 20, 0, 0, allow_unjailed=False),
        spec=spec,
        arena=Arena("test", SLOT_BYTES, 8, host_writes=False),
        housing=Zygote(*lives),
        owner=decoding,
        metrics=metrics,
        cpu_limit_ms=20,
        read_module=str,
    )
    ends = []
    sandbox.on_death = lambda _, termination: ends.append(termination)
    decoding.sandboxes.append(sandbox)
    released = asyncio.Event()
    intake = Intake(
        "test", slot_bytes=SLOT_BYTES, slots=2, max_record_bytes=1000, has_room=lambda: True, decode=decoding.decode,
        reject=lambda *_: None, metrics=ComponentMetrics("inputs", "test", "test"),
    )  # fmt: skip
    stream = intake.open_stream("test", "test", lambda _: released.set())
    slot = await intake.slot()
    slot.view[: len(RAW)] = RAW
    intake.submit(slot, stream, position=0, next_position=len(RAW), length=len(RAW), records=None)
    return sandbox, decoding, ends, routed, letters


@pytest.mark.parametrize("name", LIES)
def test_a_liar_is_ended_and_the_next_process_does_its_work(name, tmp_path, monkeypatch):
    if name in SILENT:  # all others are found out by what they do, however long the machine lets them wait
        monkeypatch.setattr(supervisor, "_SILENT_S", 0.3)
    monkeypatch.setattr(supervisor, "START_CPU_MS", 100)

    ends, routed = asyncio.run(survive(LIES[name], tmp_path))

    assert ends[0].limit == ("cpu_limit" if "forged heartbeat" in name else "protocol"), ends
    if "before ready" not in name and "twice" not in name:
        assert len(routed) == 1
    assert not (tmp_path / "dead_letters").exists() or not any((tmp_path / "dead_letters").iterdir())


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_descriptor_that_a_child_sends_is_not_taken(tmp_path):
    before = open_files()

    def smuggle(child):
        child.ready()
        rights = array.array("i", [child.channel.fileno()] * 100).tobytes()
        child.channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    ends, routed = asyncio.run(survive(smuggle, tmp_path))

    assert ends[0].limit == "protocol"
    assert len(routed) == 1
    assert open_files() <= before + 8


def test_who_dies_time_and_again_is_quarantined_for_all_to_see(tmp_path, monkeypatch):
    monkeypatch.setattr("host.sandbox.sandbox._MAX_DELAY_S", 0.01)

    async def run():
        sandbox, _, ends, _, letters = await decoder_of(tmp_path, *[said(99)] * 12)
        await sandbox.start()
        async with asyncio.timeout(20):
            while sandbox.state != "quarantined":  # noqa: ASYNC110 -- looked at from outside
                await asyncio.sleep(0.005)
        read_sandboxes(sandbox.metrics, [sandbox])
        await sandbox.stop()
        letters.close()
        return len(ends), sandbox.metrics

    deaths, metrics = asyncio.run(run())

    assert deaths == 12
    assert metrics.states == {"stopped": 0, "starting": 0, "running": 0, "backing_off": 0, "quarantined": 1}
    assert metrics.restarts == 11
