"""A dead letter whose replay takes longer than anybody waits."""

import asyncio
from types import SimpleNamespace

import pytest

from host.admin.api.routes import dead_letters
from host.delivery.letter_files import Letter, LetterId
from host.pipeline import redelivery
from host.pipeline.redelivery import Replay
from host.telemetry.metrics import ComponentMetrics

LETTER = Letter(LetterId(1, 0), {"kind": "outputs", "component": "slow", "record": "record"})


class Unit:
    """An output that delivers as it is told."""

    def __init__(self, deliver):
        self.metrics = ComponentMetrics("outputs", "slow", "test")
        self.runner = SimpleNamespace(deliver=lambda _, *told, may_drop: deliver(*told) if not may_drop else None)


def control_of(unit):
    pipeline = SimpleNamespace(units=lambda _: {"slow": unit})
    return SimpleNamespace(replaying={LETTER.id}, late_replays=set(), replay=Replay(pipeline))


def test_a_letter_that_is_delivered_late_is_taken_out_then_and_not_sent_twice(monkeypatch):
    monkeypatch.setattr(redelivery, "_TIMEOUT_S", 0.01)
    taken, delivered = [], []
    monkeypatch.setattr(dead_letters, "_take_out", lambda _, letters: taken.extend(letters))
    control = control_of(Unit(lambda finish, _: delivered.append(finish)))

    async def run():
        failed = await dead_letters._replay_all(control, [LETTER], None)
        assert failed == {
            str(LETTER.id): "The replay takes long and goes on; "
            "the record stays in the dead letters until it is delivered."
        }
        assert (control.replaying, taken) == ({LETTER.id}, [])  # so it is not replayed again
        delivered[0]()
        await asyncio.gather(*control.late_replays)

    asyncio.run(run())
    assert (control.replaying, taken) == (set(), [LETTER])


def test_a_letter_that_is_delivered_in_time_is_no_late_one(monkeypatch):
    taken = []
    monkeypatch.setattr(dead_letters, "_take_out", lambda _, letters: taken.extend(letters))
    control = control_of(Unit(lambda finish, _: finish()))
    assert asyncio.run(dead_letters._replay_all(control, [LETTER], None)) == {}
    assert (control.replaying, control.late_replays, taken) == (set(), set(), [LETTER])


@pytest.mark.parametrize("is_late", [False, True])
def test_a_letter_whose_output_is_stopped_meanwhile_stays_and_may_be_replayed_again(monkeypatch, is_late):
    if is_late:
        monkeypatch.setattr(redelivery, "_TIMEOUT_S", 0.01)
    taken, given_up = [], []
    monkeypatch.setattr(dead_letters, "_take_out", lambda _, letters: taken.extend(letters))
    control = control_of(Unit(lambda _, give_up: given_up.append(give_up) if is_late else give_up(False)))

    async def run():
        (reason,) = (await dead_letters._replay_all(control, [LETTER], None)).values()
        assert "stays in the dead letters" in reason
        for give_up in given_up:
            give_up(False)
        await asyncio.gather(*control.late_replays, return_exceptions=True)

    asyncio.run(run())
    assert (control.replaying, taken) == (set(), [])
