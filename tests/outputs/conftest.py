"""What the tests of outputs share."""

import asyncio
import contextlib
import time

import pytest

from host.telemetry.metrics import ComponentMetrics


@pytest.fixture
def make(tmp_path):
    """Make an output of a class with options."""

    def make_output(cls, clock=None, **options):
        more = {} if clock is None else {"clock": clock}
        metrics = ComponentMetrics("outputs", "test", cls.type)
        return cls("test", cls.Options(**options), metrics, state_dir=tmp_path / "state", **more)

    return make_output


@contextlib.asynccontextmanager
async def opened(output):
    await output.open()
    try:
        yield output
    finally:
        await output.close()


async def write(output, batch):
    waiting = output.write(batch)
    if waiting is not None:
        async with asyncio.timeout(20):
            await waiting


async def until(condition, timeout_s=20.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.001)
