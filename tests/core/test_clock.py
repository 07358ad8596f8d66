"""The virtual clock wakes sleepers at their own time, in order."""

import asyncio
import time

from host.core.clock import RealClock, VirtualClock


def test_time_moves_only_by_advance():
    async def scenario():
        clock = VirtualClock(start_ns=1_000)
        await clock.advance(2.5)
        return clock.now_ns(), clock.monotonic_s()

    assert asyncio.run(scenario()) == (2_500_001_000, 2.5)


def test_sleepers_wake_in_order_at_their_own_time():
    async def scenario():
        clock = VirtualClock()
        woken = []

        async def sleeper(name, seconds):
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic_s()))

        tasks = [asyncio.create_task(sleeper(name, s)) for name, s in [("c", 3), ("a", 1), ("b", 1), ("z", 9)]]
        await asyncio.sleep(0)
        await clock.advance(5)
        tasks[-1].cancel()
        return woken

    assert asyncio.run(scenario()) == [("a", 1.0), ("b", 1.0), ("c", 3.0)]


def test_a_sleeper_that_sleeps_again_is_woken_again_by_the_same_advance():
    async def scenario():
        clock = VirtualClock()
        ticks = []

        async def ticker():
            while True:
                await clock.sleep(1)
                ticks.append(clock.monotonic_s())

        task = asyncio.create_task(ticker())
        await asyncio.sleep(0)
        await clock.advance(3)
        task.cancel()
        return ticks

    assert asyncio.run(scenario()) == [1.0, 2.0, 3.0]


def test_the_real_clock_is_the_machines():
    before = time.time_ns()

    assert before <= RealClock().now_ns() <= time.time_ns()
