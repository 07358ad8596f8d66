"""Runs a trial: a jailed process with production's limits, given one record, message or tick after the other.

Each goes as a pack of its own, so what came of it, and what it cost, is known of each. Nothing here waits on the
host's loop for longer than it takes to read what one step has made.
"""

import asyncio
import time
from array import array
from typing import Any, NamedTuple

from host.config import model
from host.errors import SandboxError
from host.packs import writer
from host.packs.arena import Arena
from host.packs.ledger import RawPack, Stream, TablePack
from host.pipeline import specs
from host.sandbox.sandbox import Sandbox
from host.sandbox.supervisor import Supervisor
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics, Kind
from host.trial.messages import to_message
from host.trial.model import Decoder, Encoder, Ending, Given, Outcome, Record, Result, Tick, Trial
from host.trial.stage import Stage, TooMuchError

_SLOT_BYTES = 512 * 1024
_BATCH_BYTES = 1024 * 1024
_SLOTS = 8
_DELIMITER = b"\n"


class TrialError(SandboxError):
    """A trial cannot be carried out as it was asked for."""


async def run(trial: Trial, zygote: ZygoteClient) -> Outcome:
    """Carry out a trial.

    Raises:
        TrialError: It asks for more than its bounds, or for what its kind cannot do.
        MessageError: A message that is given is none.
        SandboxError: No process could be started at all. A script that does not load is an outcome.
    """
    _check(trial)
    running = _Running(trial, zygote)
    supervisor = asyncio.get_running_loop().create_task(Supervisor(running.sandboxes).run())
    try:
        await running.run()
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)
        await running.close()
    return running.outcome


def _check(trial: Trial) -> None:
    bounds = trial.bounds
    if len(trial.steps) > bounds.steps:
        raise TrialError(
            f"A trial has at most {bounds.steps} records, messages and ticks; this one has {len(trial.steps)}."
        )
    given_bytes = sum(len(step.data) for step in trial.steps if isinstance(step, Record))
    if given_bytes > bounds.given_bytes:
        raise TrialError(f"The records of a trial have at most {bounds.given_bytes} bytes; these have {given_bytes}.")
    for step in trial.steps:
        if isinstance(step, Given) and isinstance(trial.of, Decoder):
            raise TrialError("A decoder is given records, not messages.")
        if isinstance(step, Tick) and not isinstance(trial.of, model.Filter):
            raise TrialError("Only filters have a timer_event.")
        if isinstance(step, Record) and not isinstance(trial.of, Decoder) and trial.decoder is None:
            raise TrialError("Name a decoder that makes messages of the records, or give messages.")


class _Description(NamedTuple):
    """What a sandbox is made of."""

    kind: Kind
    sandboxes: tuple[model.Sandbox, ...]
    spec: dict[str, Any]
    pack_bytes: int
    slot_bytes: int


