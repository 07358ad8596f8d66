"""What a sandbox was given, and has not done."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from host.packs.ledger import RawPack, TablePack
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Tick


class InFlight:
    """The packs and the timer_event that a sandbox is at.

    Attributes:
        work: Packs by the number under which the process knows them, oldest first.
    """

    def __init__(self) -> None:
        self.work: OrderedDict[int, Assignment] = OrderedDict()
        self._again: OrderedDict[int, Assignment] = OrderedDict()
        """Packs that were done, and that this process does again to know what the one before it knew."""
        self._ticks_again = 0
        self._last_number = 0
        self._ticking: asyncio.Future[None] | None = None
        self._tick = Tick(0, last=False)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.work and self._ticking is None and not self._again

    @property
    def ticking(self) -> bool:
        """Whether timer_event was asked for, and has not been called."""
        return self._ticking is not None

    def most_records(self) -> int:
        """How many records there may be in all of it."""
        return sum(work.most_records for work in (*self.work.values(), *self._again.values()))

    # ------------------------------------------------------------------ packs

    def add(self, pack: RawPack | TablePack, done_to: int, now_ns: int) -> Assignment:
        """One more pack."""
        self._last_number = self._last_number % 0x7FFFFFFF + 1
        work = self.work[self._last_number] = Assignment(self._last_number, pack, done_to, now_ns)
        return work

    def of(self, number: int) -> Assignment | None:
        """The pack of a number."""
        return self.work.get(number) or self._again.get(number)

    def was_again(self, number: int) -> bool:
        """A pack is done; whether it was one that had been done before."""
        return self._again.pop(number, None) is not None

    # ------------------------------------------------------------------ timer_event

    def begin_tick(self, tick: Tick) -> asyncio.Future[None]:
        """Now timer_event is asked for; the future is done when it was called, or never will be."""
        self._ticking, self._tick = asyncio.get_running_loop().create_future(), tick
        return self._ticking

    def end_tick(self) -> Tick | None:
        """It was called, or never will be. Answers what was asked for."""
        if self._ticking is None:
            return None
        if not self._ticking.done():
            self._ticking.set_result(None)
        self._ticking = None
        return self._tick

    def was_tick_again(self) -> bool:
        """timer_event was called; whether that was one that had been called before."""
        if not self._ticks_again:
            return False
        self._ticks_again -= 1
        return True

    # ------------------------------------------------------------------ another process

    def repeat(self, entries: Iterable[Assignment | Tick]) -> Iterator[Assignment | Tick]:
        """What a new process is to do once more, in order, to know what the one before it knew."""
        for entry in entries:
            if isinstance(entry, Tick):
                self._ticks_again += 1
            else:
                self._again[entry.number] = entry
            yield entry

    def give_up_repeating(self) -> None:
        """The process is gone."""
        self._again.clear()
        self._ticks_again = 0
