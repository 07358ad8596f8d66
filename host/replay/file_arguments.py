"""Checks files named on the command line."""

import errno
import os
import stat

from host.core.errors import HekateError


class InputError(HekateError):
    """A file cannot be read."""

    exit_code = os.EX_NOINPUT


def check(path: str) -> None:
    """Check that a file can be read.

    Raises:
        InputError: It cannot be read or is not a regular file.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 -- a Path would normalise the argument
        if stat.S_ISDIR(mode):
            raise InputError(f"Cannot read {path}: it is a directory, not a file.")
        if not stat.S_ISREG(mode):
            raise InputError(f"Cannot read {path}: it is a pipe or a device, not a file.")
        if not os.access(path, os.R_OK):
            raise InputError(f"Cannot read {path}: {os.strerror(errno.EACCES)}.")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
