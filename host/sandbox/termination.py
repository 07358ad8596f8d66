"""Why a sandbox process ended before its time."""

import json
import os
import re
import signal
from typing import NamedTuple

SAID_LIMITS = frozenset(
    {
        "memory_limit",
        "output_limit",
        "max_message_size",
        "max_message_fields",
        "max_process_inject",
        "max_timer_inject",
        "error",
        "fatal",
    }
)
"""What a process may say itself of its end."""
MOST_SAID = (1 << 32) - 1
OUT_OF_MEMORY_STATUS = 77
"""With which a process ends that had not even the memory to say so; known to kernel/main.lua."""
_KERNEL_FRAMES = re.compile(r"\n\t(?:\[C\]|kernel/)[^\n]*|\nstack traceback:(?=(?:\n\t(?:\[C\]|kernel/)[^\n]*)*\Z)")
"""What a traceback says of our own code, and its heading if it says nothing else."""


class Termination(NamedTuple):
    """Why a process ended before its time."""

    limit: str
    """One of `SAID_LIMITS`, or `cpu_limit`, `signal`, or `protocol`: it broke the rules of its socket."""
    text: str
    record: int
    value: int = 0
    """What the limit was, if it is one that is set."""
    loop_depth: int = 1
    """Of a message that tells of it: one more than that of the record at which it ended."""
    usage: int = 0
    """How much of the limit was in use, as far as that is known."""


def last_words(data: bytes, record: int) -> Termination | None:
    """What a process says of its own end; None if it is malformed."""
    try:
        said = json.loads(data.decode(errors="replace"))
        limit, text = str(said["limit"]), str(said["text"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Termination(limit, _KERNEL_FRAMES.sub("", text).strip(), record) if limit in SAID_LIMITS else None


def of_status(status: int, record: int) -> Termination:
    """What the status of a process says that ended without a word."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (a forbidden system call)" if -code == signal.SIGSYS else ""
        return Termination("signal", f"The process was ended by {name}{hint}.", record)
    if code == OUT_OF_MEMORY_STATUS:
        return Termination("memory_limit", "not enough memory", record)
    return Termination("error", f"The process ended with status {code}.", record)
