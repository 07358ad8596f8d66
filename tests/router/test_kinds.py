"""What a consumer remembers of kinds of packs, how much of it, and when it asks the judge."""

import asyncio

import pytest

from host.packs.ledger import TablePack
from host.router.match_cache import MAX_KEPT_SHAPES_BYTES, MatchCache

MAX_KNOWN = 10_000


def pack(shapes):
    return TablePack(None, 0, 1, 1, shapes, "", 0, 0, 0, None, None, lambda _: None, 0)


class Consumer:
    """The kinds of a consumer, with the packs that wait for it."""

    def __init__(self, *waiting):
        self.waiting = [pack(shapes) for shapes in waiting]
        self.never = []
        self.kinds = MatchCache(lambda: list(self.waiting), self._on_never)

    def _on_never(self, like):
        self.never.append(like.shapes)
        self.waiting = [each for each in self.waiting if each.shapes != like.shapes]

    def learn(self, shapes, *, never):
        self.kinds.learn(pack(shapes), never=never)


def test_what_never_matches_is_known_and_told():
    consumer = Consumer()
    consumer.learn(b"never", never=True)
    consumer.learn(b"possible", never=False)

    assert not consumer.kinds.may_match(b"never")
    assert consumer.kinds.may_match(b"possible")
    assert consumer.kinds.may_match(b"unknown")
    assert consumer.never == [b"never"]


def test_another_matcher_knows_nothing():
    consumer = Consumer()
    consumer.learn(b"never", never=True)
    consumer.kinds.forget()
    assert consumer.kinds.may_match(b"never")

    consumer.learn(b"never", never=True)
    consumer.kinds.judged_by(lambda _pack, _verdict: None)
    assert consumer.kinds.may_match(b"never")


def test_long_shapes_are_not_remembered_and_the_longest_allowed_are():
    consumer = Consumer()
    allowed, long = b"x" * MAX_KEPT_SHAPES_BYTES, b"x" * (MAX_KEPT_SHAPES_BYTES + 1)
    consumer.learn(allowed, never=True)
    consumer.learn(long, never=True)

    assert not consumer.kinds.may_match(allowed)
    assert consumer.kinds.may_match(long)
    assert consumer.never == [allowed]


def test_the_number_of_kinds_that_never_match_is_bounded_and_the_latest_are_known():
    consumer = Consumer()
    names = [b"%d" % number for number in range(2 * MAX_KNOWN + 5)]
    for number, name in enumerate(names, 1):
        consumer.learn(name, never=True)
        assert not consumer.kinds.may_match(name)
        if number == MAX_KNOWN:
            assert not any(map(consumer.kinds.may_match, names[:number]))

    known = [name for name in names if not consumer.kinds.may_match(name)]
    assert known == names[-5:]


class MatchProbe:
    """Answers `never` for the kinds that are named so, when it is told to."""

    def __init__(self, *never):
        self.never = never
        self.asked = []
        self._verdicts = []
        self._more = asyncio.Event()

    def __call__(self, judged, verdict):
        self.asked.append(judged.shapes)
        self._verdicts.append((judged, verdict))
        self._more.set()

    async def answer(self):
        async with asyncio.timeout(10):
            while not self._verdicts:
                self._more.clear()
                await self._more.wait()
        judged, verdict = self._verdicts.pop(0)
        verdict(judged, judged.shapes in self.never)


@pytest.fixture
def patience():
    """A loop in which the patience of a consumer costs no time."""

    def run(scenario):
        async def at_once():
            loop = asyncio.get_running_loop()
            loop.call_later = lambda delay_s, function, *args: (waits.append(delay_s), loop.call_soon(function, *args))
            await scenario()

        waits = []
        asyncio.run(at_once())
        return waits

    return run


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_judge_is_asked_of_one_kind_after_the_other(patience):
    consumer = Consumer(b"never", b"possible", b"never", b"other")
    judge = MatchProbe(b"never", b"other")

    async def scenario():
        consumer.kinds.judged_by(judge)
        consumer.kinds.something_waits()
        consumer.kinds.something_waits()
        for _ in range(3):
            await settle()
            await judge.answer()
        await settle()

    waits = patience(scenario)

    assert judge.asked == [b"never", b"possible", b"other"], "none twice"
    assert consumer.never == [b"never", b"other"]
    assert [each.shapes for each in consumer.waiting] == [b"possible"]
    assert len(waits) == 1
    assert waits[0] > 0


