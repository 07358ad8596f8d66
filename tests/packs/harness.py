"""Runs one sandbox as the host does, and keeps what it sends."""

import asyncio
from array import array

from host.core import paths
from host.packs.arena import Arena
from host.packs.intake import Intake
from host.packs.protocol import Emitted
from host.pipeline import specs
from host.pipeline.decoder_pool import table_pack
from host.plugins import manifest
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics

PACK_BYTES = 512 * 1024
STREAM = "test/stream"
POSITION = 1_000_000


class Captured:
    """What came of one raw pack."""

    def __init__(self):
        self.packs = []
        """The bytes of each slot with a pack."""
        self.reports = []
        """All reports on it, in order."""
        self.dead_letters = b""
        self.stream_number = 0
        self.usage = None
        """What the sandbox had used when it was done."""


class SandboxListener:
    """Takes what the sandbox says."""

    def __init__(self):
        self.captured = Captured()
        self.done = asyncio.Event()
        self.failures = []
        self.terminations = []

    def on_emit(self, sandbox, work, report):
        start, captured = report.offset, self.captured
        captured.reports.append(report)
        slot = bytes(sandbox.arena.view[start : start + sandbox.arena.slot_bytes])
        if report.kind == Emitted.DEAD_LETTERS:
            captured.dead_letters += slot[: report.used_bytes]
        else:
            assert table_pack(sandbox, report, raw=work.pack) is not None
            work.pack.release()
            captured.packs.append(slot)
        sandbox.release_slot(start)

    def on_done(self, _, work, report):
        self.captured.reports.append(report)
        work.pack.release()
        self.done.set()

    def on_failure(self, _, text):
        self.failures.append(text)

    def on_room(self, sandbox):
        pass

    def on_terminated(self, _, termination):
        self.terminations.append(termination)
        return True


def script(name, config=None, text=None):
    """A plugin's part of a specification: a shipped one by its name, or one's own text."""
    if text is not None:
        return {"name": name, "file": f"{name}.lua", "text": text, "config": config or {"": None}}
    path = paths.shipped("sandboxes/lua") / "decoders" / f"{name}.lua"
    options = manifest.read(path.read_text(), path.name, []).manifest.config
    defaults = {key: option.default for key, option in options.items() if option.default is not None}
    return {"name": name, "file": path.name, "text": path.read_text(), "config": {**defaults, **(config or {})}}


def decode(data, *scripts, records=None, strategy="first", slot_bytes=PACK_BYTES):
    """Have a decoder sandbox work through one raw pack."""
    return asyncio.run(_decode(data, scripts, records, strategy, slot_bytes))


async def _decode(data, scripts, records, strategy, slot_bytes):
    zygote, owner = ZygoteClient(), SandboxListener()
    metrics = ComponentMetrics("decoders", "test", "test")
    spec = {
        "name": "test",
        "kind": "decoder",
        "hostname": "here",
        "output_limit": 65536,
        "max_message_size": 131072,
        "max_message_fields": 1024,
        "scripts": list(scripts),
        "strategy": strategy,
        "max_record_bytes": 65536,
        "oversize": "truncate",
        "logger": "test",
        "message_type": "",
        **({"delimiter": 10} if records is None else {}),
    }
    sandbox = Sandbox(
        "test",
        order=Order("test", 8 << 20, PACK_BYTES, 0, allow_unjailed=False),
        spec=spec,
        arena=Arena("test", slot_bytes, 4, host_writes=False),
        housing=zygote,
        owner=owner,
        metrics=metrics,
        cpu_limit_ms=1000,
        read_module=specs.module_reader(None),
    )
    zygote.start()
    try:
        await sandbox.start()
        async with asyncio.timeout(20):
            await _give(sandbox, owner, data, records)
        owner.captured.usage = sandbox.usage()
        await sandbox.stop()
    finally:
        zygote.close()
    return owner.captured


async def _give(sandbox, owner, data, records):
    intake = Intake(
        "test", slot_bytes=PACK_BYTES, slots=2, max_record_bytes=65536, has_room=lambda: True,
        decode=sandbox.give, reject=lambda *_: None, metrics=ComponentMetrics("inputs", "test", "test"),
    )  # fmt: skip
    stream = intake.open_stream(STREAM, STREAM)
    owner.captured.stream_number = stream.number
    slot = await intake.slot()
    slot.view[: len(data)] = data
    table = None if records is None else array("I", [offset for pair in records for offset in pair])
    intake.submit(slot, stream, position=POSITION, next_position=POSITION + len(data), length=len(data), records=table)
    await owner.done.wait()
