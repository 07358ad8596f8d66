"""When an output that is replaced stops, and another version of it goes on."""

import asyncio
from types import SimpleNamespace

import pytest

from host.config import model
from host.pipeline.units import output_unit
from host.pipeline.units.output_unit import OutputUnit


class Replaced(OutputUnit):
    """An output whose encoder is at work for as long as a test says."""

    def __init__(self, state):
        self.told = []
        self.consumer = SimpleNamespace(suspend=lambda: self.told.append("suspend"), held=False, drain=list)
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
        self._context = SimpleNamespace(settings=model.HostSettings(), router=SimpleNamespace(replace=lambda *_: None))
        self.consumer = SimpleNamespace(adopt=lambda _packs: None)

    async def open(self):
        pass


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(output_unit, "_HAND_OVER_S", 0.01)


def test_what_an_encoder_has_begun_is_waited_for_if_it_only_needs_time():
    async def run():
        old = Replaced("running")
        asyncio.get_running_loop().call_later(0.1, setattr, old.sandbox, "idle", True)
        await Successor().take_over(old)
        return old.told[1]

    assert asyncio.run(run()) == "runner, idle: True"


@pytest.mark.parametrize(("state", "waiting"), [("backing_off", 0), ("running", 1)], ids=["died", "delivers nothing"])
def test_an_encoder_is_not_waited_for_if_that_may_take_long(state, waiting):
    old = Replaced(state)
    old.runner.waiting = waiting
    asyncio.run(Successor().take_over(old))
    assert old.told[1] == "runner, idle: False"
