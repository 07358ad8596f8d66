"""What the sandboxes of a trial share: the processes, the time, the room for what is given, the bounds."""

import asyncio
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from host.config import model
from host.packs import writer
from host.packs.arena import Arena
from host.packs.ledger import RawPack, Stream, TablePack
from host.pipeline import specs
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics, Kind
from host.trial.coverage import Coverage
from host.trial.messages import to_message
from host.trial.model import Bounds, Decoder, Encoder, Grammar, Repl
from host.trial.trial_sandbox import Stage, TooMuchError

_NS = 1_000_000_000
_SLOT_BYTES = 512 * 1024
_BATCH_BYTES = 1024 * 1024
_SLOTS = 64
_DELIMITER = b"\n"
_TIMES_SLOWER = 20
"""Without a compiler, and with a look at each line."""

Tried = Decoder | Encoder | Grammar | Repl | model.Input | model.Filter | model.Output


class _Description(NamedTuple):
    """What a sandbox is made of."""

    kind: Kind
    sandboxes: tuple[model.Sandbox, ...]
    spec: dict[str, Any]
    pack_bytes: int
    slot_bytes: int


class TrialHarness:
    """Makes stages and packs, and cleans up after them.

    Args:
        zygote: Starts the processes.
        bounds: What all together may take.
        longest: Bytes of the longest record.
        printed: Told what a script prints.
        coverage: Told which lines run, if somebody wants to know; everything is slow then.
        watch_lines: Whether a termination for its CPU is to say at which line it was; everything is slow then.
    """

    def __init__(
        self,
        zygote: ZygoteClient,
        bounds: Bounds,
        *,
        longest: int,
        hostname: str,
        sandbox_dir: str | None,
        allow_unjailed: bool,
        printed: Callable[[str], None],
        coverage: Coverage | None = None,
        watch_lines: bool = False,
    ) -> None:
        self.now_ns: int | None = None
        """The time that it is for the sandboxes; None for that of the day."""
        self.stages: list[Stage] = []
        self.left_out_prints = 0
        self._zygote = zygote
        self._hostname = hostname
        self._allow_unjailed = allow_unjailed
        self._printed = printed
        self._coverage = coverage
        self._watch_lines = watch_lines
        self._left_bytes = bounds.output_bytes
        self._left_prints = bounds.prints
        self._read_module = specs.module_reader(sandbox_dir)
        self._raw = Arena("trial-raw", longest + 64, 1, host_writes=True)
        self._given = Arena("trial-given", _SLOT_BYTES, 1, host_writes=True)
        self._stream = Stream("trial", "trial", None)
        self._position = 0
        self._supervisor = asyncio.get_running_loop().create_task(Supervisor(_Sandboxes(self.stages)).run())

    async def close(self) -> None:
        """End the processes, and let the memory go."""
        self._supervisor.cancel()
        await asyncio.gather(self._supervisor, return_exceptions=True)
        await asyncio.gather(*(stage.close() for stage in self.stages))
        self._raw.close()
        self._given.close()

    def clock(self) -> int:
        """The time, in nanoseconds since 1970."""
        return time.time_ns() if self.now_ns is None else self.now_ns

    def cpu_s(self) -> float:
        """CPU time that the processes have used so far."""
        return sum(stage.cpu_us() for stage in self.stages) / 1e6

    # ---------------------------------------------------------------- stages

    def stage(self, of: Tried, *, keep_packs: bool) -> Stage:
        """Make a sandbox, not started yet."""
        stage = Stage(self._spend, keep_packs=keep_packs)
        kind, sandboxes, spec, pack_bytes, slot_bytes = self._described(of)
        order = specs.order(of.name, sandboxes, pack_bytes, keeps_state=False, allow_unjailed=self._allow_unjailed)
        if isinstance(of, Grammar | Repl):
            order = order._replace(snapshot_bytes=specs.WORKSPACE_BYTES)
        stage.sandbox = Sandbox(
            of.name,
            order=order,
            spec=spec | self._watching(),
            arena=Arena(f"trial-{of.name}", slot_bytes, _SLOTS, host_writes=False),
            housing=self._zygote,
            owner=stage,
            metrics=ComponentMetrics(kind, of.name, "trial"),
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes) * (1 if self._coverage is None else _TIMES_SLOWER),
            read_module=self._read_module,
        )
        if self._coverage is not None:
            stage.sandbox.on_covered = self._coverage.listener(sandboxes)
        stage.sandbox.on_print, stage.sandbox.clock = self._on_print, self.clock
        self.stages.append(stage)
        return stage

    def _watching(self) -> dict[str, Any]:
        """What the kernel is told of the trial."""
        return {
            "virtual_time_s": self.clock() // _NS,
            "coverage": self._coverage is not None,
            "watch_lines": self._watch_lines,
        }

    def _described(self, of: Tried) -> _Description:
        if isinstance(of, Decoder | model.Input):
            spec = specs.decoder(of, _DELIMITER[0], self._hostname)
            return _Description("decoders", of.decoder_chain, spec, _SLOT_BYTES, _SLOT_BYTES)
        if isinstance(of, Encoder | model.Output):
            return _Description("encoders", (of.encoder,), specs.encoder(of, self._hostname), 0, _BATCH_BYTES)
        if isinstance(of, Grammar):
            spec = specs.grammar(of.script, self._hostname)
            return _Description("decoders", (of.script,), spec, _SLOT_BYTES, _BATCH_BYTES)
        if isinstance(of, Repl):
            return _Description(
                "decoders", (of.script,), specs.repl(of.script, self._hostname), _SLOT_BYTES, _BATCH_BYTES
            )
        return _Description("filters", (of.sandbox,), specs.filter_(of, self._hostname), 0, _SLOT_BYTES)

    def _spend(self, count: int) -> None:
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise TooMuchError

    def _on_print(self, text: str) -> None:
        size = len(text) + 1
        if self._left_prints == 0 or size > self._left_bytes:
            self.left_out_prints += 1
            return
        self._left_prints -= 1
        self._left_bytes -= size
        self._printed(text)

    # ---------------------------------------------------------------- packs

    def raw_pack(self, data: bytes) -> RawPack:
        """A pack of one record. The one before it must have been let go."""
        records = array("I", (0, len(data))) if _DELIMITER in data else None
        return self._pack(data + _DELIMITER, records)

    def batch(self, data: bytes) -> RawPack:
        """A pack of whole lines, each a record. The one before it must have been let go."""
        return self._pack(data, None)

    def _pack(self, data: bytes, records: "array[int] | None") -> RawPack:
        offset = self._raw.acquire()
        assert offset is not None
        self._raw.view[offset : offset + len(data)] = data
        if records is not None:  # its place must be told, in a table behind it
            at = offset + len(data)
            at += -at % 8
            self._raw.view[at : at + 8] = records.tobytes()
        position, self._position = self._position, self._position + len(data)
        pack = RawPack(self._raw, offset, len(data), self._stream, position, self._position, records, _nothing)
        self._stream.add(pack)
        return pack

    def message_pack(self, message: Mapping[str, Any]) -> TablePack:
        """A pack of one message. The one before it must have been let go.

        Raises:
            MessageError: It is none.
        """
        made = to_message(message, self.clock())
        offset = self._given.acquire()
        assert offset is not None
        slot = self._given.view[offset : offset + self._given.slot_bytes]
        position, self._position = self._position, self._position + 1
        written = writer.write(slot, [made], loop_depth=0, stream=self._stream.number, position=position)
        return TablePack(
            self._given, offset, written.used_bytes, 1, written.shapes, "", 0, self._stream.number, position,
            None, None, self._given.release, time.monotonic_ns(),
        )  # fmt: skip


class _Sandboxes:
    """The sandboxes of the stages that there are whenever one looks."""

    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages

    def __iter__(self) -> Any:
        return iter([stage.sandbox for stage in self._stages])


def _nothing() -> None:
    """What is to be done when a raw pack is free."""
