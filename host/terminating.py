"""SIGTERM for what does not drain: it ends as Ctrl-C ends it, with nothing half written and the terminal as it was."""

import signal
from types import FrameType

_asked = False


def install() -> None:
    """Obey it. Where Ctrl-C is ignored, as in the background of a script, there is no terminal, and nothing to do."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _on_sigterm)


def was_asked() -> bool:
    """Whether it came."""
    return _asked


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the signature of a handler
    global _asked  # noqa: PLW0603 -- it is one of the process
    _asked = True
    signal.raise_signal(signal.SIGINT)
