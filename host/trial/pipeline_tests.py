"""Tests of whole configurations: feeds records to inputs and compares the output at other places.

Decoders, filters and encoders run in their real processes. Routing, splitters and matchers follow the configuration.
Files and sockets are not touched. Packs are processed one after the other, and the time is
that of the messages, so a test gives the same result on every run.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from host.config import convert, model, registry
from host.config.dropins import DropIns
from host.config.load import LoadedConfig
from host.config.nodes import Node
from host.config.test_keys import ExpectKeys, GivenKeys, TestKeys
from host.core.errors import ConfigError, HekateError
from host.packs import reader
from host.packs.ledger import TablePack
from host.packs.reader import Message
from host.plugins.case_schema import DEFAULT_NOW
from host.sandbox.zygote_client import ZygoteClient
from host.trial.coverage import Coverage
from host.trial.cpu_budget import CpuBudget
from host.trial.engine import TrialError
from host.trial.harness import TrialHarness
from host.trial.messages import timestamp_ns, to_message
from host.trial.model import Bounds, StepResult
from host.trial.trial_sandbox import TooMuchError, TrialSandbox

_NS = 1_000_000_000
_MAX_TICKS = 10_000
_STAGES = ("inputs", "filters", "outputs")


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One test, ready to run."""

    name: str
    file: str
    line: int
    keys: TestKeys
    lines: dict[str, int]
    """Line of each place under `expect`."""
    config: model.Config


class PlaceResult(msgspec.Struct, kw_only=True):
    """The output at one place."""

    messages: list[Message] = []
    outputs: list[bytes] = []
    failures: list[str] = []


def read(loaded: LoadedConfig, errors: list[ConfigError]) -> list[Test]:
    """Return the tests of a configuration. Leave out tests with a fault, and add the fault to `errors`."""
    filters, faults = DropIns().filters(loaded.config)
    errors += faults
    config = msgspec.structs.replace(loaded.config, filters={**filters, **loaded.config.filters})
    tests = (_test(name, node, config, errors) for name, node in loaded.tests.items())
    return [test for test in tests if test is not None]


def _test(name: str, node: Node, config: model.Config, errors: list[ConfigError]) -> Test | None:
    before = len(errors)
    path = f"tests.{name}"
    keys: TestKeys = convert.to_value(node, TestKeys, path, [])  # its faults were reported when it was loaded
    entries = node.mapping or {}
    given = entries["given"].value
    for number, (step, place) in enumerate(zip(keys.given, given if isinstance(given, list) else [], strict=True)):
        where = f"{path}.given[{number}]"
        errors += [ConfigError(where, place.file, place.line, text) for text in _step_faults(step, config)]
    expected = entries["expect"].mapping or {}
    for where, place in expected.items():
        faults = _place_faults(where, keys.expect[where], config)
        errors += [ConfigError(f"{path}.expect.{where}", place.file, place.line, text) for text in faults]
    if keys.now is not None and (fault := _conversion_fault(timestamp_ns, keys.now)):
        errors.append(ConfigError(f"{path}.now", entries["now"].file, entries["now"].line, fault))
    if len(errors) > before:
        return None
    lines = {where: place.line for where, place in expected.items()}
    return Test(name=name, file=node.file, line=node.line, keys=keys, lines=lines, config=config)


def _conversion_fault(convert_: Callable[..., object], *values: object) -> str:
    """Return the error message of a conversion; empty if it succeeds."""
    try:
        convert_(*values)
    except HekateError as error:
        return str(error)
    return ""


def _step_faults(step: GivenKeys, config: model.Config) -> Iterator[str]:
    given = [name for name in ("records", "data", "message", "until") if getattr(step, name) is not None]
    if len(given) != 1:
        yield "A step must have exactly one of records, data, message and until."
        return
    if (given[0] in {"records", "data"}) != (step.input is not None):
        yield "`records` and `data` need an `input`, and `input` needs one of them."
    elif step.input is not None and step.input not in config.inputs:
        yield f"There is no input `{step.input}`. {convert.did_you_mean(step.input, config.inputs)}"
    if step.message is not None and (fault := _conversion_fault(to_message, step.message, 0)):
        yield fault
    if step.until is not None and (fault := _conversion_fault(timestamp_ns, step.until)):
        yield fault


