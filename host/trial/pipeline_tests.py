"""Tests of whole configurations: records go in at inputs, and what comes out at other places is compared.

Decoders, filters and encoders are the real ones, each in its process; the router, the splitters and the matchers are
those of the configuration; files and sockets are not touched. Everything happens in one order, one pack after the
other, and the time is that of the messages, so a test gives the same whenever it is run.
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
from host.trial.allowance import Allowance
from host.trial.coverage import Coverage
from host.trial.engine import TrialError
from host.trial.harness import TrialHarness
from host.trial.messages import timestamp_ns, to_message
from host.trial.model import Bounds, Result
from host.trial.trial_sandbox import Stage, TooMuchError

_NS = 1_000_000_000
_MAX_TICKS = 10_000
_STAGES = ("inputs", "filters", "outputs")


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One test, ready to be run."""

    name: str
    file: str
    line: int
    keys: TestKeys
    lines: dict[str, int]
    """Of each place under `expect`."""
    config: model.Config


class Came(msgspec.Struct, kw_only=True):
    """What has come out at one place."""

    messages: list[Message] = []
    outputs: list[bytes] = []
    failures: list[str] = []


def read(loaded: LoadedConfig, errors: list[ConfigError]) -> list[Test]:
    """The tests of a configuration; those with a fault are left out, and the fault is added to `errors`."""
    filters, faults = DropIns().filters(loaded.config)
    errors += faults
    config = msgspec.structs.replace(loaded.config, filters={**filters, **loaded.config.filters})
    tests = (_test(name, node, config, errors) for name, node in loaded.tests.items())
    return [test for test in tests if test is not None]


def _test(name: str, node: Node, config: model.Config, errors: list[ConfigError]) -> Test | None:
    before = len(errors)
    path = f"tests.{name}"
    keys: TestKeys = convert.to_value(node, TestKeys, path, [])  # its faults were found when it was loaded
    entries = node.mapping or {}
    given = entries["given"].value
    for number, (step, place) in enumerate(zip(keys.given, given if isinstance(given, list) else [], strict=True)):
        where = f"{path}.given[{number}]"
        errors += [ConfigError(where, place.file, place.line, said) for said in _faults_of(step, config)]
    expected = entries["expect"].mapping or {}
    for where, place in expected.items():
        faults = _faults_of_place(where, keys.expect[where], config)
        errors += [ConfigError(f"{path}.expect.{where}", place.file, place.line, said) for said in faults]
    if keys.now is not None and (said := _said_of(timestamp_ns, keys.now)):
        errors.append(ConfigError(f"{path}.now", entries["now"].file, entries["now"].line, said))
    if len(errors) > before:
        return None
    lines = {where: place.line for where, place in expected.items()}
    return Test(name=name, file=node.file, line=node.line, keys=keys, lines=lines, config=config)


def _said_of(convert_: Callable[..., object], *values: object) -> str:
    """What a conversion complains of; empty if it does not."""
    try:
        convert_(*values)
    except HekateError as error:
        return str(error)
    return ""


def _faults_of(step: GivenKeys, config: model.Config) -> Iterator[str]:
    given = [name for name in ("records", "data", "message", "until") if getattr(step, name) is not None]
    if len(given) != 1:
        yield "A step gives one thing: records, data, a message, or until when time goes by."
        return
    if (given[0] in {"records", "data"}) != (step.input is not None):
        yield "`input` stands with `records` or `data`, and they with it."
    elif step.input is not None and step.input not in config.inputs:
        yield f"There is no input `{step.input}`. {convert.did_you_mean(step.input, config.inputs)}"
    if step.message is not None and (said := _said_of(to_message, step.message, 0)):
        yield said
    if step.until is not None and (said := _said_of(timestamp_ns, step.until)):
        yield said


def _faults_of_place(where: str, keys: ExpectKeys, config: model.Config) -> Iterator[str]:
    stage, _, name = where.partition(".")
    names = getattr(config, stage) if stage in _STAGES else {}
    if name not in names:
        known = [f"{each}.{unit}" for each in _STAGES for unit in getattr(config, each)]
        yield f"There is no `{where}`. {convert.did_you_mean(where, known)}"
    if stage == "outputs" and keys.messages is not None:
        yield "What an output delivers are bytes: expect an `output`, or `json`."
    if stage != "outputs" and (keys.output is not None or keys.json is not None):
        yield "Only outputs have an `output`: expect `messages`."


async def run(test: Test, zygote: ZygoteClient, coverage: Coverage | None = None) -> dict[str, Came]:
    """Run a test.

    Args:
        test: Which one.
        zygote: Starts the processes.
        coverage: Told which lines run, if somebody wants to know.

    Returns:
        What came out, by place.

    Raises:
        HekateError: It could not be run to its end; says why.
    """
    running = _Running(test, zygote, coverage)
    most_s = running.bounds.time_ms / 1000
    allowance = Allowance(most_s)
    try:
        with allowance.charged(running.harness.cpu_s):
            async with allowance.enforced():
                await running.run()
    except TimeoutError:
        raise TrialError(f"It was stopped after {most_s:g} s of CPU, or after all too long.") from None
    except TooMuchError:
        raise TrialError(f"It was stopped after {running.bounds.output_bytes} bytes of output.") from None
    finally:
        await running.harness.close()
    return running.came


