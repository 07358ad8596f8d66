import asyncio

import msgspec
import pytest

from host.config import model
from host.config.limits import effective
from host.sandbox.zygote_client import ZygoteClient
from host.trial import engine
from host.trial.model import Decoder, Encoder, MessageStep, RecordStep, TickStep, Trial


class TrialHarness:
    """Runs trials with a shared zygote."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.zygote = ZygoteClient()
        self.wait(self._start())

    async def _start(self):
        self.zygote.start()

    def wait(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    def run(self, of, *steps, **more):
        """Return the outcome of one trial. Bytes are records, mappings are messages, numbers are ticks."""
        trial_steps = tuple(step if isinstance(step, TickStep) else _step(step) for step in steps)
        return self.wait(engine.run(Trial(of=of, steps=trial_steps, **more), self.zygote))

    def close(self):
        self.wait(self._close())
        self.loop.close()

    async def _close(self):
        self.zygote.close()


def _step(step):
    if isinstance(step, bytes):
        return RecordStep(data=step)
    return MessageStep(message=step) if isinstance(step, dict) else TickStep(now_ns=step)


def sandbox(kind, text, config=None, **limits):
    return model.Sandbox(
        name="mine",
        kind=kind,
        plugin="mine",
        path="/nowhere/mine.lua",
        digest="",
        text=text,
        config=config or {},
        limits=msgspec.structs.replace(effective(model.HostSettings()), **limits),
    )


def decoder(text, config=None, **limits):
    return Decoder(name="mine", decoder_chain=(sandbox("decoder", text, config, **limits),), logger="in")


def encoder(text, config=None, matcher="TRUE", **limits):
    return Encoder(name="mine", encoder=sandbox("encoder", text, config, **limits), message_matcher=matcher)


def filter_(text, config=None, matcher="TRUE", **limits):
    return model.Filter(
        name="mine",
        sandbox=sandbox("filter", text, config, **limits),
        message_matcher=matcher,
        ticker_interval=0.0,
        queue=model.Queue(),
        on_terminate="restart",
        preserve_data=False,
        group=None,
    )


@pytest.fixture(scope="session")
def harness():
    trial_steps = TrialHarness()
    yield trial_steps
    trial_steps.close()
