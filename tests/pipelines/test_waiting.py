"""Waiting for what many small events bring about, by a host that may have to wait for a core itself."""

import asyncio
import time

from host.pipeline.waits import wait_until


def test_what_has_come_while_the_host_was_not_scheduled_is_not_too_late():
    async def run():
        loop, left = asyncio.get_running_loop(), [10]

        def read_one():
            left.append(left.pop() - 1)
            if left[0]:
                loop.call_soon(read_one)

        def stall():
            time.sleep(0.02)
            loop.call_soon(read_one)

        loop.call_soon(stall)
        return await wait_until(lambda: not left[0], 0.01)

    assert asyncio.run(run())


def test_what_does_not_come_is_not_waited_for_for_ever():
    assert not asyncio.run(wait_until(lambda: False, 0.01))
