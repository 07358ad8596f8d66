"""A sandbox whose start is given up before it is there, and one of whose end nobody tells."""

import asyncio
import os
import signal

import psutil
import pytest

from host.packs.arena import Arena
from host.sandbox import zygote_client
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics
from tests.packs.harness import SandboxListener


def new_sandbox(zygote):
    spec = {"kind": "filter", "hostname": "here", "scripts": [{"file": "test.lua", "text": ""}]}
    return Sandbox(
        "test",
        order=Order("test", 8 << 20, 0, 0, allow_unjailed=False),
        spec=spec,
        arena=Arena("test", 4096, 4, host_writes=False),
        housing=zygote,
        owner=SandboxListener(),
        metrics=ComponentMetrics("filters", "test", "test"),
        cpu_limit_ms=100,
        read_module=str,
    )


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_a_start_that_is_given_up_leaves_no_process_and_holds_nobody_up(turns):
    async def give_up():
        zygote = ZygoteClient()
        zygote.start()
        sandbox = new_sandbox(zygote)
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


def test_an_end_of_which_a_stopped_zygote_does_not_tell_is_not_waited_for_without_end(monkeypatch, caplog):
    monkeypatch.setattr(zygote_client, "_MAX_SILENT_S", 0.05)

    async def end():
        zygote = ZygoteClient()
        zygote.start()
        os.kill(zygote.pid, signal.SIGSTOP)
        sandbox = new_sandbox(zygote)
        starting = asyncio.create_task(sandbox.start())
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(20):
                zygote.expect_end()
                await sandbox.stop()
        finally:
            zygote.close()
        starting.cancel()

    asyncio.run(end())
    assert "does not answer" in caplog.text


def test_a_stopped_zygote_without_sandboxes_holds_no_end_up(monkeypatch, caplog):
    monkeypatch.setattr(zygote_client, "_MAX_SILENT_S", 0.05)

    async def end():
        zygote = ZygoteClient()
        zygote.start()
        os.kill(zygote.pid, signal.SIGSTOP)
        zygote.close()

    asyncio.run(end())
    assert "does not answer" in caplog.text