class _Running:
    """One trial that is being carried out."""

    def __init__(self, trial: Trial, zygote: ZygoteClient) -> None:
        self.outcome = Outcome()
        self._trial = trial
        self._zygote = zygote
        self._now_ns = trial.now_ns
        self._left_bytes = trial.bounds.output_bytes
        self._left_prints = trial.bounds.prints
        self._read_module = specs.module_reader(trial.sandbox_dir)
        longest = max((len(step.data) for step in trial.steps if isinstance(step, Record)), default=0)
        self._raw = Arena("trial-raw", longest + 64, 1, host_writes=True)
        self._given = Arena("trial-given", _SLOT_BYTES, 1, host_writes=True)
        self._stream = Stream("trial", "trial", None)
        self._position = 0
        self._decoder = (
            None if isinstance(trial.of, Decoder) or trial.decoder is None else self._stage_of(trial.decoder)
        )
        self._stage = self._stage_of(trial.of)
        self._stages = [stage for stage in (self._decoder, self._stage) if stage is not None]

    @property
    def sandboxes(self) -> list[Sandbox]:
        """For the supervisor."""
        return [stage.sandbox for stage in self._stages]

    def _stage_of(self, of: Decoder | model.Filter | Encoder) -> Stage:
        stage = Stage(self._spend, keep_packs=of is not self._trial.of)
        kind, sandboxes, spec, pack_bytes, slot_bytes = self._described(of)
        allow_unjailed = self._trial.allow_unjailed
        sandbox = Sandbox(
            of.name,
            order=specs.order(of.name, sandboxes, pack_bytes, keeps_state=False, allow_unjailed=allow_unjailed),
            spec=spec,
            arena=Arena(f"trial-{of.name}", slot_bytes, _SLOTS, host_writes=False),
            zygote=self._zygote,
            owner=stage,
            metrics=ComponentMetrics(kind, of.name, "trial"),
            cpu_limit_ms=specs.cpu_limit_ms(sandboxes),
            read_module=self._read_module,
        )
        sandbox.on_print, sandbox.clock = self._printed, self._clock
        stage.sandbox = sandbox
        return stage

    def _described(self, of: Decoder | model.Filter | Encoder) -> _Description:
        hostname = self._trial.hostname
        if isinstance(of, Decoder):
            spec = specs.decoder(of, _DELIMITER[0], hostname)
            return _Description("decoders", of.decoder_chain, spec, _SLOT_BYTES, _SLOT_BYTES)
        if isinstance(of, Encoder):
            return _Description("encoders", (of.encoder,), specs.encoder(of, hostname), 0, _BATCH_BYTES)
        return _Description("filters", (of.sandbox,), specs.filter_(of, hostname), 0, _SLOT_BYTES)

    # ---------------------------------------------------------------- what it may take

    def _spend(self, count: int) -> None:
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise TooMuchError

    def _clock(self) -> int:
        return time.time_ns() if self._now_ns is None else self._now_ns

    def _printed(self, text: str) -> None:
        size = len(text) + 1
        if self._left_prints == 0 or size > self._left_bytes:
            self.outcome.left_out_prints += 1
            return
        self._left_prints -= 1
        self._left_bytes -= size
        results = self.outcome.results
        (results[-1].prints if results else self.outcome.prints).append(text)

    # ---------------------------------------------------------------- the steps

    async def run(self) -> None:
        """Start, and carry out step after step until something ends it."""
        try:
            async with asyncio.timeout(self._trial.bounds.time_ms / 1000):
                if all([await self._start(stage) for stage in self._stages]):
                    await self._run_steps()
        except TimeoutError:
            self.outcome.stopped = "time"
        except TooMuchError:
            self.outcome.stopped = "output"
        self.outcome.modules = {name: digest for each in self.sandboxes for name, digest in each.modules.items()}

    async def _start(self, stage: Stage) -> bool:
        await stage.start()
        self.outcome.start_cpu_us += stage.cpu_us()
        return self._goes_on(None)

    async def _run_steps(self) -> None:
        for number, step in enumerate(self._trial.steps):
            result = Result()
            self.outcome.results.append(result)
            if isinstance(step, Tick):
                self._now_ns = step.now_ns
                await self._stage.tick(step.now_ns, result, shutdown=step.shutdown)
            elif isinstance(step, Given):
                await self._stage.give(self._message_pack(step), result)
            elif self._decoder is None:
                await self._stage.give(self._raw_pack(step), result)
            else:
                await self._decode_first(self._decoder, step, result)
            if not self._goes_on(number):
                return

    async def _decode_first(self, decoder: Stage, step: Record, result: Result) -> None:
        await decoder.give(self._raw_pack(step), result)
        result.matched = False
        for pack in decoder.take_packs():
            await self._stage.give(pack, result)

    def _goes_on(self, step: int | None) -> bool:
        """Whether no process has ended; the first one that has is why the trial does."""
        ended = next((stage.termination for stage in self._stages if stage.termination is not None), None)
        if ended is not None:
            self.outcome.ending = Ending(step=step, limit=ended.limit, text=ended.text, value=ended.value)
        return ended is None

    # ---------------------------------------------------------------- packs

    def _raw_pack(self, record: Record) -> RawPack:
        data = record.data
        offset = self._raw.acquire()
        assert offset is not None
        self._raw.view[offset : offset + len(data) + 1] = data + _DELIMITER
        records = None
        if _DELIMITER in data:  # then its place must be told, in a table behind it
            records = array("I", (0, len(data)))
            at = offset + len(data) + 1
            at += -at % 8
            self._raw.view[at : at + 8] = records.tobytes()
        position, self._position = self._position, self._position + len(data) + 1
        pack = RawPack(self._raw, offset, len(data) + 1, self._stream, position, self._position, records, _nothing)
        self._stream.add(pack)
        return pack

    def _message_pack(self, given: Given) -> TablePack:
        offset = self._given.acquire()
        assert offset is not None
        slot = self._given.view[offset : offset + self._given.slot_bytes]
        position, self._position = self._position, self._position + 1
        message = to_message(given.message, self._clock())
        written = writer.write(slot, [message], loop_depth=0, stream=self._stream.number, position=position)
        return TablePack(
            self._given, offset, written.used_bytes, 1, written.shapes, "", 0, self._stream.number, position,
            None, None, self._given.release, time.monotonic_ns(),
        )  # fmt: skip

    async def close(self) -> None:
        """End the processes, and let the memory go."""
        await asyncio.gather(*(stage.close() for stage in self._stages))
        self._raw.close()
        self._given.close()


def _nothing() -> None:
    """What is to be done when a raw pack is free."""
