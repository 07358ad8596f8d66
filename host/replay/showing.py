"""The outputs of a replay that delivers nothing: they show what each would have been given."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from host import standard_output
from host.outputs.base import Batch, Output
from host.telemetry.metrics import ComponentMetrics

Show = Callable[[str, memoryview], bytes]
"""The line for a record of an output."""


class ShowingOutput(Output):
    """Writes to standard output what the output of that name would deliver.

    Args:
        line: What makes a line of a record; None if this one is not to be seen.
        on_gone: Told when nobody reads standard output any more.
    """

    type = "replay"

    def __init__(
        self,
        line: Show | None,
        on_gone: Callable[[], None],
        name: str,
        options: Any,
        metrics: ComponentMetrics,
        *,
        state_dir: Path,
    ) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._line = line
        self._on_gone = on_gone

    async def open(self) -> None:
        """Nothing: standard output is open."""

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Show a batch."""
        if self._line is not None:
            try:
                standard_output.write(b"".join(self._line(self.name, record) for record in batch.records()))
            except BrokenPipeError:
                standard_output.discard()
                self._on_gone()
        return None

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
