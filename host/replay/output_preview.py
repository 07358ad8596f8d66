"""The outputs of a replay that delivers nothing: they show what each would have been given."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from host.core import stdout
from host.outputs.base import Batch, Output
from host.telemetry.metrics import ComponentMetrics

Show = Callable[[str, memoryview], bytes]
"""The line for a record of an output."""


class Lines:
    """What all outputs show. It is written when all are at rest, so that their order is not left to chance.

    Args:
        names: The outputs, in the order in which they are shown.
        at_once: Whether it is written as it comes, since nobody will be at rest for long.
    """

    on_fault: Callable[[OSError], None] | None = None
    """Told when standard output takes nothing more: nobody reads it, or the disk is full."""

    def __init__(self, names: Iterable[str], *, at_once: bool = False) -> None:
        self._at_once = at_once
        self.is_over = False
        """Whether nothing more is to be shown: standard output takes nothing, or somebody has asked to stop."""
        self._of: dict[str, list[bytes]] = {name: [] for name in names}

    def add(self, name: str, lines: bytes) -> None:
        """An output shows lines."""
        self._of[name].append(lines)
        if self._at_once:
            self.write()

    def write(self) -> None:
        """Write to standard output what has come."""
        data = b"".join(part for parts in self._of.values() for part in parts)
        for parts in self._of.values():
            parts.clear()
        try:
            stdout.write(data)
        except OSError as error:
            self.cannot_write(error)

    def cannot_write(self, fault: OSError) -> None:
        """Standard output takes nothing more."""
        self.is_over = True
        stdout.discard()
        if self.on_fault is not None:
            self.on_fault(fault)


class ShowingOutput(Output):
    """Shows what the output of that name would deliver.

    Args:
        line: What makes a line of a record; None if this one is not to be seen.
        lines: Where they go.
    """

    type = "replay"

    def __init__(
        self,
        line: Show | None,
        lines: Lines,
        name: str,
        options: Any,
        metrics: ComponentMetrics,
        *,
        state_dir: Path,
    ) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._line = line
        self._lines = lines

    async def open(self) -> None:
        """Nothing: standard output is open."""

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Show a batch."""
        if self._line is not None:
            try:
                self._lines.add(self.name, b"".join(self._shown(self._line, batch)))
            except OSError as error:  # some write by themselves
                self._lines.cannot_write(error)
        return None

    def _shown(self, line: Show, batch: Batch) -> Iterator[bytes]:
        for record in batch.records():
            if self._lines.is_over:
                return
            yield line(self.name, record)

    def describe(self) -> str:
        """Where the records go."""
        return "shown" if self._line is not None else "not shown"

    async def close(self) -> None:
        """Leave standard output open."""


def plain_line(name: str, record: memoryview) -> bytes:  # noqa: ARG001 -- where there is one output, it needs no name
    """A record as it is."""
    return _ended(bytes(record))


def named_line(name: str, record: memoryview) -> bytes:
    """A record behind the name of its output."""
    return f"{name}: ".encode() + _ended(bytes(record))


def json_line(name: str, record: memoryview) -> bytes:
    """A record as JSON."""
    text = bytes(record).decode(errors="backslashreplace")
    return orjson.dumps({"output": name, "record": text}) + b"\n"


def _ended(record: bytes) -> bytes:
    return record if record.endswith(b"\n") else record + b"\n"
