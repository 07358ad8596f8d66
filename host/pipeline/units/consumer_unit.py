"""What a filter and an output have in common."""

from __future__ import annotations

from host.pipeline.consumers import FilterConsumer, OutputConsumer
from host.pipeline.waits import started, wait_until
from host.sandbox.sandbox import Sandbox
from host.telemetry.metrics import ComponentMetrics


class ConsumerUnit:
    """What a filter and an output have in common."""

    consumer: FilterConsumer | OutputConsumer
    sandbox: Sandbox
    metrics: ComponentMetrics

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return self.consumer.idle

    @property
    def held(self) -> bool:
        """Whether an operator has paused it."""
        return self.consumer.held

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing waits and nothing is being worked on; whether that is so."""
        return await wait_until(lambda: self.idle, timeout_s)

    def sandboxes(self) -> list[Sandbox]:
        """Its process."""
        return [self.sandbox]

    async def start_sandboxes(self) -> None:
        """Start its process."""
        await started([self.sandbox])

    async def discard(self) -> None:
        """End it before it has done anything."""
        await self.sandbox.stop()
