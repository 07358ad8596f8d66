"""Carries batches to an output: in order, again and again if need be, and to the dead letters at last."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from host.config.model import Retries
from host.core.clock import Clock, RealClock
from host.core.errors import DeliveryError, OpenError, RejectBatch, RetryDelivery, StartError
from host.delivery.dead_letters import DeadLetters
from host.outputs.base import Batch, Output, RejectRecords
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

OnDone = Callable[[], object]
"""Called when a batch is delivered, dropped, or in the dead letters: its memory is free again."""
OnGivenUp = Callable[[bool], bool]
"""Called when a batch is given up undelivered, with True if nothing will take it over. Returns False if its records
would then be lost, so that they must go to the dead letters."""


class _Delivery(NamedTuple):
    """A batch, and the callbacks of the caller."""

    batch: Batch
    on_done: OnDone
    on_given_up: OnGivenUp
    may_drop: bool


class LeftOver(NamedTuple):
    """Records that an output had not delivered at the end."""

    dead_letters: int = 0
    read_again: int = 0
    lost: int = 0
    """Neither could be kept nor come again."""

    def __add__(self, other: object) -> "LeftOver":
        """Add up two of them."""
        assert isinstance(other, LeftOver)
        return LeftOver(*(mine + its for mine, its in zip(self, other, strict=True)))


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
        self._waiting: deque[_Delivery] = deque()
        self._task: asyncio.Task[None] | None = None
        self._put_away_reason = ""
        """Why nothing is written any more; empty while the output is in use."""
        self._put_away_drop = ""
        self.left_over = LeftOver()
        """Records that were put away."""
        self._failing = ""
        self._not_open = ""
        """Why the output is not open; empty if it is."""
        self._opening: asyncio.Task[None] | None = None
        self._open_lock = asyncio.Lock()
        self._log = get_logger("host.outputs", kind="outputs", component=output.name)

    @property
    def failing(self) -> str:
        """Why nothing can be delivered now; empty if nothing fails."""
        return self._not_open or self._failing

    async def open(self, *, may_retry: bool) -> None:
        """Open the output, or begin to try until it can be opened.

        Args:
            may_retry: False if the output must be open when this returns.

        Raises:
            StartError: It cannot be opened, and must be, or never can be.
        """
        try:
            await self._output.open()
        except OpenError as error:
            if not may_retry:
                raise
            self._not_open = str(error)
            self._metrics.count_error("open failed")
            self._log.error("Cannot open the output; the host runs, and tries again.", reason=self._not_open)
            self._opening = asyncio.create_task(self._keep_opening(), name=f"opening {self._output.name}")

    async def _keep_opening(self) -> None:
        """Try to open the output, also while it has nothing to deliver."""
        failures = 0
        while self._not_open:
            failures += 1
            await self._clock.sleep(self._delay_ms(failures) / 1000)
            if self._task is None:  # if not, each try to deliver opens it
                with contextlib.suppress(RetryDelivery):
                    await self._open_again()

    async def _open_again(self) -> None:
        async with self._open_lock:
            if not self._not_open:
                return
            try:
                await self._output.open()
            except StartError as error:
                self._not_open = str(error)
                self._metrics.count_error("open failed")
                raise RetryDelivery(self._not_open) from error
            self._not_open = ""
            self._log.info("Opened the output.")

    @property
    def waiting(self) -> int:
        """Batches that were handed in and are not done."""
        return len(self._waiting)

    def deliver(
        self, batch: Batch, on_done: OnDone, on_given_up: OnGivenUp = lambda _: True, *, may_drop: bool = True
    ) -> None:
        """Deliver a batch, behind those that were handed in before.

        Args:
            batch: The records.
            on_done: Called once, when the batch is delivered, dropped or in the dead letters; maybe before this
                returns.
            on_given_up: Called instead if the runner is stopped before.
            may_drop: False if the policy of the queue does not apply to it.
        """
        delivery = _Delivery(batch, on_done, on_given_up, may_drop)
        if self._put_away_reason:
            self._put_away(delivery)
            return
        if self._task is not None:
            self._waiting.append(delivery)
            return
        if self._not_open:
            self._work_off(delivery, RetryDelivery(self._not_open))
            return
        try:
            writing = self._output.write(batch)
        except (RetryDelivery, RejectBatch) as failure:
            self._work_off(delivery, failure)
            return
        except Exception as error:  # noqa: BLE001 -- a defect in an output must not end the pipeline
            self._work_off(delivery, self._defect(error))
            return
        if writing is None:
            self._count_sent(batch.count, len(batch.data))
            on_done()
        else:
            self._work_off(delivery, writing)

    def drop_oldest(self, reason: str) -> bool:
        """Drop the oldest batch that is not being written; return False if there is none."""
        for index, delivery in enumerate(self._waiting):
            if index and delivery.may_drop:
                del self._waiting[index]
                self._metrics.count_drop(reason, delivery.batch.count)
                delivery.on_done()
                return True
        return False

    def _count_sent(self, records: int, size: int) -> None:
        self._metrics.records_sent += records
        self._metrics.bytes_sent += size
        self._metrics.failures.count(records)

    async def drain(self) -> None:
        """Wait until all batches are done."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Give up the batches that are not done: another runner takes them over, or their records come again."""
        await self._end_task()
        while self._waiting:
            self._waiting.popleft().on_given_up(False)

    async def put_away(self, reason: str, drop_reason: str = "shutdown") -> None:
        """Write nothing more. Batches that do not come again go to the dead letters, now and from now on.

        Args:
            reason: Stands in the dead letters.
            drop_reason: Counts the records among the drops.
        """
        self._put_away_drop = drop_reason
        self._put_away_reason = reason
        await self._end_task()
        while self._waiting:
            self._put_away(self._waiting.popleft())

    def _put_away(self, delivery: _Delivery) -> None:
        count = delivery.batch.count
        if delivery.on_given_up(True):
            self.left_over += LeftOver(read_again=count)
            return
        reason = f"{self._put_away_reason}; {self._failing}" if self._failing else self._put_away_reason
        try:
            self._append_letters(delivery.batch, reason, None)
        except RetryDelivery as error:
            self.left_over += LeftOver(lost=count)
            self._metrics.count_drop(f"lost_at_{self._put_away_drop}", count)
            self._log.error("Records are lost: they cannot be kept as dead letters.", reason=str(error), records=count)
        else:
            self.left_over += LeftOver(dead_letters=count)
            self._metrics.count_drop(self._put_away_drop, count)
        delivery.on_done()

    async def _end_task(self) -> None:
        for task in (self._task, self._opening):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._task = self._opening = None

    def _work_off(self, first: _Delivery, state: "Awaitable[None] | DeliveryError") -> None:
        """Go on in a task, which ends when nothing is left to do."""
        self._waiting.append(first)
        self._task = asyncio.create_task(self._run(state), name=f"output {self._output.name}")

    async def _run(self, state: "Awaitable[None] | DeliveryError | None") -> None:
        while self._waiting:
            delivery = self._waiting[0]
            await self._finish(delivery.batch, state)
            state = None
            self._waiting.popleft()
            delivery.on_done()
        self._task = None

    async def _finish(self, batch: Batch, state: "Awaitable[None] | DeliveryError | None") -> None:
        """Try until the batch is delivered or in the dead letters."""
        failures = 0
        while True:
            failure = state if isinstance(state, DeliveryError) else await self._try(batch, state)
            state = None
            if failure is None:
                self._failing = ""
                self._count_sent(batch.count, len(batch.data))
                return
            if isinstance(failure, RetryDelivery):
                failures += 1
                if 0 < self._retries.max_attempts <= failures:
                    failure = RejectBatch(f"given up after {failures} attempts: {failure.reason}")
            if isinstance(failure, RejectBatch):
                failure = self._give_up(batch, failure)
                if failure is None:
                    self._failing = ""
                    return
            await self._wait(max(failures, 1), failure)

    async def _try(self, batch: Batch, writing: Awaitable[None] | None) -> DeliveryError | None:
        try:
            if self._not_open:
                await self._open_again()
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
        try:
            lost, lost_bytes = self._append_letters(batch, reason, indices)
        except RetryDelivery as full:
            return full
        self._metrics.count_drop("rejected", lost)
        self._count_sent(batch.count - lost, len(batch.data) - lost_bytes)
        self._metrics.failures.count(lost, lost)
        self._metrics.failures.note(reason)
        self._log.error("Records went to the dead letters.", reason=reason, records=lost)
        return None

    def _append_letters(self, batch: Batch, reason: str, indices: set[int] | None) -> tuple[int, int]:
        """Append records of a batch to the dead letters in one write; return how many records and bytes.

        Raises:
            RetryDelivery: They could not be written; none was.
        """
        lost_bytes = 0
        letters = []
        for index, record in enumerate(batch.records()):
            if indices is None or index in indices:
                lost_bytes += len(record)
                self._metrics.failures.note_record(reason, bytes(record))
                letters.append(
                    self._dead_letters.encode(
                        component=self._output.name,
                        kind="outputs",
                        reason=reason,
                        stream="",
                        position=0,
                        record=bytes(record),
                    )
                )
        self._dead_letters.append(b"".join(letters), len(letters))
        return len(letters), lost_bytes

    async def _wait(self, failures: int, failure: DeliveryError) -> None:
        self._metrics.retries += 1
        self._failing = failure.reason
        self._metrics.failures.note_end(failure.reason)
        self._metrics.count_error("delivery failed")
        delay_ms = self._delay_ms(failures)
        self._log.warning("Could not deliver; trying again.", reason=failure.reason, retry_in_ms=delay_ms)
        await self._clock.sleep(delay_ms / 1000)

    def _delay_ms(self, failures: int) -> int:
        delay_ms = min(self._retries.delay_ms * 2 ** min(failures - 1, 32), self._retries.max_delay_ms)
        # Between half of it and all of it.
        return int(delay_ms * (1 + self._jitter()) / 2)