def test_the_judge_is_not_asked_of_what_is_known_or_too_long_to_remember(patience):
    consumer = Consumer(b"possible", b"x" * (MAX_KEPT_SHAPES_BYTES + 1), b"unknown")
    judge = MatchProbe()

    async def scenario():
        consumer.kinds.judged_by(judge)
        consumer.learn(b"possible", never=False)
        consumer.kinds.something_waits()
        await settle()

    patience(scenario)

    assert judge.asked == [b"unknown"]


def test_the_judge_is_asked_of_the_longest_shapes_that_are_remembered(patience):
    longest = b"x" * MAX_KEPT_SHAPES_BYTES
    consumer = Consumer(longest)
    judge = MatchProbe(longest)

    async def scenario():
        consumer.kinds.judged_by(judge)
        consumer.kinds.something_waits()
        await judge.answer()
        await settle()

    patience(scenario)

    assert consumer.never == [longest]


def test_the_judge_of_another_matcher_is_asked_again_of_what_was_possible(patience):
    consumer = Consumer(b"possible")
    new = MatchProbe()

    async def scenario():
        consumer.learn(b"possible", never=False)
        consumer.kinds.judged_by(new)
        consumer.kinds.something_waits()
        await settle()

    patience(scenario)

    assert new.asked == [b"possible"]


def test_after_a_verdict_with_nothing_left_what_waits_later_is_asked_of(patience):
    consumer = Consumer(b"never")
    judge = MatchProbe(b"never", b"later")

    async def scenario():
        consumer.kinds.judged_by(judge)
        consumer.kinds.something_waits()
        await judge.answer()
        await settle()
        assert consumer.waiting == []
        consumer.waiting.append(pack(b"later"))
        consumer.kinds.something_waits()
        await judge.answer()

    patience(scenario)

    assert consumer.never == [b"never", b"later"]


def test_only_long_shapes_wait_and_a_later_kind_is_asked_of_all_the_same(patience):
    consumer = Consumer(b"x" * (MAX_KEPT_SHAPES_BYTES + 1))
    judge = MatchProbe()

    async def scenario():
        consumer.kinds.judged_by(judge)
        consumer.kinds.something_waits()
        await settle()
        assert judge.asked == []
        consumer.waiting.append(pack(b"later"))
        consumer.kinds.something_waits()
        await settle()

    patience(scenario)

    assert judge.asked == [b"later"]


def test_the_number_of_kinds_that_may_match_is_bounded(patience):
    consumer = Consumer(b"0")
    judge = MatchProbe()

    async def scenario():
        consumer.kinds.judged_by(judge)
        for number in range(MAX_KNOWN):
            consumer.learn(b"%d" % number, never=False)
        consumer.kinds.something_waits()
        await settle()
        assert judge.asked == [], "it is known"
        consumer.learn(b"one more", never=False)
        consumer.kinds.something_waits()
        await settle()

    patience(scenario)

    assert judge.asked == [b"0"], "it was forgotten"


def test_a_verdict_of_an_old_judge_says_nothing_of_the_new_matcher(patience):
    consumer = Consumer(b"kind")
    old, new = MatchProbe(b"kind"), MatchProbe()

    async def scenario():
        consumer.kinds.judged_by(old)
        consumer.kinds.something_waits()
        await settle()
        consumer.kinds.judged_by(new)
        await old.answer()
        await settle()

    patience(scenario)

    assert consumer.kinds.may_match(b"kind")
    assert consumer.never == []
    assert new.asked == [b"kind"], "it still waits, so the new one is asked"


def test_without_a_judge_nothing_is_asked():
    Consumer(b"kind").kinds.something_waits()
