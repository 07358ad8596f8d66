"""Records from standard input."""

import asyncio
import contextlib
import fcntl
import os
import stat
import sys
from functools import partial

from host.core.descriptors import wait_readable
from host.core.errors import StartError
from host.inputs.base import Feeder, Input, InputOptions

_PIPE_BYTES = 1 << 20


class StdinOptions(InputOptions, frozen=True, kw_only=True):
    """No options."""


class StdinInput(Input):
    """Reads standard input to its end.

    What was read from a pipe cannot be read again: what is in flight when Hekate is killed is lost.
    """

    type = "stdin"
    Options = StdinOptions

    _fd = 0
    _feeder: Feeder | None = None

    async def open(self) -> None:
        """Look what standard input is."""
        # Where standard input was closed, its number may be something else's by now; Python knows.
        if sys.__stdin__ is None:
            raise StartError(f"inputs.{self.name}: standard input is closed. Start with `< FILE`, or from a pipe.")
        mode = os.fstat(self._fd).st_mode
        if stat.S_ISDIR(mode):
            raise StartError(f"inputs.{self.name}: standard input is a folder. Start with `< FILE`, or from a pipe.")
        self._may_block = not stat.S_ISREG(mode)
        if stat.S_ISFIFO(mode):
            # A larger pipe makes larger packs. Where it is not permitted, smaller ones do.
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._feeder = self.new_feeder(f"{self.name}/stdin", "standard input")

    async def run(self) -> None:
        """Read to the end."""
        assert self._feeder is not None
        feeder = self._feeder
        while not feeder.broken:
            # The descriptor stays blocking, since it is shared with whoever started us: a read follows only when
            # something is there.
            if self._may_block:
                await self._wait()
            if not await feeder.feed(partial(_read, self._fd)):
                break

    async def close(self) -> None:
        """Submit the unfinished last record. Standard input itself stays open."""
        if self._feeder is not None:
            feeder, self._feeder = self._feeder, None
            await feeder.finish()

    async def _wait(self) -> None:
        try:
            await wait_readable(self._fd)
        except PermissionError:
            # A device that the kernel cannot wait for, such as /dev/null: it never blocks.
            self._may_block = False
            await asyncio.sleep(0)


def _read(fd: int, view: memoryview) -> int:
    return os.readv(fd, [view])