class _Running:
    """One test that is being run."""

    def __init__(self, test: Test, zygote: ZygoteClient, coverage: Coverage | None) -> None:
        self.bounds = Bounds(output_bytes=64 << 20, time_ms=60_000)
        self.came: dict[str, Came] = {}
        self._test = test
        self._config = config = test.config
        settings = config.hekate
        given = test.keys.given
        texts = [text for step in given for text in (*(step.records or ()), step.data or "")]
        self.harness = TrialHarness(
            zygote,
            self.bounds,
            longest=max((len(text.encode()) for text in texts), default=0),
            hostname=settings.hostname or "localhost",
            sandbox_dir=settings.sandbox_dir,
            allow_unjailed=settings.allow_unjailed,
            printed=_ignore,
            coverage=coverage,
        )
        self._inputs = {name: self._stage("inputs", name, each) for name, each in config.inputs.items()}
        self._filters = {name: self._stage("filters", name, each) for name, each in config.filters.items()}
        self._outputs = {name: self._stage("outputs", name, each) for name, each in config.outputs.items()}
        self._has_time = False
        self._due: dict[str, int] = {}
        self._ticks = 0

    def _stage(self, stage: str, name: str, of: Any) -> Stage:
        self.came[f"{stage}.{name}"] = Came()
        return self.harness.stage(of, keep_packs=stage != "outputs")

    async def run(self) -> None:
        """Start all, and give what is given."""
        keys = self._test.keys
        await asyncio.gather(*(stage.start() for stage in self.harness.stages))
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
        """Let time go by, with the timer events that are due meanwhile."""
        if not self._has_time:  # this is the first that is known of it
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
            raise TrialError(f"More than {_MAX_TICKS} timer events: the messages' times lie too far apart.")
        self.harness.now_ns = now_ns
        stage = self._filters[name]
        await stage.tick(now_ns, Result(), shutdown=shutdown)
        self._check_ended()
        for pack in stage.take_packs():
            await self._route(pack, name)

    # ---------------------------------------------------------------- packs

    async def _decode(self, name: str, record: bytes) -> None:
        stage, result = self._inputs[name], Result()
        pack = self.harness.raw_pack(record)
        await stage.give(pack, result)
        self._check_ended()
        if result.failure:
            self.came[f"inputs.{name}"].failures.append(result.failure)
        for decoded in stage.take_packs():
            messages = self._keep(f"inputs.{name}", decoded)
            await self._advance(max(message["Timestamp"] for message in messages))
            await self._route(decoded, "")

    def _keep(self, place: str, pack: TablePack) -> list[Message]:
        raw = pack.raw
        raw_bytes = b"" if raw is None else raw.arena.view[raw.offset : raw.offset + raw.length]
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        messages = list(reader.read(slot, raw_bytes))
        self.came[place].messages += messages
        return messages

    async def _route(self, pack: TablePack, made_by: str) -> None:
        """Give a pack to all filters and outputs, and then what was injected meanwhile."""
        waiting = deque([(pack, made_by)])
        while waiting:
            pack, made_by = waiting.popleft()
            if made_by:
                self._keep(f"filters.{made_by}", pack)
                if pack.loop_depth > self._config.filters[made_by].sandbox.limits.max_loops:
                    self.came[f"filters.{made_by}"].failures.append("dropped, as it loops (max_loops)")
                    pack.let_go()
                    continue
            for name, stage in self._filters.items():
                if name != made_by:
                    await self._consume(f"filters.{name}", stage, pack)
                    waiting += [(each, name) for each in stage.take_packs()]
            for name, stage in self._outputs.items():
                await self._consume(f"outputs.{name}", stage, pack)
            pack.let_go()

    async def _consume(self, place: str, stage: Stage, pack: TablePack) -> None:
        result = Result()
        pack.hold()
        await stage.give(pack, result)
        self._check_ended()
        came = self.came[place]
        came.outputs += result.outputs
        if result.failure:
            came.failures.append(result.failure)

    def _check_ended(self) -> None:
        """A sandbox that ends is the end of the test."""
        for stage in self.harness.stages:
            if stage.termination is not None:
                sandbox, why = stage.sandbox, stage.termination
                raise TrialError(f"The {sandbox.kind} {sandbox.name} was ended by {why.limit}: {why.text}")


def _split(config: model.Input, data: bytes) -> list[bytes]:
    """The records of some bytes, as the input's splitter finds them."""
    found = registry.find("splitters", config.splitter.type)
    assert found is not None
    splitter = found.cls(config.splitter.options, max_record_bytes=config.max_record_bytes, oversize=config.oversize)
    buffer = bytearray(data) + bytes(splitter.tail_bytes)
    cut = splitter.split(memoryview(buffer), len(data), final=True)
    if cut.broken:
        raise TrialError(f"The splitter cannot read the data: {cut.broken}")
    if cut.records is not None:
        pairs: array[int] = cut.records
        return [bytes(buffer[pairs[i] : pairs[i + 1]]) for i in range(0, len(pairs), 2)]
    delimiter = bytes([splitter.delimiter])
    return bytes(buffer[: cut.end]).removesuffix(delimiter).split(delimiter) if cut.end else []


def _ignore(text: str) -> None:
    """What scripts print is for the log of a running host."""
