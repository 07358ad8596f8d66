"""What the tests of inputs share."""

import asyncio
import contextlib

import pytest

from host.delivery.checkpoints import Checkpoints
from host.telemetry.metrics import ComponentMetrics
from host.testing.intake import MemoryIntake


class Harness:
    """One input with an intake in memory; make another one with the same state to see a restart."""

    def __init__(self, cls, state_dir, intake=None, new_splitter=None, once=False, **options):
        self.cls = cls
        self.intake = intake or MemoryIntake()
        self.checkpoints = Checkpoints(state_dir)
        self.metrics = ComponentMetrics("inputs", "test", cls.type)
        self.input = cls(
            "test",
            cls.Options(**options),
            self.intake,
            new_splitter or self.intake.new_splitter,
            self.checkpoints,
            self.metrics,
            once=once,
        )

    async def run_once(self, timeout_s=20):
        async with asyncio.timeout(timeout_s):
            try:
                await self.input.open()
                await self.input.run()
            finally:
                await self.close()
        return self.intake.records

    @contextlib.asynccontextmanager
    async def running(self):
        await self.input.open()
        task = asyncio.create_task(self.input.run())
        try:
            yield self.intake
            if task.done():
                await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.close()

    async def close(self):
        await self.input.close()
        self.checkpoints.close()
        assert self.intake.slots_out == 0
        assert all(stream.closed for stream in self.intake.streams)
        assert self.metrics.streams_open == 0


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "logs"
    path.mkdir()
    return path
