"""What ended a process: which record, and at which line of the script.

A pack at which a process died is worked through record by record, so that the next death is that of one record. That
record is not tried again, but for two exceptions: once for each version of a script a record that takes too much CPU,
slowly, so that the process can say at which line it is; and a record at which somebody killed the process.
"""

from host.packs.ledger import TablePack
from host.sandbox.heartbeat import Heartbeat
from host.sandbox.termination import MOST_SAID, Termination
from host.sandbox.work import Work
from host.telemetry.logs import get_logger

_LOG = get_logger("host.sandbox")

_TRIES_IF_KILLED = 3


class Blame:
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
        self._known_line = ""
        self._timer_deaths = 0
        """By cpu_limit, without a timer_event that got to its end between them."""
        self.watches_timer = False
        """Whether the next timer_event is to say at which line it is."""

    def line(self, limit: str, work: Work | None) -> str:
        """At which line of the script the process was, as a sentence; or an earlier one; empty if none has said so.

        Args:
            limit: What it was ended for.
            work: What it was at; None for a timer_event.
        """
        if limit != "cpu_limit":
            return ""
        watched = self.watches_timer if work is None else work.watched == self._heartbeat.read().record
        if (watched or self._watches_all) and (line := self._heartbeat.line()):
            self._known_line = line
            return f" It was at {line}."
        return f" An earlier one was at {self._known_line}." if self._known_line else ""

    def maker(self, work: Work, termination: Termination) -> bool:
        """Blame the maker of the pack; whether it is the one to blame, and no consumer is given its packs any more."""
        pack = work.pack
        if termination.limit != "signal" or not isinstance(pack, TablePack) or pack.maker is None:
            return False
        return pack.maker.accuse(pack)

    def record(self, work: Work, termination: Termination) -> bool:
        """Blame the record that the process was at; whether it is not tried again, and was one of the pack."""
        if not work.careful:
            work.careful = True
            return False
        record = min(self._heartbeat.read().record, MOST_SAID)
        work.tries[record] = work.tries.get(record, 0) + 1
        if self._asks_for_line and termination.limit == "cpu_limit":
            self._asks_for_line = False
            work.watched = record
            return False
        was_killed = termination.limit == "signal" and "SIGKILL" in termination.text
        if was_killed and work.tries[record] < _TRIES_IF_KILLED:
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
        self.watches_timer = False
        if self._heartbeat.read().pack != 0 or termination.limit != "cpu_limit":
            return
        self._timer_deaths += 1
        if self._asks_for_line and self._timer_deaths > 1:
            self._asks_for_line, self.watches_timer = False, True

    def timer_ended_well(self) -> None:
        """A timer_event got to its end."""
        self._timer_deaths, self.watches_timer = 0, False
