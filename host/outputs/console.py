"""Standard output."""

import os
import select
import stat
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from host.core.descriptors import wait_writable
from host.core.errors import RejectBatch, RetryDelivery
from host.outputs.base import Batch, Output, OutputOptions
from host.telemetry.metrics import ComponentMetrics

# What the kernel takes at once when it says that a pipe can be written to (PIPE_BUF).
_PIECE_BYTES = 4096


class ConsoleOptions(OutputOptions, frozen=True, kw_only=True):
    """Options of the console output."""

    target: Annotated[Literal["stdout", "stderr"], Meta(description="Where to write.")] = "stdout"


class ConsoleOutput(Output):
    """Writes to standard output or standard error.

    A reader that is slow holds back this output and nothing else. When the reader has gone (`| head`), records go
    to the dead letters: nobody will ever read them here.
    """

    type = "console"
    Options = ConsoleOptions

    def __init__(self, name: str, options: Any, metrics: ComponentMetrics, *, state_dir: Path) -> None:
        super().__init__(name, options, metrics, state_dir=state_dir)
        self._fd = 1 if options.target == "stdout" else 2
        self._never_blocks = False
        self._poll = select.poll()

    async def open(self) -> None:
        """Look what the console is."""
        (sys.stdout if self._fd == 1 else sys.stderr).flush()
        mode = os.fstat(self._fd).st_mode
        self._never_blocks = stat.S_ISREG(mode)
        self._poll.register(self._fd, select.POLLOUT)

    def write(self, batch: Batch) -> Awaitable[None] | None:
        """Write a batch."""
        try:
            written = self._write_some(batch.data)
        except OSError as error:
            raise self._failure(error) from error
        return None if written == len(batch.data) else self._write_rest(batch.data, written)

    async def close(self) -> None:
        """Leave the console open: others may write to it."""

    async def _write_rest(self, data: memoryview, written: int) -> None:
        try:
            while written < len(data):
                await wait_writable(self._fd)
                written += self._write_some(data[written:])
        except OSError as error:
            raise self._failure(error) from error

    def _write_some(self, data: memoryview) -> int:
        """Write as much as is possible without waiting.

        The descriptor itself stays blocking: it is shared with whoever started us.
        """
        written = 0
        while written < len(data):
            if not self._never_blocks and not self._poll.poll(0):
                break
            piece = data[written:] if self._never_blocks else data[written : written + _PIECE_BYTES]
            written += os.write(self._fd, piece)
        return written

    def _failure(self, error: OSError) -> RetryDelivery | RejectBatch:
        if isinstance(error, BrokenPipeError):
            return RejectBatch(f"{self.options.target} was closed by its reader")
        return RetryDelivery(f"cannot write to {self.options.target}: {error.strerror}")
