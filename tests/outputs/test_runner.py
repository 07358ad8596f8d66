"""The runner delivers in order, tries again as told, and gives up into the dead letters."""

import asyncio

import pytest

from host.config.model import Retries
from host.core.clock import VirtualClock
from host.core.errors import RejectBatch, RetryDelivery
from host.delivery import dead_letters
from host.delivery.dead_letters import DeadLetters
from host.outputs.base import Output, OutputOptions, RejectRecords
from host.outputs.null import NullOutput
from host.outputs.runner import LeftOver, OutputRunner
from host.telemetry.metrics import ComponentMetrics
from host.testing.batches import batch_of
from tests.outputs.conftest import until


class Scripted(Output):
    """Answers each write as told, and delivers when nothing more is told."""

    type = "scripted"
    Options = OutputOptions

    def __init__(self, *answers, asynchronous=False):
        super().__init__("test", OutputOptions(), ComponentMetrics("outputs", "test", "x"), state_dir=None)
        self.answers = list(answers)
        self.asynchronous = asynchronous
        self.delivered = []

    async def open(self):
        pass

    async def close(self):
        pass

    def write(self, batch):
        if self.asynchronous:
            return self._later(batch)
        self._now(batch)
        return None

    async def _later(self, batch):
        await asyncio.sleep(0)
        self._now(batch)

    def _now(self, batch):
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.delivered.append(bytes(batch.data))


class Bench:
    def __init__(self, output, state_dir, **retries):
        self.output = output
        self.clock = VirtualClock()
        self.metrics = ComponentMetrics("outputs", "test", "x")
        self.letters = DeadLetters(state_dir)
        self.state_dir = state_dir
        self.runner = OutputRunner(
            output, self.metrics, Retries(**retries), self.letters, clock=self.clock, jitter=lambda: 1.0
        )
        self.done = []
        self.given_up = []

    def deliver(self, *records):
        batch = batch_of(*records)
        data = bytes(batch.data)
        self.runner.deliver(batch, lambda: self.done.append(data), lambda _: self.given_up.append(data))

    def dead(self):
        return [(letter.record, letter.entry["reason"]) for letter in dead_letters.read(self.state_dir)]

    async def advance_until_drained(self, seconds=1000.0):
        drained = asyncio.create_task(self.runner.drain())
        while not drained.done():
            await asyncio.sleep(0)
            await self.clock.advance(seconds)
        await drained


def test_while_the_output_keeps_up_nothing_is_queued_and_no_task_is_made(tmp_path):
    bench = Bench(NullOutput("test", None, None, state_dir=tmp_path), tmp_path)

    for number in range(3):
        bench.deliver(b"%d" % number)  # There is no event loop here.

    assert bench.done == [b"0", b"1", b"2"]
    assert (bench.metrics.records_sent, bench.metrics.bytes_sent) == (3, 3)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_order_is_kept_through_failures(tmp_path, asynchronous):
    output = Scripted(RetryDelivery("busy"), RetryDelivery("busy"), asynchronous=asynchronous)
    bench = Bench(output, tmp_path)

    async def scenario():
        for number in range(5):
            bench.deliver(b"%d" % number)
        assert bench.done == []
        await bench.advance_until_drained()
        bench.deliver(b"5")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert output.delivered == bench.done == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert bench.metrics.retries == 2
    assert bench.dead() == []


def test_the_wait_doubles_up_to_its_limit(tmp_path, monkeypatch):
    output = Scripted(*[RetryDelivery("busy")] * 6)
    bench = Bench(output, tmp_path, delay_ms=100, max_delay_ms=1000)
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(bench.clock, "sleep", sleep)

    async def scenario():
        bench.deliver(b"x")
        await bench.runner.drain()

    asyncio.run(scenario())

    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_jitter_takes_off_at_most_half(tmp_path, monkeypatch):
    bench = Bench(Scripted(RetryDelivery("busy")), tmp_path, delay_ms=100)
    monkeypatch.setattr(bench.runner, "_jitter", lambda: 0.0)
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(bench.clock, "sleep", sleep)

    async def scenario():
        bench.deliver(b"x")
        await bench.runner.drain()

    asyncio.run(scenario())

    assert waits == [0.05]


def test_after_the_last_attempt_the_records_are_dead_letters(tmp_path):
    bench = Bench(Scripted(*[RetryDelivery("server is down")] * 3), tmp_path, max_attempts=3)

    async def scenario():
        bench.deliver(b"one", b"two")
        bench.deliver(b"three")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    reason = "given up after 3 attempts: server is down"
    assert bench.dead() == [(b"one", reason), (b"two", reason)]
    assert bench.output.delivered == [b"three"]
    assert bench.done == [b"onetwo", b"three"]
    assert (bench.metrics.records_sent, bench.metrics.drops["rejected"]) == (1, 2)


