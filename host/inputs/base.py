"""What an input is, and the feeder that all stream inputs share.

An input reads bytes straight into slots of the shared-memory arena and submits the slots. It waits for a free
slot before it reads, which is all the back-pressure there is: while the pipeline is busy, the data stays where
it came from. Nothing here runs once per record.
"""

import asyncio
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import msgspec

from host.delivery.checkpoints import Checkpoints
from host.splitters.base import Splitter
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

Read = Callable[[memoryview], int]
"""Fills a buffer from its start and says how far, as `socket.recv_into` does."""

_READS_PER_TURN = 8


class Stream(Protocol):
    """One ordered source of bytes: a file, a connection, a socket."""

    key: str
    label: str


class Slot(Protocol):
    """Shared memory for one pack."""

    view: memoryview


class Intake(Protocol):
    """Takes the packs of an input. `host.packs.intake` is the real one, `host.testing.intake` the fake."""

    slot_bytes: int
    max_record_bytes: int

    def open_stream(
        self, key: str, label: str, on_released: Callable[[int], None] | None = None, reading: str = ""
    ) -> Any:
        """Announce a stream. `on_released` is told, in order, up to which position all has been delivered.

        A stream that can be read again from any position has a `reading`: a name of this reading of it, which stays
        the same when it is read on after a crash.
        """

    def close_stream(self, stream: Any) -> None:
        """Nothing more will be submitted for a stream."""

    async def slot(self) -> Any:
        """Wait for a free slot, and for room at the decoder."""

    def give_back(self, slot: Any) -> None:
        """Return a slot unused."""

    def submit(
        self,
        slot: Any,
        stream: Any,
        *,
        position: int,
        next_position: int,
        length: int,
        records: "array[int] | None",
    ) -> None:
        """Hand in a slot. Position and next_position: of its first byte, and where reading would resume."""

    def reject(self, stream: Any, position: int, data: bytes, reason: str) -> None:
        """Report bytes that do not become a record; they are counted and go to the dead letters."""


class InputOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the options of an input. The keys that every input has are in the config model."""


class Input(ABC):
    """Reads from one kind of source.

    Args:
        name: The input's name in the configuration.
        options: An instance of the class's `Options`.
        intake: Where packs go.
        new_splitter: Makes a splitter; one for each stream.
        checkpoints: Where positions are kept.
        metrics: Where to count.
        once: Whether to end at the end of the data there is, instead of waiting for more.
    """

    Options: ClassVar[type[InputOptions]]
    type: ClassVar[str]

    def __init__(  # noqa: PLR0917 -- the order in which the pipeline knows them, the same for all inputs
        self,
        name: str,
        options: Any,
        intake: Intake,
        new_splitter: Callable[[], Splitter],
        checkpoints: Checkpoints,
        metrics: ComponentMetrics,
        *,
        once: bool,
    ) -> None:
        self.name = name
        self.options = options
        self.intake = intake
        self.new_splitter = new_splitter
        self.checkpoints = checkpoints
        self.metrics = metrics
        self.once = once
        self.log = get_logger("host.inputs", kind="inputs", component=name)

    @abstractmethod
    async def open(self) -> None:
        """Bind ports, check paths. Called once, before `run`.

        Raises:
            StartError: The source cannot be used, with what, where and what to do.
        """

    @abstractmethod
    async def run(self) -> None:
        """Read until the end of the source, or until cancelled. Cancelling may happen at any `await`."""

    @abstractmethod
    async def close(self) -> None:
        """Release what `open` took, and submit what was received but not yet submitted. Called once, always."""

    def count_truncated(self, splitter: Splitter) -> None:
        """Count what a splitter has cut off; what a decoder's process cuts is counted there."""
        self.metrics.records_truncated += splitter.truncated_records
        self.metrics.bytes_truncated += splitter.truncated_bytes
        splitter.truncated_records = splitter.truncated_bytes = 0

    def new_feeder(
        self,
        key: str,
        label: str,
        position: int = 0,
        on_released: Callable[[int], None] | None = None,
        reading: str = "",
    ) -> "Feeder":
        """Open a stream and make the feeder for it."""
        stream = self.intake.open_stream(key, label, on_released, reading)
        self.metrics.streams_open += 1
        return Feeder(self, stream, self.new_splitter(), position)


