"""Made-up records, for measuring and for trying things out."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from host.core.errors import StartError
from host.inputs.base import Feeder, Input, InputOptions

_TICK_S = 0.01
_BLOCK_BYTES = 256 * 1024


class GenerateOptions(InputOptions, frozen=True, kw_only=True):
    """Options of the generator."""

    lines: Annotated[
        tuple[str, ...],
        Meta(description="Lines to repeat. {sequence} in a line becomes the record's number, from 0."),
    ] = ()
    path: Annotated[str, Meta(description="File whose lines are repeated, in place of `lines`.")] = ""
    count: Annotated[int, Meta(ge=0, description="How many records; 0: no end.")] = 0
    rate: Annotated[int, Meta(ge=0, description="Records per second; 0: as fast as they are taken.")] = 0

    def __post_init__(self) -> None:
        """Refuse what gives no records; msgspec reports it as a fault of the configuration."""
        if bool(self.lines) == bool(self.path):
            raise ValueError("the generator needs either `lines` or `path`")


class GenerateInput(Input):
    """Repeats lines, as fast as possible or at a given rate.

    Each line ends in a line feed, which the splitter has to expect; the default does.
    """

    type = "generate"
    Options = GenerateOptions

    options: GenerateOptions

    _feeder: Feeder | None = None

    async def open(self) -> None:
        """Read the lines."""
        options = self.options
        if self.once and not options.count:
            raise StartError(f"inputs.{self.name}.count: with --once, a generator needs a count of records.")
        lines = self._lines()
        self._records = Records([line + b"\n" for line in lines], options.count)
        self._feeder = self.new_feeder(f"{self.name}/generate", "generated")

    def _lines(self) -> list[bytes]:
        path = self.options.path
        if not path:
            return [line.encode() for line in self.options.lines]
        place = f"inputs.{self.name}.path"
        try:
            lines = Path(path).read_bytes().splitlines()
        except OSError as error:
            raise StartError(f"{place}: cannot read {path}: {error.strerror}. Correct the path.") from error
        if not lines:
            raise StartError(f"{place}: {path} has no lines.")
        return lines

    async def run(self) -> None:
        """Make records until there are enough."""
        assert self._feeder is not None
        if self.options.rate:
            await self._run_at_rate(self._feeder, self.options.rate)
            return
        while await self._feeder.feed(self._records.read):
            pass

    async def close(self) -> None:
        """Nothing to close but the stream. A record that was cut by the end of its pack was never made."""
        if self._feeder is not None:
            feeder, self._feeder = self._feeder, None
            if self._records.ended:
                await feeder.finish()
            else:
                feeder.abandon()

    async def _run_at_rate(self, feeder: Feeder, rate: int) -> None:
        begin_s = time.monotonic()
        while not self._records.ended:
            due = int((time.monotonic() - begin_s) * rate) + 1
            self._records.allowed = due
            while self._records.made < due and await feeder.feed(self._records.read):
                pass
            await asyncio.sleep(max(_TICK_S, 1 / rate) if not self._records.ended else 0)


class Records:
    """Repeats lines into buffers.

    Args:
        lines: The lines, with their ends.
        count: How many to make; 0 for no end.
    """

    def __init__(self, lines: list[bytes], count: int) -> None:
        self._lines = lines
        self._count = count
        self._rest = b""
        self._is_fixed = not any(b"{sequence}" in line for line in lines)
        # Lines that never change are copied by the block: no work for each of them.
        repeat = max(1, _BLOCK_BYTES // max(1, sum(map(len, lines))))
        self._block = b"".join(lines) * repeat if self._is_fixed else b""
        self._block_lines = len(lines) * repeat
        self.made = 0
        self.allowed = count

    @property
    def ended(self) -> bool:
        """True if all were generated and read."""
        return bool(self._count) and self.made >= self._count and not self._rest

    def read(self, view: memoryview) -> int:
        """Fill a buffer; 0 if there are no more records now."""
        filled = 0
        while filled < len(view):
            if not self._rest:
                self._rest = self._more()
                if not self._rest:
                    break
            piece = self._rest[: len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._rest = self._rest[len(piece) :]
        return filled

    def _more(self) -> bytes:
        limit = self.allowed or self._count
        if self._count:
            limit = min(limit, self._count)
        left = limit - self.made if limit else self._block_lines
        if left <= 0:
            return b""
        first = self.made % len(self._lines)
        if self._is_fixed and first == 0 and left >= self._block_lines:
            self.made += self._block_lines
            return self._block
        line = self._lines[first]
        if not self._is_fixed:
            line = line.replace(b"{sequence}", b"%d" % self.made)
        self.made += 1
        return line
