"""Resources that the sandboxes of one trial share: processes, clock, memory for packs, and bounds."""

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
from host.trial.model import Bounds, Decoder, Encoder, Grammar, ReplWorkspace
from host.trial.trial_sandbox import TooMuchError, TrialSandbox

_NS = 1_000_000_000
_SLOT_BYTES = 512 * 1024
_BATCH_BYTES = 1024 * 1024
_SLOTS = 64
_DELIMITER = b"\n"
_COVERAGE_CPU_FACTOR = 20
"""Factor for the CPU limit under coverage: there is no compiler, and a hook runs for each line."""

Subject = Decoder | Encoder | Grammar | ReplWorkspace | model.Input | model.Filter | model.Output


class _SandboxParts(NamedTuple):
    """The parts from which a sandbox is created."""

    kind: Kind
    sandboxes: tuple[model.Sandbox, ...]
    spec: dict[str, Any]
    pack_bytes: int
    slot_bytes: int


class TrialHarness:
    """Creates sandboxes and packs, and cleans up after them.

    Args:
        zygote: Starts the processes.
        bounds: Limits for all sandboxes together.
        max_record_bytes: Length of the longest record.
        on_print: Receives the lines that scripts print.
        coverage: Receives the lines that ran; None to record none. Coverage makes scripts slow.
        watch_lines: True to report the script line in a CPU termination. It makes scripts slow.
    """

    def __init__(
        self,
        zygote: ZygoteClient,
        bounds: Bounds,
        *,
        max_record_bytes: int,
        hostname: str,
        sandbox_dir: str | None,
        allow_unjailed: bool,
        on_print: Callable[[str], None],
        coverage: Coverage | None = None,
        watch_lines: bool = False,
    ) -> None:
        self.now_ns: int | None = None
        """The sandboxes' time in nanoseconds since 1970; None for the real time."""
        self.sandboxes: list[TrialSandbox] = []
        self.left_out_prints = 0
        self._zygote = zygote
        self._hostname = hostname
        self._allow_unjailed = allow_unjailed
        self._print = on_print
        self._coverage = coverage
        self._watch_lines = watch_lines
        self._left_bytes = bounds.output_bytes
        self._left_prints = bounds.prints
        self._read_module = specs.module_reader(sandbox_dir)
        self._raw = Arena("trial-raw", max_record_bytes + 64, 1, host_writes=True)
        self._given = Arena("trial-given", _SLOT_BYTES, 1, host_writes=True)
        self._stream = Stream("trial", "trial", None)
        self._position = 0
        self._supervisor = asyncio.get_running_loop().create_task(Supervisor(_Sandboxes(self.sandboxes)).run())

    async def close(self) -> None:
        """End the processes and free the memory."""
        self._supervisor.cancel()
        await asyncio.gather(self._supervisor, return_exceptions=True)
        await asyncio.gather(*(sandbox.close() for sandbox in self.sandboxes))
        self._raw.close()
        self._given.close()

    def clock(self) -> int:
        """Return the sandboxes' time in nanoseconds since 1970."""
        return time.time_ns() if self.now_ns is None else self.now_ns

    def cpu_s(self) -> float:
        """Return the CPU time that the processes have used so far."""
        return sum(sandbox.cpu_us() for sandbox in self.sandboxes) / 1e6

    # ---------------------------------------------------------------- sandboxes

    def new_sandbox(self, of: Subject, *, keep_packs: bool) -> TrialSandbox:
        """Create a sandbox without starting it."""
        sandbox = TrialSandbox(self._spend, keep_packs=keep_packs)
        kind, sandboxes, spec, pack_bytes, slot_bytes = self._sandbox_parts(of)
        order = specs.order(of.name, sandboxes, pack_bytes, keeps_state=False, allow_unjailed=self._allow_unjailed)
        if isinstance(of, Grammar | ReplWorkspace):
            order = order._replace(snapshot_bytes=specs.WORKSPACE_BYTES)
        sandbox.process = Sandbox(
            of.name,
            order=order,
            spec=spec | self._trial_spec(),
            arena=Arena(f"trial-{of.name}", slot_bytes, _SLOTS, host_writes=False),
            housing=self._zygote,
            owner=sandbox,
            metrics=ComponentMetrics(kind, of.name, "trial"),
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes) * (1 if self._coverage is None else _COVERAGE_CPU_FACTOR),
            read_module=self._read_module,
        )
        if self._coverage is not None:
            sandbox.process.on_covered = self._coverage.new_listener(sandboxes)
        sandbox.process.on_print, sandbox.process.clock = self._on_print, self.clock
        self.sandboxes.append(sandbox)
        return sandbox

    def _trial_spec(self) -> dict[str, Any]:
        """Return the kernel settings that only trials use."""
        return {
            "virtual_time_s": self.clock() // _NS,
            "coverage": self._coverage is not None,
            "watch_lines": self._watch_lines,
        }

    def _sandbox_parts(self, of: Subject) -> _SandboxParts:
        if isinstance(of, Decoder | model.Input):
            spec = specs.decoder(of, _DELIMITER[0], self._hostname)
            return _SandboxParts("decoders", of.decoder_chain, spec, _SLOT_BYTES, _SLOT_BYTES)
        if isinstance(of, Encoder | model.Output):
            return _SandboxParts("encoders", (of.encoder,), specs.encoder(of, self._hostname), 0, _BATCH_BYTES)
        if isinstance(of, Grammar):
            spec = specs.grammar(of.script, self._hostname)
            return _SandboxParts("decoders", (of.script,), spec, _SLOT_BYTES, _BATCH_BYTES)
        if isinstance(of, ReplWorkspace):
            return _SandboxParts(
                "decoders", (of.script,), specs.repl(of.script, self._hostname), _SLOT_BYTES, _BATCH_BYTES
            )
        return _SandboxParts("filters", (of.sandbox,), specs.filter_(of, self._hostname), 0, _SLOT_BYTES)

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
        self._print(text)

    # ---------------------------------------------------------------- packs

    def raw_pack(self, data: bytes) -> RawPack:
        """Return a pack of one record. The previous pack must have been released."""
        records = array("I", (0, len(data))) if _DELIMITER in data else None
        return self._pack(data + _DELIMITER, records)

    def batch(self, data: bytes) -> RawPack:
        """Return a pack of whole lines, each of them a record. The previous pack must have been released."""
        return self._pack(data, None)

    def _pack(self, data: bytes, records: "array[int] | None") -> RawPack:
        offset = self._raw.acquire()
        assert offset is not None
        self._raw.view[offset : offset + len(data)] = data
        if records is not None:  # a table behind the data holds the record's bounds
            at = offset + len(data)
            at += -at % 8
            self._raw.view[at : at + 8] = records.tobytes()
        position, self._position = self._position, self._position + len(data)
        pack = RawPack(self._raw, offset, len(data), self._stream, position, self._position, records, _ignore_free)
        self._stream.add(pack)
        return pack

    def message_pack(self, message: Mapping[str, Any]) -> TablePack:
        """Return a pack of one message. The previous pack must have been released.

        Raises:
            MessageError: The message is invalid.
        """
        parsed = to_message(message, self.clock())
        offset = self._given.acquire()
        assert offset is not None
        slot = self._given.view[offset : offset + self._given.slot_bytes]
        position, self._position = self._position, self._position + 1
        written = writer.write(slot, [parsed], loop_depth=0, stream=self._stream.number, position=position)
        return TablePack(
            self._given, offset, written.used_bytes, 1, written.shapes, "", 0, self._stream.number, position,
            None, None, self._given.release, time.monotonic_ns(),
        )  # fmt: skip


class _Sandboxes:
    """A live view of the harness's sandboxes for the supervisor, which iterates over it repeatedly."""

    def __init__(self, sandboxes: list[TrialSandbox]) -> None:
        self._sandboxes = sandboxes

    def __iter__(self) -> Any:
        return iter([sandbox.process for sandbox in self._sandboxes])


def _ignore_free() -> None:
    """Do nothing when a raw pack is freed."""
