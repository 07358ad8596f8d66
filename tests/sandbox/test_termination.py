"""Reasons for the end of a sandbox are typed: no decision depends on the wording of a message."""

import json
import signal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from host.sandbox.assignment import Assignment
from host.sandbox.crash_attribution import CrashAttribution
from host.sandbox.heartbeat import Heartbeat
from host.sandbox.supervisor import _Watched
from host.sandbox.termination import Limit, Termination, last_words, of_status


def test_a_record_killed_from_outside_is_tried_three_times_whatever_the_text_says() -> None:
    blame, work = _blame_and_work()
    killed = Termination(Limit.SIGNAL, "Der Prozess wurde von außen beendet.", 0, signal=signal.SIGKILL)
    assert [blame.record(work, killed) for _ in range(4)] == [False, False, False, True]  # the first one: carefully
    assert 0 in work.skips


def test_a_crash_is_not_taken_for_a_kill_because_its_text_names_the_signal() -> None:
    blame, work = _blame_and_work()
    crashed = Termination(Limit.SIGNAL, "SIGSEGV after SIGKILL was blocked", 0, signal=signal.SIGSEGV)
    assert [blame.record(work, crashed) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSYS])
def test_the_status_of_a_process_gives_the_number_of_its_signal(number: int) -> None:
    ended = of_status(number, 7)
    assert (ended.limit, ended.signal, ended.record) == (Limit.SIGNAL, number, 7)


def test_an_invalid_matcher_is_told_from_a_script_that_says_the_same() -> None:
    words = {"limit": "error", "text": "mine.lua:3: message_matcher: what I expected"}
    by_script = last_words(json.dumps(words).encode(), 0)
    by_kernel = last_words(
        json.dumps({"limit": "error", "text": "message_matcher: is odd", "about": "matcher"}).encode(), 0
    )
    assert by_script is not None
    assert by_kernel is not None
    assert (by_script.matcher_problem, by_script.text) == ("", words["text"])
    assert by_kernel.matcher_problem == "message_matcher: is odd"


@pytest.mark.parametrize("limit", ["cpu_limit", "signal", "protocol", "", "Limit.MEMORY", 7, None])
def test_a_process_cannot_say_what_only_the_host_can_know(limit: Any) -> None:
    assert last_words(json.dumps({"limit": limit, "text": "x"}).encode(), 0) is None


@pytest.mark.parametrize(("state", "limit"), [("starting", Limit.CPU), ("running", Limit.CPU)])
def test_the_supervisor_types_what_it_ends_a_process_for(state: str, limit: Limit) -> None:
    sandbox = _seen(state=state)
    fault = _Watched(sandbox, 0.0).fault(sandbox, 1e9, 0.0)
    assert fault is not None
    assert fault.limit == limit


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_silent_process_has_broken_the_protocol(state: str) -> None:
    sandbox = _seen(state=state)
    watched = _Watched(sandbox, 0.0)
    faults = [watched.fault(sandbox, 0.0, watched.looked_s + 1.0) for _ in range(40)]
    assert {fault.limit for fault in faults if fault} == {Limit.PROTOCOL}


def _seen(*, state: str) -> Any:
    return SimpleNamespace(
        pid=1, progress=1, state=state, idle=False, may_write=True, work={1: None}, ticking=False,
        cpu_limit_ms=10, state_cpu_ms=0, records_given=lambda: 3, sleeps=lambda: True,
    )  # fmt: skip


def _blame_and_work() -> tuple[CrashAttribution, Assignment]:
    pack = SimpleNamespace(length=10, records=None)
    return CrashAttribution("mine", Heartbeat(), watches_all=False), Assignment(1, cast("Any", pack), 0, 0)