def _place_faults(where: str, keys: ExpectKeys, config: model.Config) -> Iterator[str]:
    stage, _, name = where.partition(".")
    names = getattr(config, stage) if stage in _STAGES else {}
    if name not in names:
        known = [f"{each}.{unit}" for each in _STAGES for unit in getattr(config, each)]
        yield f"There is no `{where}`. {convert.did_you_mean(where, known)}"
    if stage == "outputs" and keys.messages is not None:
        yield "An output delivers bytes: expect `output` or `json` instead of `messages`."
    if stage != "outputs" and (keys.output is not None or keys.json is not None):
        yield "Only outputs have `output` and `json`: expect `messages` instead."


async def run(test: Test, zygote: ZygoteClient, coverage: Coverage | None = None) -> dict[str, PlaceResult]:
    """Run a test.

    Args:
        test: The test to run.
        zygote: Starts the processes.
        coverage: Receives the lines that ran; None to record none.

    Returns:
        The output by place.

    Raises:
        HekateError: The test could not be completed; the error says why.
    """
    test_run = _TestRun(test, zygote, coverage)
    max_cpu_s = test_run.bounds.time_ms / 1000
    budget = CpuBudget(max_cpu_s)
    try:
        with budget.charge(test_run.harness.cpu_s):
            async with budget.enforce():
                await test_run.run()
    except TimeoutError:
        raise TrialError(
            f"The test was stopped: it exceeded {max_cpu_s:g} s of CPU, or {budget.max_wall_s:g} s of time."
        ) from None
    except TooMuchError:
        raise TrialError(f"The test was stopped: it exceeded {test_run.bounds.output_bytes} bytes of output.") from None
    finally:
        await test_run.harness.close()
    return test_run.places


