"""The base class of outputs, and the batch that an output writes."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from host.core.errors import RejectBatch
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics


class Batch:
    """Encoded records, one behind the other.

    Attributes:
        data: The bytes; valid until the batch was written, rejected or given up.
        count: How many records they are.
    """

    __slots__ = ("_ends", "_load_ends", "count", "data")

    def __init__(self, data: memoryview, count: int, load_ends: "Callable[[], array[int]]") -> None:
        self.data = data
        self.count = count
        self._load_ends = load_ends
        self._ends: array[int] | None = None

    @property
    def ends(self) -> "array[int]":
        """The end of each record in `data`. Computed on first use, because most outputs never need it."""
        if self._ends is None:
            self._ends = self._load_ends()
        return self._ends

    def records(self) -> Iterator[memoryview]:
        """The records, one by one."""
        start = 0
        for end in self.ends:
            yield self.data[start:end]
            start = end


class RejectRecords(RejectBatch):
    """Some records of the batch will never be delivered; the others were."""

    def __init__(self, reason: str, indices: list[int]) -> None:
        super().__init__(reason)
        self.indices = indices


class OutputOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the options of an output. The keys that every output has are in the config model."""


class Output(ABC):
    """Writes batches to one kind of target.

    Args:
        name: The output's name in the configuration.
        options: An instance of the class's `Options`.
        metrics: Where to count what only the output knows; the runner counts records, bytes and errors.
        state_dir: Folder for state.
    """

    Options: ClassVar[type[OutputOptions]]
    type: ClassVar[str]

    def __init__(self, name: str, options: Any, metrics: ComponentMetrics, *, state_dir: Path) -> None:
        self.name = name
        self.options = options
        self.metrics = metrics
        self.state_dir = state_dir
        self.log = get_logger("host.outputs", kind="outputs", component=name)

    @abstractmethod
    async def open(self) -> None:
        """Check that the target can be used. Called once, before the first `write`.

        Raises:
            StartError: The target cannot be used, with what, where and what to do. A target that may come back,
                such as a server that is down, is no reason: `write` says so then.
        """

    @abstractmethod
    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Write a batch. There is never more than one write at a time.

        Returns:
            None if the batch is delivered; or what to await until it is.

        Raises:
            RetryDelivery: Nothing was delivered, and may be later. Raised here or by what is awaited.
            RejectBatch: The batch will never be delivered.
            RejectRecords: Some of its records will never be delivered; the others were.
        """

    def describe(self) -> str:
        """A short description of the destination for people."""
        target = getattr(self.options, "path", None) or getattr(self.options, "address", None)
        return str(target) if target else f"the {self.type}"

    def reopen(self) -> None:  # noqa: B027 -- most outputs have nothing to do
        """Take up files anew that may have been moved: SIGHUP."""

    @abstractmethod
    async def close(self) -> None:
        """Release what `open` took. Called once, always; not during a write."""
