"""What ended a process: which record, and at which line of the script.

A pack at which a process died is worked through record by record, so that the next death is that of one record. That
record is not tried again, but for two exceptions: once for each version of a script a record that takes too much CPU,
slowly, so that the process can say at which line it is; and a record at which somebody killed the process. One that
takes too much memory runs slowly the second time already: an allocation that fails has no line of its own.
"""

import signal

from host.packs.ledger import TablePack
from host.sandbox.assignment import Assignment
from host.sandbox.heartbeat import Heartbeat
from host.sandbox.termination import MAX_SAID, Limit, Termination
from host.telemetry.logs import get_logger

_LOG = get_logger("host.sandbox")

_TRIES_IF_KILLED = 3
_TIMES_SLOWER = 20
"""So much more CPU may a record or timer_event take while the process looks for the line at which memory runs out."""

_LIMITS_OF_READERS = frozenset({Limit.SIGNAL, Limit.CPU, Limit.MEMORY})
"""What ends a process that reads a malformed pack: bad positions, or readable but huge ranges."""


class CrashAttribution:
    """What is known of the deaths of one sandbox.

    Args:
        name: Of the sandbox.
        heartbeat: Where its processes say what they are at.
        watches_all: Whether they say at which line they are all the time, as in a trial.
    """

    def __init__(self, name: str, heartbeat: Heartbeat, *, watches_all: bool) -> None:
        self._name = name
        self._heartbeat = heartbeat
        self._watches_all = watches_all
        self._asks_for_line = True
        self._known_lines: dict[Limit, str] = {}
        """The last line that is known of each limit."""
        self._timer_deaths = 0
        """By cpu_limit, without a timer_event that got to its end between them."""
        self.watches_timer = False
        """Whether the next timer_event is to say at which line it is."""
        self.timer_cpu_factor = 1
        """As `cpu_factor` of a work."""

    def line(self, limit: Limit, work: Assignment | None) -> str:
        """At which line of the script the process was, as a sentence; or an earlier one; empty if none has said so.

        Args:
            limit: What it was ended for.
            work: What it was at; None for a timer_event.
        """
        if limit not in {Limit.CPU, Limit.MEMORY}:
            return ""
        watched = self.watches_timer if work is None else work.watched == self._heartbeat.read().record
        if (watched or self._watches_all) and (line := self._heartbeat.line()):
            self._known_lines[limit] = line
            return f" It was at {line}."
        return f" An earlier one was at {self._known_lines[limit]}." if limit in self._known_lines else ""

    def producer(self, work: Assignment, termination: Termination) -> bool:
        """Attribute a crash to the pack's producer; return True if the producer is rejected for malformed packs."""
        pack = work.pack
        if termination.limit not in _LIMITS_OF_READERS or not isinstance(pack, TablePack) or pack.producer is None:
            return False
        return pack.producer.record_death(pack)

    def record(self, work: Assignment, termination: Termination) -> bool:
        """Blame the record that the process was at; whether it is not tried again, and was one of the pack."""
        if not work.careful:
            work.careful = True
            if termination.limit == Limit.MEMORY:
                work.watched, work.cpu_factor = min(self._heartbeat.read().record, MAX_SAID), _TIMES_SLOWER
            return False
        work.cpu_factor = 1
        record = min(self._heartbeat.read().record, MAX_SAID)
        work.tries[record] = work.tries.get(record, 0) + 1
        if self._asks_for_line and termination.limit == Limit.CPU:
            self._asks_for_line = False
            work.watched = record
            return False
        if termination.signal == signal.SIGKILL and work.tries[record] < _TRIES_IF_KILLED:
            return False
        work.skips[record] = f"{termination.limit}: {termination.text}"
        _LOG.error(
            "A record ended its sandbox and is not tried again.",
            sandbox=self._name,
            limit=termination.limit,
            record=record,
        )
        return record < work.most_records  # more than that is a lie

    def timer(self, termination: Termination) -> None:
        """Blame timer_event: if it takes too much CPU twice in a row, the third one is to say where it is."""
        self.watches_timer, self.timer_cpu_factor = False, 1
        if self._heartbeat.read().pack != 0 or termination.limit not in {Limit.CPU, Limit.MEMORY}:
            return
        if termination.limit == Limit.MEMORY:
            self.watches_timer, self.timer_cpu_factor = True, _TIMES_SLOWER
            return
        self._timer_deaths += 1
        if self._asks_for_line and self._timer_deaths > 1:
            self._asks_for_line, self.watches_timer = False, True

    def timer_ended_well(self) -> None:
        """A timer_event got to its end."""
        self._timer_deaths, self.watches_timer, self.timer_cpu_factor = 0, False, 1
