"""Why a sandbox process ended before its time."""

import json
import os
import re
import signal
from enum import StrEnum
from typing import NamedTuple


class Limit(StrEnum):
    """The limit that a process exceeded, or another reason for its end."""

    CPU = "cpu_limit"
    MEMORY = "memory_limit"
    OUTPUT = "output_limit"
    MESSAGE_SIZE = "max_message_size"
    MESSAGE_FIELDS = "max_message_fields"
    PROCESS_INJECT = "max_process_inject"
    TIMER_INJECT = "max_timer_inject"
    ERROR = "error"
    """An error of the script."""
    FATAL = "fatal"
    """The script asked for its own end."""
    SIGNAL = "signal"
    """A signal that the host did not send."""
    PROTOCOL = "protocol"
    """The process broke the rules of its socket."""


SAID_LIMITS = frozenset(Limit) - {Limit.CPU, Limit.SIGNAL, Limit.PROTOCOL}
"""What a process may say itself of its end."""
MAX_SAID = (1 << 32) - 1
_ABOUT_MATCHER = "matcher"
"""What kernel/scripts.lua says of an end for which the message matcher is the reason."""
OUT_OF_MEMORY_STATUS = 77
"""With which a process ends that had not even the memory to say so; known to kernel/main.lua."""
_KERNEL_FRAMES = re.compile(r"\n\t(?:\[C\]|kernel/)[^\n]*|\nstack traceback:(?=(?:\n\t(?:\[C\]|kernel/)[^\n]*)*\Z)")
"""What a traceback says of our own code, and its heading if it says nothing else."""


class Termination(NamedTuple):
    """Why a process ended before its time."""

    limit: Limit
    text: str
    record: int
    value: int = 0
    """What the limit was, if it is one that is set."""
    loop_depth: int = 1
    """Of a message that tells of it: one more than that of the record at which it ended."""
    signal: int = 0
    """The number of the signal that ended the process; 0 if none did."""
    matcher_problem: str = ""
    """The error in the message matcher, with its place marked; empty if the matcher is not the reason."""
    usage: int = 0
    """How much of the limit was in use, as far as that is known."""


def last_words(data: bytes, record: int) -> Termination | None:
    """What a process says of its own end; None if it is malformed."""
    try:
        said = json.loads(data.decode(errors="replace"))
        limit, text, about = Limit(said["limit"]), str(said["text"]), said.get("about")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if limit not in SAID_LIMITS:
        return None
    if about == _ABOUT_MATCHER:
        return Termination(limit, f"message_matcher: {text}", record, matcher_problem=text)
    return Termination(limit, _KERNEL_FRAMES.sub("", text).strip(), record)


def of_status(status: int, record: int) -> Termination:
    """What the status of a process says that ended without a word."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (a forbidden system call)" if -code == signal.SIGSYS else ""
        return Termination(Limit.SIGNAL, f"The process was ended by {name}{hint}.", record, signal=-code)
    if code == OUT_OF_MEMORY_STATUS:
        return Termination(Limit.MEMORY, "not enough memory", record)
    return Termination(Limit.ERROR, f"The process ended with status {code}.", record)
