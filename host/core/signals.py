"""SIGTERM for commands that do not drain. It acts like Ctrl-C: files stay whole and the terminal is restored."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_terminated = False


def install() -> None:
    """Turn SIGTERM into SIGINT. Do nothing if SIGINT is ignored, as in a script's background: there is no terminal."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _on_sigterm)


def was_terminated() -> bool:
    """Return True if SIGTERM has arrived."""
    return _terminated


@contextlib.contextmanager
def handle_signals(on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `on_signal` on SIGINT and SIGTERM immediately, without waiting for the event loop."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda received, _: on_signal(signal.Signals(received))) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the signature of a handler
    global _terminated  # noqa: PLW0603 -- there is one per process
    _terminated = True
    signal.raise_signal(signal.SIGINT)
