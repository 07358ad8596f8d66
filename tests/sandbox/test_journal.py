"""The journal of a sandbox: what another process has to do again, and when that is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.packs.ledger import TablePack
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Journal, Tick


class Told:
    """A keeper that writes down what it is told."""

    def __init__(self):
        self.told = []

    def on_snapshot(self, snapshot, included):
        self.told.append(("snapshot", snapshot, included))

    def on_no_snapshot(self, reason, left_out):
        self.told.append(("none", reason, left_out))

    def on_state_lost(self, reason, lost):
        self.told.append(("lost", reason, lost))

    def release(self, works):
        self.told.append(("let go", works))


def work(number):
    return Assignment(number, TablePack(None, number, 1, 1, b"", "", 0, 0, 0, None, None, lambda _: None, 0), 0, 0)


def journal_of(*entries, snapshot=b"old", preserves=True):
    journal = Journal(Told(), snapshot, preserves=preserves)
    journal.entries.extend(entries)
    return journal


def test_a_snapshot_includes_the_packs_in_their_order_and_ends_the_entries():
    first, second = work(1), work(2)
    journal = journal_of(first, Tick(5, last=False), second)
    journal.take(b"new")

    assert (journal.snapshot, journal.entries) == (b"new", [])
    assert journal.keeper.told == [("snapshot", b"new", [first, second])]


def test_without_a_snapshot_the_old_one_stays():
    only = work(1)
    journal = journal_of(Tick(5, last=False), only)
    journal.give_up("too large")

    assert (journal.snapshot, journal.entries) == (b"old", [])
    assert journal.keeper.told == [("none", "too large", [only])]


def test_a_lost_state_is_gone_with_its_entries():
    only = work(1)
    journal = journal_of(only)
    journal.lose("damaged")

    assert (journal.snapshot, journal.entries) == (None, [])
    assert journal.keeper.told == [("lost", "damaged", [only])]


@pytest.mark.parametrize("limit", ["signal", "cpu_limit", "error", "protocol", "memory_limit"])
def test_a_preserved_state_outlives_any_one_death(limit):
    entries = [work(1), Tick(5, last=False), work(2)]
    journal = journal_of(*entries)
    journal.on_death(limit)

    assert (journal.snapshot, journal.entries, journal.keeper.told) == (b"old", entries, [])


@pytest.mark.parametrize("limit", ["cpu_limit", "error", "protocol", "memory_limit"])
def test_a_state_that_is_not_preserved_ends_with_a_death_of_its_own(limit):
    first = work(1)
    journal = journal_of(first, Tick(5, last=False), preserves=False)
    journal.on_death(limit)

    assert (journal.snapshot, journal.entries) == (None, [])
    assert journal.keeper.told == [("let go", [first])]


def test_a_state_that_is_not_preserved_outlives_a_kill_from_outside():
    entries = [work(1)]
    journal = journal_of(*entries, preserves=False)
    journal.on_death("signal")

    assert (journal.snapshot, journal.entries, journal.keeper.told) == (b"old", entries, [])


def test_the_second_death_for_memory_since_a_snapshot_loses_the_state():
    only = work(1)
    journal = journal_of(only)
    journal.on_death("memory_limit")
    journal.on_death("signal")
    journal.on_death("cpu_limit")
    assert journal.keeper.told == []
    journal.on_death("memory_limit")

    assert journal.snapshot is None
    [(kind, reason, lost)] = journal.keeper.told
    assert (kind, lost) == ("lost", [only])
    assert "memory_limit" in reason


def test_a_snapshot_between_two_deaths_for_memory_begins_the_count_anew():
    journal = journal_of()
    journal.on_death("memory_limit")
    journal.take(b"new")
    journal.on_death("memory_limit")

    assert journal.snapshot == b"new"


def test_after_a_state_was_lost_for_memory_it_takes_two_deaths_again():
    journal = journal_of()
    for _ in range(3):
        journal.on_death("memory_limit")
    assert [kind for kind, *_ in journal.keeper.told] == ["lost"]
    journal.on_death("memory_limit")
    assert [kind for kind, *_ in journal.keeper.told] == ["lost", "lost"]


@given(st.lists(st.sampled_from(["pack", "tick", "take", "give up", "signal", "error", "memory_limit"])), st.booleans())
def test_each_pack_is_let_go_exactly_once_and_in_order(steps, preserves):
    journal = journal_of(preserves=preserves)
    done = []
    for number, step in enumerate(steps):
        if step == "pack":
            done.append(work(number))
            journal.entries.append(done[-1])
        elif step == "tick":
            journal.entries.append(Tick(number, last=False))
        elif step == "take":
            journal.take(b"%d" % number)
        elif step == "give up":
            journal.give_up("reason")
        else:
            journal.on_death(step)
    waiting = [entry for entry in journal.entries if not isinstance(entry, Tick)]

    assert [gone for _, *_, works in journal.keeper.told for gone in works] + waiting == done
