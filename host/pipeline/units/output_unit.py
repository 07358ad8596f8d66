"""An output and its encoder."""

from __future__ import annotations

import msgspec

from host.config import model
from host.core.errors import HekateError
from host.outputs.base import Output
from host.outputs.runner import OutputRunner
from host.pipeline import specs
from host.pipeline.consumers import OutputConsumer
from host.pipeline.context import SANDBOX_SLOTS, UnitContext
from host.pipeline.units.consumer_unit import ConsumerUnit
from host.pipeline.waits import started, wait_until
from host.sandbox.sandbox import Sandbox

_BATCH_SLOT_BYTES = 1024 * 1024
_HAND_OVER_S = 0.5
"""How long an output that is replaced may take to deliver what it has begun."""


class OutputUnit(ConsumerUnit):
    """An output and its encoder."""

    consumer: OutputConsumer

    def __init__(self, config: model.Output, around: UnitContext) -> None:
        self.config = config
        self._around = around
        self.metrics = around.metrics.component("outputs", config.name, config.type)
        new_output = around.world.output_class(config)
        self.output: Output = new_output(config.name, config.options, self.metrics, state_dir=around.state_dir)
        self.runner = OutputRunner(self.output, self.metrics, config.retries, around.dead_letters)
        consumer = OutputConsumer(
            config.name, config.queue, self.metrics, around.dead_letters, around.router.forget_routes
        )
        consumer.runner = self.runner
        consumer.kinds.judged_by(around.judge(config.message_matcher))
        self.consumer = consumer
        self.sandbox = consumer.sandbox = self._new_sandbox(config)

    def _new_sandbox(self, config: model.Output) -> Sandbox:
        around = self._around
        arena = around.arena(f"encoder-{config.name}", _BATCH_SLOT_BYTES, SANDBOX_SLOTS)
        spec = specs.encoder(config, around.hostname)
        return around.sandbox(config.name, (config.encoder,), spec, arena, self.consumer, self.metrics)

    def can_swap(self, config: model.Output) -> bool:
        """Whether only what its encoder does has changed, so that the output itself need not stop."""
        same = msgspec.structs.replace(config, encoder=self.config.encoder, message_matcher=self.config.message_matcher)
        return same == self.config

    async def new_sandboxes(self, config: model.Output) -> list[Sandbox]:
        """Start what `swap` is to put in.

        Raises:
            SandboxError: It does not start.
        """
        return await started([self._new_sandbox(config)])

    async def swap(self, config: model.Output, new: list[Sandbox]) -> None:
        """Put a new encoder in the place of the old one, between two packs."""
        await self.consumer.swap(new[0])
        self.sandbox, self.config = new[0], config
        self.consumer.kinds.judged_by(self._around.judge(config.message_matcher))

    async def take_over(self, old: OutputUnit) -> None:
        """Go on where another version of the same output stops; what that one cannot deliver is delivered by this one.

        Raises:
            StartError: It cannot be opened; the other one goes on.
        """
        old.consumer.pause()
        await wait_until(lambda: old.sandbox.idle and old.runner.waiting == 0, _HAND_OVER_S)
        # An encoder that only has to wait for a core is waited for: what it has begun would be written twice.
        most_s = self._around.settings.shutdown_timeout_ms / 1000
        await wait_until(lambda: old.sandbox.idle or not old.encodes, most_s)
        await old.runner.stop()
        await old.output.close()
        try:
            await self.open()
        except HekateError:
            await old.runner.open(may_retry=True)
            old.consumer.adopt(old.consumer)
            raise
        self._around.router.replace(old.consumer, self.consumer)
        self.consumer.adopt(old.consumer)
        await old.sandbox.stop()

    @property
    def encodes(self) -> bool:
        """Whether its encoder is all that it waits for."""
        return self.sandbox.state == "running" and self.runner.waiting == 0

    async def open(self, *, at_start: bool = False) -> None:
        """Open the output. At the start of the host it need not succeed at once, if the configuration says so.

        Raises:
            StartError: It cannot be opened.
        """
        may_retry = at_start and self.config.on_open_failure == "retry" and not self._around.once
        await self.runner.open(may_retry=may_retry)

    def attach(self) -> None:
        """Let it have messages."""
        self._around.router.add([self.consumer])

    async def detach(self) -> None:
        """Let it have no new messages."""
        self._around.router.remove(self.consumer)

    async def close(self) -> None:
        """End it. What is left in its queue is dropped and counted."""
        await self.runner.stop()
        self.consumer.drop_all("removed")
        await self.sandbox.stop()
        await self.output.close()
