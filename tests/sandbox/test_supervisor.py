"""What the supervisor makes of a heartbeat and a clock that go on while it looks."""

import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import types

import pytest

from host.sandbox import supervisor as supervisor_module
from host.sandbox.cpu import ProcessClock, ThreadClock
from host.sandbox.heartbeat import Heartbeat, Use
from host.sandbox.jail import set_process_name
from host.sandbox.process import thread_name
from host.sandbox.supervisor import Supervisor
from tests.running import until

LIMIT_MS = 100


class Busy:
    """Looks like a sandbox whose process works at records; `while_looked_at` happens just before its clock is read."""

    pid, state, idle, may_write, progress = 1, "running", False, True, 0
    cpu_limit_ms, max_process_bytes, ticking, work = LIMIT_MS, 0, False, ()

    def __init__(self):
        self.heartbeat, self.record_cpu_ms = Heartbeat(), Use(0, 0)
        self.page = mmap.mmap(self.heartbeat.fd, mmap.PAGESIZE)
        self.cpu_ms, self.killed, self.while_looked_at = 0, [], lambda: None
        self.sleeps, self.state_cpu_ms = (lambda: True), 0
        self.at(0)

    def at(self, record, spent_ms=0):
        self.cpu_ms += spent_ms
        struct.pack_into("<QQQQ", self.page, 0, 1, record, 1, 0)

    def records_given(self):
        return 1000

    def cpu_ns(self):
        self.while_looked_at()
        return self.cpu_ms * 1_000_000

    def kill(self, reason, limit="protocol", value=0, at=None):
        self.killed.append((reason, limit, value))
        self.heartbeat.hold(at)


@pytest.fixture
def clock(monkeypatch):
    """The host's clock, which goes on when it is told to."""
    made = types.SimpleNamespace(s=0.0)
    monkeypatch.setattr(supervisor_module, "time", types.SimpleNamespace(monotonic=lambda: made.s))
    return made


@pytest.fixture
def busy():
    made = Busy()
    yield made
    made.page.close()
    made.heartbeat.close()


def test_a_record_that_takes_too_long_ends_its_sandbox(busy):
    supervisor = Supervisor([busy])
    supervisor.look()
    busy.cpu_ms += LIMIT_MS
    supervisor.look()
    assert not busy.killed
    busy.cpu_ms += 1
    supervisor.look()

    (killed,) = busy.killed
    assert killed == ("One record took more than 100 ms of CPU (cpu_limit).", "cpu_limit", LIMIT_MS)


def test_it_is_ended_for_that_record_though_it_gets_on_to_the_next_before_it_ends(busy):
    supervisor = Supervisor([busy])
    busy.at(7)
    supervisor.look()
    busy.cpu_ms += LIMIT_MS + 1
    supervisor.look()
    busy.at(8)
    assert busy.heartbeat.read().record == 7
    busy.heartbeat.hold(None)  # the next process
    assert busy.heartbeat.read().record == 8


def test_records_that_were_done_while_the_host_had_to_wait_for_a_core_are_not_one(busy):
    supervisor = Supervisor([busy])
    supervisor.look()
    busy.while_looked_at = lambda: busy.at(500, spent_ms=5 * LIMIT_MS)
    supervisor.look()  # between the heartbeat and the clock
    busy.while_looked_at = lambda: None
    supervisor.look()

    assert not busy.killed
    assert busy.record_cpu_ms == Use(0, 0)


def test_what_the_kernel_does_for_itself_is_no_record(busy):
    busy.work, supervisor = (1,), Supervisor([busy])
    struct.pack_into("<QQQQ", busy.page, 0, 1, 0, 2, 0)
    busy.records_given = lambda: 2
    supervisor.look()
    busy.cpu_ms += 5 * LIMIT_MS
    supervisor.look()
    busy.at(0)
    supervisor.look()
    assert not busy.killed
    assert busy.record_cpu_ms == Use(0, 0)

    struct.pack_into("<QQQQ", busy.page, 0, 1, 0, 2, 0)
    busy.cpu_ms += 1000
    supervisor.look()  # one that was taken over may say so for ever
    assert busy.killed == [("It takes more CPU for a pack than all of its records may (cpu_limit).", "cpu_limit", 0)]


def test_writing_a_state_is_no_timer_event(busy):
    struct.pack_into("<QQQQ", busy.page, 0, 0, 0, 1, 0)
    busy.state_cpu_ms = 1000
    supervisor = Supervisor([busy])
    for _ in range(3):  # parts of it
        busy.progress += 1
        supervisor.look()
        busy.cpu_ms += 900
        supervisor.look()
    busy.state_cpu_ms = 0  # it is written, so the host has heard, and the process is about to take its next command
    supervisor.look()
    assert not busy.killed
    assert busy.record_cpu_ms == Use(0, 0)

    busy.cpu_ms += LIMIT_MS + 1
    supervisor.look()
    assert busy.killed == [("timer_event took more than 100 ms of CPU (cpu_limit).", "cpu_limit", LIMIT_MS)]


def test_a_state_that_takes_too_long_to_write_ends_its_sandbox(busy):
    struct.pack_into("<QQQQ", busy.page, 0, 0, 0, 1, 0)
    busy.state_cpu_ms = 1000
    supervisor = Supervisor([busy])
    supervisor.look()
    busy.cpu_ms += 1101
    supervisor.look()
    assert busy.killed


def look_for(supervisor, clock, seconds, step_s=0.5):
    for _ in range(int(seconds / step_s)):
        clock.s += step_s
        supervisor.look()


def test_who_has_work_and_sleeps_is_ended(busy, clock):
    supervisor = Supervisor([busy])
    supervisor.look()
    look_for(supervisor, clock, 30)
    assert not busy.killed
    look_for(supervisor, clock, 1)
    assert busy.killed == [("It does not do its work.", "protocol", 0)]


def test_a_host_that_was_stopped_does_not_take_that_for_the_silence_of_others(busy, clock):
    supervisor = Supervisor([busy])
    supervisor.look()
    for _ in range(5):
        clock.s += 3600
        supervisor.look()
    assert not busy.killed


def test_who_waits_for_a_core_or_was_stopped_is_not_silent(busy, clock):
    busy.sleeps = lambda: False
    supervisor = Supervisor([busy])
    supervisor.look()
    look_for(supervisor, clock, 100)
    assert not busy.killed


def test_the_system_says_who_sleeps_of_its_own_accord():
    code = "import sys\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        clock = ProcessClock(process.pid)
        process.stdout.readline()
        until(clock.sleeps, "its sleep")
        process.send_signal(signal.SIGSTOP)
        until(lambda: not clock.sleeps(), "its stop")
        process.send_signal(signal.SIGCONT)
        until(clock.sleeps, "its sleep")
    assert not clock.sleeps()


def test_a_member_of_a_group_sleeps_by_itself():
    end = threading.Event()

    def life():
        set_process_name(thread_name(1))
        end.wait()

    thread = threading.Thread(target=life)
    thread.start()
    clock = ThreadClock(os.getpid(), 1)
    until(clock.read_ns, "its name")
    until(clock.sleeps, "its sleep")
    end.set()
    thread.join()
