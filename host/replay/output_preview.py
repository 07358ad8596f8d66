"""Outputs that show their records on standard output instead of delivering them."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from host.core import stdout
from host.outputs.base import Batch, Output
from host.telemetry.metrics import ComponentMetrics

Show = Callable[[str, memoryview], bytes]
"""Returns the output line of a record of an output."""


class Lines:
    """The lines of all outputs. They are written when all outputs are idle, so that their order is deterministic.

    Args:
        names: The outputs, in the order in which their lines are written.
        at_once: True to write each line as it comes, for streams that may never be idle.
    """

    on_error: Callable[[OSError], None] | None = None
    """Called when standard output can no longer be written: the reader has gone, or the disk is full."""

    def __init__(self, names: Iterable[str], *, at_once: bool = False) -> None:
        self._at_once = at_once
        self.is_over = False
        """True if no more lines are to be written: standard output failed, or a stop was requested."""
        self._lines_by_output: dict[str, list[bytes]] = {name: [] for name in names}

    def add(self, name: str, lines: bytes) -> None:
        """Add lines of an output."""
        self._lines_by_output[name].append(lines)
        if self._at_once:
            self.write()

    def write(self) -> None:
        """Write the pending lines to standard output."""
        data = b"".join(part for parts in self._lines_by_output.values() for part in parts)
        for parts in self._lines_by_output.values():
            parts.clear()
        try:
            stdout.write(data)
        except OSError as error:
            self.handle_write_error(error)

    def handle_write_error(self, error: OSError) -> None:
        """Discard all further output, because standard output can no longer be written."""
        self.is_over = True
        stdout.discard()
        if self.on_error is not None:
            self.on_error(error)


class PreviewOutput(Output):
    """Shows the records that the output of the same name would deliver.

    Args:
        line: Formats a record; None to hide this output.
        lines: Receives the formatted records.
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
        """Do nothing: standard output is already open."""

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Show a batch."""
        if self._line is not None:
            try:
                self._lines.add(self.name, b"".join(self._formatted_records(self._line, batch)))
            except OSError as error:  # some formatters write to standard output directly
                self._lines.handle_write_error(error)
        return None

    def _formatted_records(self, line: Show, batch: Batch) -> Iterator[bytes]:
        for record in batch.records():
            if self._lines.is_over:
                return
            yield line(self.name, record)

    def describe(self) -> str:
        """Describe whether the records are shown."""
        return "shown" if self._line is not None else "not shown"

    async def close(self) -> None:
        """Leave standard output open."""


def plain_line(name: str, record: memoryview) -> bytes:  # noqa: ARG001 -- a single output needs no name
    """Return a record unchanged, as a line."""
    return _with_newline(bytes(record))


def named_line(name: str, record: memoryview) -> bytes:
    """Return a record as a line after the name of its output."""
    return f"{name}: ".encode() + _with_newline(bytes(record))


def json_line(name: str, record: memoryview) -> bytes:
    """Return a record and the name of its output as a line of JSON."""
    text = bytes(record).decode(errors="backslashreplace")
    return orjson.dumps({"output": name, "record": text}) + b"\n"


def _with_newline(record: bytes) -> bytes:
    return record if record.endswith(b"\n") else record + b"\n"
