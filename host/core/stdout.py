"""Bytes to standard output, all of them."""

import os
import sys


def write(data: bytes | memoryview) -> None:
    """Write all of it. With PYTHONUNBUFFERED set a single write may take only a part.

    Raises:
        BrokenPipeError: Nobody reads it any more.
    """
    left = memoryview(data)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()


def discard() -> None:
    """Send what is still to come nowhere: nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