class Feeder:
    """Joins what reads a stream, its splitter, the carry between two packs, and the intake.

    Attributes:
        position: Where in the stream the first byte not yet submitted is.
        submitted: The `next_position` of the last pack, so the position whose release means that all is delivered.
        full: Whether the last read filled its slot, so that there is likely more.
        broken: Why the stream cannot be split any further; empty if it can.
    """

    __slots__ = (
        "_carry",
        "_input",
        "_intake",
        "_reads",
        "_splitter",
        "_stream",
        "_tail_bytes",
        "broken",
        "full",
        "position",
        "submitted",
    )

    def __init__(self, owner: Input, stream: Stream, splitter: Splitter, position: int = 0) -> None:
        self._input = owner
        self._intake = owner.intake
        self._stream = stream
        self._splitter = splitter
        self._tail_bytes = splitter.tail_bytes
        self._carry = b""
        self._reads = 0
        self.position = position
        self.submitted = position
        self.full = False
        self.broken = ""

    @property
    def label(self) -> str:
        """The stream's name for people."""
        return self._stream.label

    @property
    def read_position(self) -> int:
        """The position in the stream at which the next read begins."""
        return self.position + len(self._carry)

    async def feed(self, read: Read) -> int:
        """Read once into a slot, and submit it if there is a whole record in it.

        Args:
            read: Called once a slot is there. What it raises is raised here, with nothing lost.

        Returns:
            How many bytes were read.
        """
        slot = await self._intake.slot()
        view: memoryview = slot.view
        carried = len(self._carry)
        room = view[carried : len(view) - self._tail_bytes]
        try:
            got = read(room)
        except BaseException:
            self._intake.give_back(slot)
            raise
        if got <= 0:
            self.full = False
            self._intake.give_back(slot)
            return 0
        self.full = got == len(room)
        if carried:
            view[:carried] = self._carry
        self._cut(slot, carried + got, final=False)
        self._reads += 1
        if self._reads % _READS_PER_TURN == 0:
            # A slot may always be free at once: let the others have their turn.
            await asyncio.sleep(0)
        return got

    async def finish(self) -> None:
        """The stream has ended: submit what is left, and close it. If this is cancelled, it may be called again."""
        if self._carry and not self.broken:
            slot = await self._intake.slot()
            carried = len(self._carry)
            slot.view[:carried] = self._carry
            self._cut(slot, carried, final=True)
        self.abandon()

    def abandon(self) -> None:
        """Close the stream without what is left of it: it will be read again from `submitted` on."""
        self._carry = b""
        self._intake.close_stream(self._stream)
        self._input.metrics.streams_open -= 1

    def _cut(self, slot: Slot, filled: int, *, final: bool) -> None:
        view = slot.view
        cut = self._splitter.split(view, filled, final)
        if self._splitter.truncated_records or self._splitter.truncated_bytes:
            self._input.count_truncated(self._splitter)
        end, records, position = cut.end, cut.records, self.position
        self._carry = bytes(view[end:filled]) if end < filled and not final else b""
        self.position = position + min(end, filled)
        for refused in cut.refused:
            self._intake.reject(self._stream, position + refused.start, refused.data, refused.reason)
        if cut.broken:
            self._break(cut.broken)
        if end if records is None else len(records):
            self.submitted = position + min(cut.resume, filled)
            self._intake.submit(
                slot,
                self._stream,
                position=position,
                next_position=self.submitted,
                length=end if records is None else filled,
                records=records,
            )
        else:
            self._intake.give_back(slot)

    def _break(self, reason: str) -> None:
        self.broken = reason
        self._input.metrics.count_error("broken stream")
        self._input.log.warning("A stream cannot be split any further.", stream=self.label, reason=reason)
