"""When the process of the taps has a pack for too long."""

import asyncio
from types import SimpleNamespace

import pytest

from host.admin.services import tap_process
from host.admin.services.tap_process import TapProcess

LATE_S = 0.01


class Looking(TapProcess):
    """Without a process; it has been given a pack."""

    def __init__(self, *, sleeps, cpu_ms):
        self.killed = asyncio.get_running_loop().create_future()
        self.looks = 0
        cpu = iter(cpu_ms)

        def sleeping():
            self.looks += 1
            return sleeps(self.looks)

        self.sandbox = SimpleNamespace(
            give=lambda _: None,
            cpu_ns=lambda: next(cpu) * 1e6,
            sleeps=sleeping,
            kill=self.killed.set_result,
            work={},
        )
        self.give(SimpleNamespace(retain=lambda: None))


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(tap_process, "_LATE_S", LATE_S)


@pytest.mark.parametrize(
    ("sleeps", "cpu_ms", "looks"),
    [
        (lambda _: True, [5, 5, 5], 2),
        (lambda _: False, [5, 6, 16], 2),
        (lambda look: look != 2, [5] * 10, 4),
    ],
    ids=["sleeps", "loops", "has to wait for a core in between"],
)
def test_it_is_ended_for_what_it_does_and_not_for_the_time_that_passes(sleeps, cpu_ms, looks):
    async def run():
        process = Looking(sleeps=sleeps, cpu_ms=cpu_ms)
        async with asyncio.timeout(20):
            assert await process.killed == "it has a pack for too long"
        return process.looks

    assert asyncio.run(run()) == looks


def test_it_is_not_ended_while_it_has_to_wait_for_a_core():
    async def run():
        process, enough = Looking(sleeps=lambda _: False, cpu_ms=[5] * 20), asyncio.get_running_loop().time() + 20
        while process.looks < 10 and asyncio.get_running_loop().time() < enough:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0)
        process._release_packs()
        assert (process.looks, process.killed.done()) == (10, False)

    asyncio.run(run())
