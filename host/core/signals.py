"""SIGTERM for what does not drain: it ends as Ctrl-C ends it, with nothing half written and the terminal as it was."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_asked = False


def install() -> None:
    """Obey it. Where Ctrl-C is ignored, as in the background of a script, there is no terminal, and nothing to do."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _on_sigterm)


def was_asked() -> bool:
    """Whether it came."""
    return _asked


@contextlib.contextmanager
def told(on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Have it called on Ctrl-C and SIGTERM: at once, and not only when an event loop has its turn."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda came, _: on_signal(signal.Signals(came))) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the signature of a handler
    global _asked  # noqa: PLW0603 -- it is one of the process
    _asked = True
    signal.raise_signal(signal.SIGINT)