def test_zero_attempts_means_for_ever(tmp_path):
    bench = Bench(Scripted(*[RetryDelivery("server is down")] * 50), tmp_path, max_attempts=0)

    async def scenario():
        bench.deliver(b"one")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.output.delivered == [b"one"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_rejected_batch_goes_to_the_dead_letters_at_once(tmp_path, asynchronous):
    bench = Bench(Scripted(RejectBatch("not for us"), asynchronous=asynchronous), tmp_path)

    async def scenario():
        bench.deliver(b"one")
        bench.deliver(b"two")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.dead() == [(b"one", "not for us")]
    assert bench.output.delivered == [b"two"]


def test_single_records_can_be_rejected(tmp_path):
    bench = Bench(Scripted(RejectRecords("too long", [1])), tmp_path)

    async def scenario():
        bench.deliver(b"one", b"two", b"three")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.dead() == [(b"two", "too long")]
    assert (bench.metrics.records_sent, bench.metrics.bytes_sent) == (2, 8)
    assert bench.done == [b"onetwothree"]


def test_a_defect_in_an_output_costs_its_batch_and_nothing_else(tmp_path, caplog):
    bench = Bench(Scripted(ZeroDivisionError("oops")), tmp_path)

    async def scenario():
        bench.deliver(b"one")
        bench.deliver(b"two")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.dead() == [(b"one", "defect in the output: ZeroDivisionError: oops")]
    assert bench.output.delivered == [b"two"]
    assert "ZeroDivisionError" in caplog.text


def test_what_cannot_even_become_a_dead_letter_is_held(tmp_path, monkeypatch):
    bench = Bench(Scripted(RejectBatch("not for us"), RejectBatch("not for us")), tmp_path)
    real, failures = bench.letters.append, [RetryDelivery("disk full")]

    def append(*arguments):
        if failures:
            raise failures.pop()
        real(*arguments)

    monkeypatch.setattr(bench.letters, "append", append)

    async def scenario():
        bench.deliver(b"one")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.dead() == [(b"one", "not for us")]


def test_stop_gives_up_what_is_not_done(tmp_path):
    bench = Bench(Scripted(*[RetryDelivery("busy")] * 100), tmp_path, max_attempts=0)

    async def scenario():
        bench.deliver(b"one")
        bench.deliver(b"two")
        await until(lambda: bench.metrics.retries > 0)
        await bench.runner.stop()

    asyncio.run(scenario())

    assert (bench.done, bench.given_up) == ([], [b"one", b"two"])
    assert bench.dead() == []


@pytest.mark.parametrize("disk_is_full", [False, True])
def test_what_is_put_away_becomes_dead_letters_unless_it_comes_again(tmp_path, monkeypatch, caplog, disk_is_full):
    bench = Bench(Scripted(*[RetryDelivery("busy")] * 100), tmp_path, max_attempts=0)

    def full(*_):
        raise RetryDelivery("the disk is full")

    def deliver(text, *, comes_again):
        bench.runner.deliver(batch_of(text), lambda: bench.done.append(text), lambda final: final and comes_again)

    async def scenario():
        deliver(b"one", comes_again=False)
        deliver(b"two", comes_again=True)
        await until(lambda: bench.metrics.retries > 0)
        if disk_is_full:
            monkeypatch.setattr(bench.letters, "append", full)
        await bench.runner.put_away("shutdown: now")
        deliver(b"three", comes_again=False)

    asyncio.run(scenario())

    assert bench.done == [b"one", b"three"]
    if disk_is_full:
        assert (bench.dead(), bench.runner.left_over) == ([], LeftOver(read_again=1, lost=2))
        assert bench.metrics.drops == {"lost_at_shutdown": 2}
        assert "Records are lost" in caplog.text
    else:
        assert bench.dead() == [(text, "shutdown: now; busy") for text in (b"one", b"three")]
        assert bench.runner.left_over == LeftOver(dead_letters=2, read_again=1)
        assert bench.metrics.drops == {"shutdown": 2}


def test_a_batch_handed_in_by_on_done_comes_behind_the_others(tmp_path):
    bench = Bench(Scripted(RetryDelivery("busy")), tmp_path)

    async def scenario():
        bench.runner.deliver(batch_of(b"one"), lambda: bench.deliver(b"three"))
        bench.deliver(b"two")
        await bench.advance_until_drained()

    asyncio.run(scenario())

    assert bench.output.delivered == [b"one", b"two", b"three"]
