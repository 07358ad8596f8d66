"""When an output that is replaced stops, and another version of it goes on."""

import asyncio
from types import SimpleNamespace

import pytest

from host.config import model
from host.pipeline import output_unit
from host.pipeline.output_unit import OutputUnit


class Replaced(OutputUnit):
    """An output whose encoder is at work for as long as a test says."""

    def __init__(self, state):
        self.told = []
        self.consumer = SimpleNamespace(pause=lambda: self.told.append("pause"))
        self.sandbox = SimpleNamespace(idle=False, state=state, stop=self.later("sandbox"))
        self.runner = SimpleNamespace(waiting=0, stop=self.later("runner"))
        self.output = SimpleNamespace(close=self.later("output"))

    def later(self, name):
        async def stop():
            self.told.append(f"{name}, idle: {self.sandbox.idle}")

        return stop


class Successor(OutputUnit):
    """The next version."""

    def __init__(self):
        self._around = SimpleNamespace(settings=model.HostSettings(), router=SimpleNamespace(replace=lambda *_: None))
        self.consumer = SimpleNamespace(inherit=lambda *_: None)

    async def open(self):
        pass


async def take_over(old):
    asyncio.get_running_loop().call_later(0.1, setattr, old.sandbox, "idle", True)
    await Successor().take_over(old)
    return old.told


@pytest.mark.parametrize(
    ("state", "waits"), [("running", True), ("backing_off", False)], ids=["waits for a core", "has died"]
)
def test_what_an_encoder_has_begun_is_waited_for_if_it_only_needs_time(state, waits, monkeypatch):
    monkeypatch.setattr(output_unit, "_HAND_OVER_S", 0.01)
    assert asyncio.run(take_over(Replaced(state)))[1] == f"runner, idle: {waits}"


def test_an_encoder_is_not_waited_for_whose_output_delivers_nothing(monkeypatch):
    monkeypatch.setattr(output_unit, "_HAND_OVER_S", 0.01)
    old = Replaced("running")
    old.runner.waiting = 1
    assert asyncio.run(take_over(old))[1] == "runner, idle: False"