class _TestRun:
    """One test while it runs."""

    def __init__(self, test: Test, zygote: ZygoteClient, coverage: Coverage | None) -> None:
        self.bounds = Bounds(output_bytes=64 << 20, time_ms=60_000)
        self.places: dict[str, PlaceResult] = {}
        self._test = test
        self._config = config = test.config
        settings = config.hekate
        given = test.keys.given
        texts = [text for step in given for text in (*(step.records or ()), step.data or "")]
        self.harness = TrialHarness(
            zygote,
            self.bounds,
            max_record_bytes=max((len(text.encode()) for text in texts), default=0),
            hostname=settings.hostname or "localhost",
            sandbox_dir=settings.sandbox_dir,
            allow_unjailed=settings.allow_unjailed,
            on_print=_ignore_print,
            coverage=coverage,
        )
        self._inputs = {name: self._new_sandbox("inputs", name, each) for name, each in config.inputs.items()}
        self._filters = {name: self._new_sandbox("filters", name, each) for name, each in config.filters.items()}
        self._outputs = {name: self._new_sandbox("outputs", name, each) for name, each in config.outputs.items()}
        self._has_time = False
        self._due: dict[str, int] = {}
        self._ticks = 0

    def _new_sandbox(self, stage: str, name: str, of: Any) -> TrialSandbox:
        self.places[f"{stage}.{name}"] = PlaceResult()
        return self.harness.new_sandbox(of, keep_packs=stage != "outputs")

    async def run(self) -> None:
        """Start all sandboxes and run all steps."""
        keys = self._test.keys
        await asyncio.gather(*(sandbox.start() for sandbox in self.harness.sandboxes))
        self._check_ended()
        self.harness.now_ns = timestamp_ns(DEFAULT_NOW if keys.now is None else keys.now)
        if keys.now is not None:
            self._set_timers()
        for step in keys.given:
            await self._give(step)
        if keys.shutdown:
            for name in self._filters:
                await self._tick(name, self.harness.clock(), shutdown=True)

    async def _give(self, step: GivenKeys) -> None:
        if step.until is not None:
            await self._advance(timestamp_ns(step.until))
        elif step.message is not None:
            await self._advance(to_message(step.message, self.harness.clock()).timestamp_ns)
            await self._route(self.harness.message_pack(step.message), "")
        else:
            assert step.input is not None
            for record in self._records(step):
                await self._decode(step.input, record)

    def _records(self, step: GivenKeys) -> list[bytes]:
        if step.records is not None:
            return [record.encode() for record in step.records]
        assert step.input is not None
        return _split(self._config.inputs[step.input], (step.data or "").encode())

    # ---------------------------------------------------------------- time

    def _set_timers(self) -> None:
        self._has_time = True
        now_ns = self.harness.clock()
        for name, config in self._config.filters.items():
            if config.ticker_interval > 0:
                self._due[name] = now_ns + round(config.ticker_interval * _NS)

    async def _advance(self, to_ns: int) -> None:
        """Advance the time and call the timer events that become due."""
        if not self._has_time:  # the first message sets the clock
            self.harness.now_ns = to_ns
            self._set_timers()
        while self._due and min(self._due.values()) <= to_ns:
            name = min(self._due, key=self._due.__getitem__)
            due_ns = self._due[name]
            self._due[name] += round(self._config.filters[name].ticker_interval * _NS)
            await self._tick(name, due_ns, shutdown=False)
        self.harness.now_ns = max(self.harness.clock(), to_ns)

    async def _tick(self, name: str, now_ns: int, *, shutdown: bool) -> None:
        self._ticks += 1
        if self._ticks > _MAX_TICKS:
            raise TrialError(f"More than {_MAX_TICKS} timer events: the times of the messages are too far apart.")
        self.harness.now_ns = now_ns
        sandbox = self._filters[name]
        await sandbox.tick(now_ns, StepResult(), shutdown=shutdown)
        self._check_ended()
        for pack in sandbox.take_packs():
            await self._route(pack, name)

    # ---------------------------------------------------------------- packs

    async def _decode(self, name: str, record: bytes) -> None:
        sandbox, result = self._inputs[name], StepResult()
        pack = self.harness.raw_pack(record)
        await sandbox.give(pack, result)
        self._check_ended()
        if result.failure:
            self.places[f"inputs.{name}"].failures.append(result.failure)
        for decoded in sandbox.take_packs():
            messages = self._keep(f"inputs.{name}", decoded)
            await self._advance(max(message["Timestamp"] for message in messages))
            await self._route(decoded, "")

    def _keep(self, place: str, pack: TablePack) -> list[Message]:
        raw = pack.raw
        raw_bytes = b"" if raw is None else raw.arena.view[raw.offset : raw.offset + raw.length]
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        messages = list(reader.read(slot, raw_bytes))
        self.places[place].messages += messages
        return messages

    async def _route(self, pack: TablePack, made_by: str) -> None:
        """Give a pack to all filters and outputs, then do the same for the injected packs."""
        waiting = deque([(pack, made_by)])
        while waiting:
            pack, made_by = waiting.popleft()
            if made_by:
                self._keep(f"filters.{made_by}", pack)
                if pack.loop_depth > self._config.filters[made_by].sandbox.limits.max_loops:
                    self.places[f"filters.{made_by}"].failures.append("dropped: loop depth limit reached (max_loops)")
                    pack.release()
                    continue
            for name, sandbox in self._filters.items():
                if name != made_by:
                    await self._consume(f"filters.{name}", sandbox, pack)
                    waiting += [(each, name) for each in sandbox.take_packs()]
            for name, sandbox in self._outputs.items():
                await self._consume(f"outputs.{name}", sandbox, pack)
            pack.release()

    async def _consume(self, place: str, sandbox: TrialSandbox, pack: TablePack) -> None:
        result = StepResult()
        pack.retain()
        await sandbox.give(pack, result)
        self._check_ended()
        place_result = self.places[place]
        place_result.outputs += result.outputs
        if result.failure:
            place_result.failures.append(result.failure)

    def _check_ended(self) -> None:
        """Raise an error if a sandbox has ended: that ends the test."""
        for sandbox in self.harness.sandboxes:
            if sandbox.termination is not None:
                process, termination = sandbox.process, sandbox.termination
                raise TrialError(
                    f"The {process.kind} {process.name} was ended by {termination.limit}: {termination.text}"
                )


def _split(config: model.Input, data: bytes) -> list[bytes]:
    """Return the records that the input's splitter finds in some bytes."""
    plugin = registry.find("splitters", config.splitter.type)
    assert plugin is not None
    splitter = plugin.cls(config.splitter.options, max_record_bytes=config.max_record_bytes, oversize=config.oversize)
    buffer = bytearray(data) + bytes(splitter.tail_bytes)
    cut = splitter.split(memoryview(buffer), len(data), final=True)
    if cut.broken:
        raise TrialError(f"The splitter cannot read the data: {cut.broken}")
    if cut.records is not None:
        pairs: array[int] = cut.records
        return [bytes(buffer[pairs[i] : pairs[i + 1]]) for i in range(0, len(pairs), 2)]
    delimiter = bytes([splitter.delimiter])
    return bytes(buffer[: cut.end]).removesuffix(delimiter).split(delimiter) if cut.end else []


def _ignore_print(text: str) -> None:
    """Do nothing: prints of scripts go to the log of a running host only."""
