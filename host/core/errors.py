"""Every error that Hekate raises on purpose.

    HekateError                     exit code 70 (EX_SOFTWARE) unless said otherwise
    ├── ConfigError                 78 (EX_CONFIG): one fault in the configuration, with its place
    ├── ConfigErrors                78: all faults of a configuration
    ├── StartError                  69 (EX_UNAVAILABLE): a port in use, an unreadable file, a missing LPEG
    │   └── OpenError               may succeed later
    ├── SandboxError                70: a sandbox could not be started or was ended
    ├── PackError                   70: a pack does not keep to its layout
    └── DeliveryError               74 (EX_IOERR)
        ├── RetryDelivery           may succeed later
        └── RejectBatch             never will: to the dead letters

Messages say what is wrong, where, and what to do.
"""

import os
from collections.abc import Iterable
from typing import ClassVar


class HekateError(Exception):
    """Base of all errors that carry a message for the user."""

    exit_code: ClassVar[int] = os.EX_SOFTWARE


class ConfigError(HekateError):
    """One fault in the configuration.

    Attributes:
        path: Where in the configuration, as `outputs.errors.encoder`; empty for a whole file.
        file: The file, empty if the fault is in no file.
        line: The line from 1, or 0 if unknown.
        message: What is wrong.
        hint: What to do about it; may be empty.
    """

    exit_code = os.EX_CONFIG

    def __init__(self, path: str, file: str, line: int, message: str, hint: str = "") -> None:
        super().__init__(path, file, line, message, hint)
        self.path = path
        self.file = file
        self.line = line
        self.message = message
        self.hint = hint

    @property
    def place(self) -> str:
        """`file:line`, or as much of it as is known."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.place, self.path) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} {self.hint}" if self.hint else text


class ConfigErrors(HekateError):  # noqa: N818 -- a collection, and says so
    """All faults found in a configuration, in the order of files and lines."""

    exit_code = os.EX_CONFIG

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = sorted(errors, key=lambda error: (error.file, error.line, error.path))
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class StartError(HekateError):
    """Something outside of Hekate prevents the start: a port, a file, a missing library."""

    exit_code = os.EX_UNAVAILABLE


class OpenError(StartError):
    """An output cannot be opened now; opening it is retried."""


class SandboxError(HekateError):
    """A sandbox could not be started, or was terminated."""


class PackError(HekateError):
    """A pack does not keep to its layout."""


class DeliveryError(HekateError):
    """An output could not deliver."""

    exit_code = os.EX_IOERR

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryDelivery(DeliveryError):  # noqa: N818 -- named for what the runner does with the batch
    """The batch was not delivered and may be later."""


class RejectBatch(DeliveryError):  # noqa: N818 -- named for what the runner does with the batch
    """The batch will never be delivered: it goes to the dead letters with this reason."""
