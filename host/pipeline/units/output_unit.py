"""An output and its encoder."""

from __future__ import annotations

import msgspec

from host.config import model
from host.core.errors import HekateError
from host.outputs.base import Output
from host.outputs.runner import OutputRunner
from host.pipeline import specs
from host.pipeline.consumers.output import OutputConsumer
from host.pipeline.context import SANDBOX_SLOTS, UnitContext
from host.pipeline.units.consumer_unit import ConsumerUnit
from host.pipeline.waits import started, wait_until
from host.sandbox.sandbox import Sandbox

_BATCH_SLOT_BYTES = 1024 * 1024
_HAND_OVER_S = 0.5
"""Seconds that a replaced output may take to deliver what it has begun."""


class OutputUnit(ConsumerUnit):
    """An output and its encoder."""

    consumer: OutputConsumer

    def __init__(self, config: model.Output, context: UnitContext) -> None:
        self.config = config
        self._context = context
        self.metrics = context.metrics.component("outputs", config.name, config.type)
        new_output = context.environment.output_class(config)
        self.output: Output = new_output(config.name, config.options, self.metrics, state_dir=context.state_dir)
        self.runner = OutputRunner(self.output, self.metrics, config.retries, context.dead_letters)
        self.consumer = OutputConsumer(
            config.name,
            config.queue,
            self.metrics,
            context.dead_letters,
            context.router.forget_routes,
            probe=context.probe(config.message_matcher),
            runner=self.runner,
            comes_again=context.comes_again,
        )
        self.sandbox = self.consumer.sandbox = self._new_sandbox(config)

    def _new_sandbox(self, config: model.Output) -> Sandbox:
        context = self._context
        arena = context.arena(f"encoder-{config.name}", _BATCH_SLOT_BYTES, SANDBOX_SLOTS)
        spec = specs.encoder(config, context.hostname)
        return context.sandbox(config.name, (config.encoder,), spec, arena, self.consumer, self.metrics)

    def can_swap(self, config: model.Output) -> bool:
        """Return True if only the encoder or the matcher has changed, so that the output itself need not stop."""
        same = msgspec.structs.replace(config, encoder=self.config.encoder, message_matcher=self.config.message_matcher)
        return same == self.config

    async def new_sandboxes(self, config: model.Output) -> list[Sandbox]:
        """Start a new encoder for `swap`.

        Raises:
            SandboxError: It does not start.
        """
        return await started([self._new_sandbox(config)])

    async def swap(self, config: model.Output, new: list[Sandbox]) -> None:
        """Replace the encoder by a new one, between two packs."""
        await self.consumer.swap(new[0])
        self.sandbox, self.config = new[0], config
        self.consumer.kinds.judged_by(self._context.probe(config.message_matcher))

    async def take_over(self, old: OutputUnit) -> None:
        """Take over from the previous version of this output, and deliver what that one has not delivered.

        Raises:
            StartError: The output cannot be opened; the previous version goes on.
        """
        old.consumer.suspend()
        await wait_until(lambda: old.sandbox.idle and old.runner.waiting == 0, _HAND_OVER_S)
        # Wait for an encoder that only lacks CPU time: records of a pack that it has begun would be written twice.
        timeout_s = self._context.settings.shutdown_timeout_ms / 1000
        await wait_until(lambda: old.sandbox.idle or not old.encodes, timeout_s)
        await old.runner.stop()
        await old.output.close()
        try:
            await self.open()
        except HekateError:
            await old.runner.open(may_retry=True)
            old.consumer.requeue()
            raise
        self._context.router.replace(old.consumer, self.consumer)
        self.consumer.held = old.consumer.held
        self.consumer.adopt(old.consumer.drain())
        await old.sandbox.stop()

    @property
    def encodes(self) -> bool:
        """True if the unit waits for its encoder only."""
        return self.sandbox.state == "running" and self.runner.waiting == 0

    async def open(self, *, at_start: bool = False) -> None:
        """Open the output. At the start of the host it need not succeed at once, if the configuration says so.

        Raises:
            StartError: It cannot be opened.
        """
        may_retry = at_start and self.config.on_open_failure == "retry" and not self._context.once
        await self.runner.open(may_retry=may_retry)

    def attach(self) -> None:
        """Start to receive messages."""
        self._context.router.add([self.consumer])

    async def detach(self) -> None:
        """Receive no more messages."""
        self._context.router.remove(self.consumer)

    async def close(self) -> None:
        """Stop the unit. Drop and count what is left in its queue."""
        await self.runner.stop()
        self.consumer.drop_all("removed")
        await self.sandbox.stop()
        await self.output.close()
