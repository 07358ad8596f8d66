"""Blame: after a death, which record is tried again, how often, and when it is given up."""

import os
import struct

import pytest

from host.packs.ledger import TablePack
from host.sandbox.assignment import Assignment
from host.sandbox.crash_attribution import CrashAttribution
from host.sandbox.heartbeat import Heartbeat
from host.sandbox.termination import Termination, last_words, of_status

KILLED = 9
CRASHED = 11
RECORDS = 10


def work_of(count=RECORDS):
    return Assignment(7, TablePack(None, 0, 1, count, b"", "", 0, 0, 0, None, None, lambda _: None, 0), 0, 0)


class Deaths:
    """A sandbox whose process dies at a record of one pack, again and again."""

    def __init__(self, *, watches_all=False):
        self.heartbeat = Heartbeat()
        self.blame = CrashAttribution("test", self.heartbeat, watches_all=watches_all)
        self.work = work_of()

    def at(self, record, pack=7):
        os.pwrite(self.heartbeat.fd, struct.pack("<QQQQ", pack, record, 1, 0), 0)

    def line_is(self, text):
        os.pwrite(self.heartbeat.fd, struct.pack("<Q", len(text)) + text.encode(), 8 * 64)

    def dies(self, record, termination):
        """Return True if the record is given up."""
        self.at(record)
        return self.blame.record(self.work, termination)

    @property
    def given_up(self):
        return set(self.work.skips)


@pytest.fixture
def deaths():
    made = Deaths()
    yield made
    made.heartbeat.close()


def crash():
    return of_status(CRASHED, 0)


def kill():
    return of_status(KILLED, 0)


def cpu():
    return Termination("cpu_limit", "It took too much CPU.", 0, 100)


def test_the_first_death_at_a_pack_only_makes_it_careful(deaths):
    assert deaths.dies(3, crash()) is False
    assert (deaths.work.careful, deaths.given_up) == (True, set())


def test_a_record_that_crashes_its_process_once_more_is_given_up_with_the_reason(deaths):
    deaths.dies(3, crash())

    assert deaths.dies(3, crash()) is True
    assert list(deaths.work.skips) == [3]
    assert deaths.work.skips[3].startswith("signal: ")
    assert "SIGSEGV" in deaths.work.skips[3]


def test_a_record_at_which_the_process_was_killed_from_outside_gets_three_tries(deaths):
    deaths.dies(3, kill())  # the pack was not careful yet: nothing is known of the record

    found = [deaths.dies(3, kill()) for _ in range(3)]

    assert found == [False, False, True]
    assert deaths.given_up == {3}


def test_kills_at_different_records_are_counted_for_each(deaths):
    deaths.dies(0, kill())

    for record in (1, 2, 3, 1, 2, 3):
        assert deaths.dies(record, kill()) is False
    assert deaths.given_up == set()
    assert deaths.dies(2, kill()) is True
    assert deaths.given_up == {2}


def test_a_crash_after_a_kill_is_not_excused(deaths):
    deaths.dies(3, kill())
    deaths.dies(3, kill())

    assert deaths.dies(3, crash()) is True


def test_an_error_whose_text_speaks_of_a_kill_is_not_a_kill(deaths):
    said = last_words(b'{"limit": "error", "text": "SIGKILL, says the script"}', 3)
    deaths.dies(3, said)

    assert deaths.dies(3, said) is True


def test_the_first_record_that_takes_too_much_cpu_is_tried_once_more_and_watched(deaths):
    deaths.dies(4, cpu())

    assert deaths.dies(4, cpu()) is False
    assert deaths.work.watched == 4
    assert deaths.dies(4, cpu()) is True
    assert deaths.given_up == {4}


def test_the_second_record_that_takes_too_much_cpu_is_given_up_at_once(deaths):
    for _ in range(3):
        deaths.dies(4, cpu())

    assert deaths.dies(5, cpu()) is True
    assert deaths.given_up == {4, 5}


def test_the_line_is_that_of_the_watched_record_and_remembered(deaths):
    deaths.line_is("a.lua:12")
    deaths.dies(4, cpu())
    deaths.dies(4, cpu())
    deaths.at(4)
    assert "a.lua:12" in deaths.blame.line("cpu_limit", deaths.work)
    deaths.line_is("b.lua:99")
    deaths.at(5)

    said = deaths.blame.line("cpu_limit", deaths.work)
    assert "a.lua:12" in said, "of an earlier one"
    assert said != deaths.blame.line("memory_limit", deaths.work) == ""


def test_no_line_is_known_before_one_was_watched(deaths):
    deaths.line_is("a.lua:12")
    deaths.at(4)

    assert deaths.blame.line("cpu_limit", deaths.work) == ""


def test_in_a_trial_the_line_is_known_at_once():
    deaths = Deaths(watches_all=True)
    deaths.line_is("a.lua:12")
    deaths.at(4)

    assert "a.lua:12" in deaths.blame.line("cpu_limit", deaths.work)
    deaths.heartbeat.close()


def test_a_record_beyond_the_pack_is_a_lie_and_no_record_is_given_up(deaths):
    deaths.dies(RECORDS, crash())

    assert deaths.dies(RECORDS, crash()) is False
    assert deaths.dies(RECORDS - 1, crash()) is True


def test_absurd_record_numbers_fit_into_a_command(deaths):
    deaths.dies(0, crash())
    deaths.dies(2**64 - 1, crash())

    assert deaths.given_up == {2**32 - 1}


def test_the_second_timer_event_in_a_row_that_takes_too_much_cpu_has_the_third_watched(deaths):
    deaths.at(0, pack=0)
    deaths.blame.timer(cpu())
    assert not deaths.blame.watches_timer
    deaths.blame.timer(cpu())
    assert deaths.blame.watches_timer

    deaths.line_is("a.lua:7")
    assert "a.lua:7" in deaths.blame.line("cpu_limit", None)
    deaths.blame.timer(cpu())
    assert not deaths.blame.watches_timer, "once for each version of a script"


def test_a_timer_event_that_ends_well_or_dies_otherwise_begins_the_count_anew_or_not_at_all(deaths):
    deaths.at(0, pack=0)
    deaths.blame.timer(cpu())
    deaths.blame.timer_ended_well()
    deaths.blame.timer(cpu())
    assert not deaths.blame.watches_timer
    deaths.blame.timer(crash())
    assert not deaths.blame.watches_timer
    deaths.at(0, pack=7)
    deaths.blame.timer(cpu())
    assert not deaths.blame.watches_timer, "it was at a pack"
    deaths.at(0, pack=0)
    deaths.blame.timer(cpu())
    assert deaths.blame.watches_timer
