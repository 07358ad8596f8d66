"""`hekate cat` for growing files and pipes."""

import asyncio
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial

from host.config import model
from host.core import signals
from host.outputs.base import Output
from host.pipeline.environment import Environment
from host.pipeline.pipeline import Pipeline
from host.replay.output_preview import Lines

_LOOK_EVERY_S = 0.1
_BEGINNING_BYTES = 64 * 1024
_STDIN = 0


class _PreviewEnvironment(Environment):
    """The real environment, with outputs that print."""

    def __init__(self, new_output: Callable[..., Output]) -> None:
        self._new_output = new_output

    def output_class(self, config: model.Output) -> Callable[..., Output]:  # noqa: ARG002 -- all of them
        """Return the output that prints."""
        return self._new_output


class Following:
    """One run, until a signal arrives or the pipe ends.

    Args:
        config: The configuration.
        once: True to end with the inputs.
        new_output: Makes outputs.
        lines: Collects and prints what these write.
    """

    def __init__(self, config: model.Config, *, once: bool, new_output: Callable[..., Output], lines: Lines) -> None:
        self.pipeline = Pipeline(config, once=once, environment=_PreviewEnvironment(new_output))
        self.signal: signal.Signals | None = None
        """The signal that ended the run."""
        self.write_error: OSError | None = None
        """The error that ended writing to stdout."""
        self._stopped = asyncio.Event()
        self._lines = lines
        lines.on_error = self._on_fault

    async def run(self) -> None:
        """Show records as they arrive.

        Raises:
            HekateError: The pipeline could not be started or stopped.
        """
        loop = asyncio.get_running_loop()
        # A signal must also interrupt a batch, which may print many records.
        with signals.handle_signals(partial(self._on_signal, loop)):
            try:
                await self.pipeline.start()
                await _first(self._stopped.wait(), self.pipeline.ended.wait(), self._wait_for_broken_pipe())
                if not self._stopped.is_set():
                    await self.pipeline.drain()
            finally:
                await self.pipeline.stop()

    async def _wait_for_broken_pipe(self) -> None:
        """Wait until the reader of stdout has gone, which it may do while there is nothing to write."""
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)
        while not any(event & select.POLLERR for _, event in output.poll(0)):  # noqa: ASYNC110 -- it is no event
            await asyncio.sleep(_LOOK_EVERY_S)
        self._on_fault(BrokenPipeError())

    def _on_fault(self, fault: OSError) -> None:
        self.write_error = self.write_error or fault
        self._stopped.set()

    def _on_signal(self, loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
        self.signal = self.signal or number
        self._lines.is_over = True
        loop.call_soon_threadsafe(self._stopped.set)


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait for the first to finish, and cancel the others."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


def is_regular(descriptor: int) -> bool:
    """Return True if a descriptor is a regular file."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def beginning_of_stdin() -> bytes:
    """Return the first bytes of stdin, and leave them there for the next reader."""
    begins = os.read(_STDIN, _BEGINNING_BYTES)
    source = os.dup(_STDIN)
    reader, writer = os.pipe()
    os.dup2(reader, _STDIN)
    os.close(reader)
    threading.Thread(target=_pass_on, args=(begins, source, writer), daemon=True).start()
    return begins


def _pass_on(data: bytes, source: int, writer: int) -> None:
    while data:
        left = memoryview(data)
        while left:
            left = left[os.write(writer, left) :]
        data = os.read(source, _BEGINNING_BYTES)
    os.close(writer)
