"""Carries batches to an output: in order, again and again if need be, and to the dead letters at last."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from host.clock import Clock, RealClock
from host.config.model import Retries
from host.delivery.dead_letters import DeadLetters
from host.errors import DeliveryError, RejectBatch, RetryDelivery
from host.outputs.base import Batch, Output, RejectRecords
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

OnDone = Callable[[], object]
"""Called when a batch is delivered or in the dead letters, so that nobody needs it any more."""


class OutputRunner:
    """Delivers the batches of one output.

    While the output keeps up, a batch is written in `deliver` itself: no task, no queue. A batch that cannot be
    written holds up the ones behind it, so that order is kept, for as long as `retries` allows.

    Args:
        output: An open output.
        metrics: Of the output.
        retries: How often and when to try again.
        dead_letters: Where goes what is not delivered.
        clock: What to wait by.
        jitter: Random number from 0 to 1, by which the waits of several outputs come apart.
    """

    def __init__(
        self,
        output: Output,
        metrics: ComponentMetrics,
        retries: Retries,
        dead_letters: DeadLetters,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._output = output
        self._metrics = metrics
        self._retries = retries
        self._dead_letters = dead_letters
        self._clock = clock or RealClock()
        self._jitter = jitter
        self._waiting: deque[tuple[Batch, OnDone, OnDone]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.failing = ""
        """Why the batch at hand could not be delivered so far; empty if nothing fails."""
        self._log = get_logger("host.outputs", kind="outputs", component=output.name)

    @property
    def waiting(self) -> int:
        """Batches that were handed in and are not done."""
        return len(self._waiting)

    def deliver(self, batch: Batch, on_done: OnDone, on_given_up: OnDone = lambda: None) -> None:
        """Deliver a batch, behind those that were handed in before.

        Args:
            batch: The records.
            on_done: Called once, when the batch is delivered or in the dead letters; maybe before this returns.
            on_given_up: Called instead if the runner is stopped before.
        """
        if self._task is not None:
            self._waiting.append((batch, on_done, on_given_up))
            return
        try:
            writing = self._output.write(batch)
        except (RetryDelivery, RejectBatch) as failure:
            self._work_off((batch, on_done, on_given_up), failure)
            return
        except Exception as error:  # noqa: BLE001 -- a defect in an output must not end the pipeline
            self._work_off((batch, on_done, on_given_up), self._defect(error))
            return
        if writing is None:
            self._count_sent(batch.count, len(batch.data))
            on_done()
        else:
            self._work_off((batch, on_done, on_given_up), writing)

    def _count_sent(self, records: int, size: int) -> None:
        self._metrics.records_sent += records
        self._metrics.bytes_sent += size
        self._metrics.failures.count(records)

    async def drain(self) -> None:
        """Wait until all batches are done."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Give up the batches that are not done; their records will come again after a restart."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        while self._waiting:
            _, _, on_given_up = self._waiting.popleft()
            on_given_up()

    def _work_off(self, first: tuple[Batch, OnDone, OnDone], state: "Awaitable[None] | DeliveryError") -> None:
        """Go on in a task, which ends when nothing is left to do."""
        self._waiting.append(first)
        self._task = asyncio.create_task(self._run(state), name=f"output {self._output.name}")

    async def _run(self, state: "Awaitable[None] | DeliveryError | None") -> None:
        while self._waiting:
            batch, on_done, _ = self._waiting[0]
            await self._finish(batch, state)
            state = None
            self._waiting.popleft()
            on_done()
        self._task = None

    async def _finish(self, batch: Batch, state: "Awaitable[None] | DeliveryError | None") -> None:
        """Try until the batch is delivered or in the dead letters."""
        failures = 0
        while True:
            failure = state if isinstance(state, DeliveryError) else await self._try(batch, state)
            state = None
            if failure is None:
                self.failing = ""
                self._count_sent(batch.count, len(batch.data))
                return
            if isinstance(failure, RetryDelivery):
                failures += 1
                if 0 < self._retries.max_attempts <= failures:
                    failure = RejectBatch(f"given up after {failures} attempts: {failure.reason}")
            if isinstance(failure, RejectBatch):
                failure = self._give_up(batch, failure)
                if failure is None:
                    self.failing = ""
                    return
            await self._wait(max(failures, 1), failure)

    async def _try(self, batch: Batch, writing: Awaitable[None] | None) -> DeliveryError | None:
        try:
            if writing is None:
                writing = self._output.write(batch)
            if writing is not None:
                await writing
        except (RetryDelivery, RejectBatch) as failure:
            return failure
        except Exception as error:  # noqa: BLE001 -- a defect in an output must not end the pipeline
            return self._defect(error)
        return None

    def _defect(self, error: Exception) -> RejectBatch:
        self._log.error("The output failed in a way it does not know.", exc_info=error)
        return RejectBatch(f"defect in the output: {type(error).__name__}: {error}")

    def _give_up(self, batch: Batch, failure: RejectBatch) -> RetryDelivery | None:
        """Move a batch to the dead letters; a failure if even that is not possible now."""
        indices = set(failure.indices) if isinstance(failure, RejectRecords) else None
        reason = failure.reason
        lost = delivered_bytes = 0
        try:
            for index, record in enumerate(batch.records()):
                if indices is not None and index not in indices:
                    delivered_bytes += len(record)
                    continue
                lost += 1
                self._metrics.failures.note_record(reason, bytes(record))
                self._dead_letters.append_one(
                    component=self._output.name,
                    kind="outputs",
                    reason=reason,
                    stream="",
                    position=0,
                    record=bytes(record),
                )
        except RetryDelivery as full:
            return full
        self._metrics.count_drop("rejected", lost)
        self._count_sent(batch.count - lost, delivered_bytes)
        self._metrics.failures.count(lost, lost)
        self._metrics.failures.note(reason)
        self._log.error("Records went to the dead letters.", reason=reason, records=lost)
        return None

    async def _wait(self, failures: int, failure: DeliveryError) -> None:
        self._metrics.retries += 1
        self.failing = failure.reason
        self._metrics.failures.note_end(failure.reason)
        self._metrics.count_error("delivery failed")
        delay_ms = min(self._retries.delay_ms * 2 ** min(failures - 1, 32), self._retries.max_delay_ms)
        # Between half of it and all of it.
        delay_ms = round(delay_ms * (1 + self._jitter()) / 2)
        self._log.warning("Could not deliver; trying again.", reason=failure.reason, retry_in_ms=delay_ms)
        await self._clock.sleep(delay_ms / 1000)
