"""The common base of filters and outputs."""

from __future__ import annotations

from host.pipeline.consumers.filter import FilterConsumer
from host.pipeline.consumers.output import OutputConsumer
from host.pipeline.waits import started, wait_until
from host.sandbox.sandbox import Sandbox
from host.telemetry.metrics import ComponentMetrics


class ConsumerUnit:
    """The common base of filters and outputs."""

    consumer: FilterConsumer | OutputConsumer
    sandbox: Sandbox
    metrics: ComponentMetrics

    @property
    def idle(self) -> bool:
        """True if no pack waits or is being worked on."""
        return self.consumer.idle

    @property
    def held(self) -> bool:
        """True if an operator has paused the unit."""
        return self.consumer.held

    async def settle(self, timeout_s: float) -> bool:
        """Wait until the unit is idle; return False if it is not in time."""
        return await wait_until(lambda: self.idle, timeout_s)

    def sandboxes(self) -> list[Sandbox]:
        """Return its sandbox."""
        return [self.sandbox]

    async def start_sandboxes(self) -> None:
        """Start its sandbox."""
        await started([self.sandbox])

    async def discard(self) -> None:
        """Stop a unit that has not done anything."""
        await self.sandbox.stop()
