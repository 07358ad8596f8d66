"""A sandbox whose start is given up before it is there."""

import asyncio

import psutil
import pytest

from host.packs.arena import Arena
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics
from tests.packs.harness import Owner


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_a_start_that_is_given_up_leaves_no_process_and_holds_nobody_up(turns):
    async def give_up():
        zygote = ZygoteClient()
        zygote.start()
        spec = {"kind": "filter", "hostname": "here", "scripts": [{"file": "test.lua", "text": ""}]}
        sandbox = Sandbox(
            "test",
            order=Order("test", 8 << 20, 0, 0, allow_unjailed=False),
            spec=spec,
            arena=Arena("test", 4096, 4, host_writes=False),
            housing=zygote,
            owner=Owner(),
            metrics=ComponentMetrics("filters", "test", "test"),
            cpu_limit_ms=100,
            read_module=str,
        )
        starting = asyncio.create_task(sandbox.start())
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        try:
            async with asyncio.timeout(20):
                await sandbox.stop()
            return psutil.Process(zygote.pid).children()
        finally:
            zygote.close()

    assert asyncio.run(give_up()) == []
