"""Writes bytes to stdout completely."""

import os
import sys


def write(data: bytes | memoryview) -> None:
    """Write all bytes. With PYTHONUNBUFFERED set, a single write may take only a part.

    Raises:
        BrokenPipeError: The reader has gone.
    """
    left = memoryview(data)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()


def discard() -> None:
    """Redirect stdout to /dev/null, because its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
