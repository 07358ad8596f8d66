"""What the supervisor makes of a heartbeat and a clock that go on while it looks."""

import mmap
import struct

import pytest

from host.sandbox.heartbeat import Heartbeat, Use
from host.sandbox.supervisor import Supervisor

LIMIT_MS = 100


class Busy:
    """Looks like a sandbox whose process works at records; `while_looked_at` happens just before its clock is read."""

    pid, state, idle, may_write, progress, cpu_limit_ms, ticking, work = (
        1,
        "running",
        False,
        True,
        0,
        LIMIT_MS,
        False,
        (),
    )

    def __init__(self):
        self.heartbeat, self.record_cpu_ms = Heartbeat(), Use(0, 0)
        self.page = mmap.mmap(self.heartbeat.fd, mmap.PAGESIZE)
        self.cpu_ms, self.killed, self.while_looked_at = 0, [], lambda: None
        self.at(0)

    def at(self, record, spent_ms=0):
        self.cpu_ms += spent_ms
        struct.pack_into("<QQQQ", self.page, 0, 1, record, 1, 0)

    def records_given(self):
        return 1000

    def cpu_ns(self):
        self.while_looked_at()
        return self.cpu_ms * 1_000_000

    def kill(self, reason, limit="protocol", value=0):
        self.killed.append((reason, limit, value))


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


def test_records_that_were_done_while_the_host_had_to_wait_for_a_core_are_not_one(busy):
    supervisor = Supervisor([busy])
    supervisor.look()
    busy.while_looked_at = lambda: busy.at(500, spent_ms=5 * LIMIT_MS)
    supervisor.look()  # between the heartbeat and the clock
    busy.while_looked_at = lambda: None
    supervisor.look()

    assert not busy.killed
    assert busy.record_cpu_ms == Use(0, 0)
