"""The file output on real files."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from host.core.clock import VirtualClock
from host.core.errors import RetryDelivery, StartError
from host.outputs.file import FileOutput
from host.testing.batches import batch_of
from tests.outputs.conftest import opened, until, write

DAY_NS = 86_400 * 1_000_000_000
NOON_NS = 1_700_000_000 // 86_400 * DAY_NS + DAY_NS // 2


def run(output, *batches):
    """Write batches, one after another, between open and close."""

    async def scenario():
        async with opened(output):
            for batch in batches:
                await write(output, batch)

    asyncio.run(scenario())


@pytest.mark.parametrize("fsync", [False, True])
def test_batches_are_appended_and_folders_made(make, tmp_path, fsync):
    path = tmp_path / "a" / "b" / "out.log"
    run(make(FileOutput, path=str(path), perm="0600", folder_perm="0700", fsync=fsync), batch_of(b"one\n", b"two\n"))
    run(make(FileOutput, path=str(path), fsync=fsync), batch_of(b"three\n"))

    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_path_follows_the_time(make, tmp_path):
    clock = VirtualClock(NOON_NS)
    output = make(FileOutput, clock, path=str(tmp_path / "%Y%m%d.log"), timezone="utc")

    async def scenario():
        async with opened(output):
            await write(output, batch_of(b"one\n"))
            await clock.advance(86_400)
            await write(output, batch_of(b"two\n"))

    asyncio.run(scenario())

    assert (tmp_path / "20231114.log").read_bytes() == b"one\n"
    assert (tmp_path / "20231115.log").read_bytes() == b"two\n"


def test_rotation_by_size_keeps_as_many_as_told_and_whole_batches(make, tmp_path):
    clock = VirtualClock(NOON_NS)
    path = tmp_path / "out.log"
    output = make(FileOutput, clock, path=str(path), timezone="utc", rotation_bytes=30, keep_rotated=2)

    async def scenario():
        async with opened(output):
            for number in range(10):
                await write(output, batch_of(b"%09d\n" % number))

    asyncio.run(scenario())

    rotated = sorted(tmp_path.glob("out.log.2023*"))
    assert [file.name for file in rotated] == ["out.log.20231114T120000-0001", "out.log.20231114T120000-0002"]
    kept = b"".join(file.read_bytes() for file in [*rotated, path])
    assert kept == b"".join(b"%09d\n" % number for number in range(3, 10))


@pytest.mark.parametrize("step_s", [-3600, 0], ids=["the clock goes back", "all in one second"])
def test_what_was_rotated_last_is_kept_whatever_its_name(make, tmp_path, step_s):
    clock = VirtualClock(NOON_NS)
    path = tmp_path / "out.log"
    (tmp_path / "out.log.20231113T120000").write_bytes(b"yesterday\n")
    output = make(FileOutput, clock, path=str(path), timezone="utc", rotation_bytes=10, keep_rotated=3)

    async def scenario():
        async with opened(output):
            for number in range(9):
                await write(output, batch_of(b"%09d\n" % number))
                clock._now_ns += step_s * 1_000_000_000

    asyncio.run(scenario())

    kept = sorted(file.read_bytes() for file in tmp_path.glob("out.log*"))
    assert kept == [b"%09d\n" % number for number in range(5, 9)]


def test_what_was_rotated_last_is_kept_where_another_took_one_of_that_name_away(make, tmp_path):
    path = tmp_path / "out.log"
    output = make(FileOutput, VirtualClock(NOON_NS), path=str(path), timezone="utc", rotation_bytes=10, keep_rotated=1)

    async def scenario():
        async with opened(output):
            for number in range(3):
                for rotated in tmp_path.glob("out.log.*"):
                    rotated.rename(tmp_path / f"taken.{number}")
                await write(output, batch_of(b"%09d\n" % number))

    asyncio.run(scenario())
    assert [file.read_bytes() for file in tmp_path.glob("out.log.*")] == [b"%09d\n" % 1]


def test_a_batch_that_nobody_waits_for_until_it_is_on_a_slow_disk_is_not_written(make, tmp_path, monkeypatch):
    """It is written again: by the version of the output that goes on, or by the next run."""
    path, begun, disk = tmp_path / "out.log", threading.Event(), threading.Event()
    output = make(FileOutput, path=str(path), fsync=True)

    async def scenario():
        async with opened(output):
            await write(output, batch_of(b"one\n"))
            monkeypatch.setattr(os, "fsync", lambda _: begun.set() or disk.wait(20))
            writing = asyncio.ensure_future(output.write(batch_of(b"two\n")))
            await until(begun.is_set)
            assert path.read_bytes() == b"one\ntwo\n"
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            disk.set()

    asyncio.run(scenario())
    assert path.read_bytes() == b"one\n"
    run(output, batch_of(b"two\n"))
    assert path.read_bytes() == b"one\ntwo\n"


def test_rotation_by_interval_also_of_what_an_earlier_run_left(make, tmp_path):
    clock = VirtualClock(NOON_NS)
    path = tmp_path / "out.log"
    path.write_bytes(b"yesterday\n")
    os.utime(path, ns=(NOON_NS - DAY_NS, NOON_NS - DAY_NS))
    output = make(FileOutput, clock, path=str(path), timezone="utc", rotation_interval_s=86_400)

    async def scenario():
        async with opened(output):
            await write(output, batch_of(b"today\n"))
            await clock.advance(3600)
            await write(output, batch_of(b"later\n"))
            await clock.advance(86_400)
            await write(output, batch_of(b"tomorrow\n"))

    asyncio.run(scenario())

    assert (tmp_path / "out.log.20231114T120000").read_bytes() == b"yesterday\n"
    assert (tmp_path / "out.log.20231115T130000").read_bytes() == b"today\nlater\n"
    assert path.read_bytes() == b"tomorrow\n"


def test_reopen_writes_to_the_new_file_at_once(make, tmp_path):
    path = tmp_path / "out.log"
    output = make(FileOutput, VirtualClock(NOON_NS), path=str(path))

    async def scenario():
        async with opened(output):
            await write(output, batch_of(b"one\n"))
            path.rename(tmp_path / "old.log")
            await write(output, batch_of(b"two\n"))
            output.reopen()
            await write(output, batch_of(b"three\n"))

    asyncio.run(scenario())

    assert (tmp_path / "old.log").read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"three\n"


def test_a_file_taken_away_is_noticed_within_a_second(make, tmp_path):
    path = tmp_path / "out.log"
    clock = VirtualClock(NOON_NS)
    output = make(FileOutput, clock, path=str(path))

    async def scenario():
        async with opened(output):
            await write(output, batch_of(b"one\n"))
            path.unlink()
            await clock.advance(1)
            await write(output, batch_of(b"two\n"))

    asyncio.run(scenario())

    assert path.read_bytes() == b"two\n"


def crash_with(tmp_path, path, batch, torn):
    """A process that delivers a batch, then ends in the middle of a write."""
    code = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from host.outputs.file import FileOutput\n"
        "from host.testing.batches import batch_of\n"
        "output = FileOutput('test', FileOutput.Options(path=sys.argv[2]), None, state_dir=pathlib.Path(sys.argv[1]))\n"
        "asyncio.run(output.open())\n"
        "output.write(batch_of(os.fsencode(sys.argv[3])))\n"
        "os.write(output._fd, os.fsencode(sys.argv[4]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    arguments = [str(tmp_path / "state"), str(path), batch, torn]
    ended = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("batch", "torn", "left"),
    [
        ("one\n", "half", b"one\nagain\n"),
        ("one\n", "two\nthr", b"one\ntwo\nagain\n"),
        ("one\n", "two\n", b"one\ntwo\nagain\n"),
        ("no newline", "half", b"no newlineagain\n"),
        ("no newline", "", b"no newlineagain\n"),
    ],
)
def test_what_a_crash_left_half_written_is_cut_off(make, tmp_path, batch, torn, left):
    path = tmp_path / "out.log"
    crash_with(tmp_path, path, batch, torn)

    run(make(FileOutput, path=str(path)), batch_of(b"again\n"))

    assert path.read_bytes() == left


def test_a_torn_line_in_the_file_of_an_earlier_hour_is_cut_off_too(make, tmp_path):
    crash_with(tmp_path, tmp_path / "1.log", "one\n", "half")

    run(make(FileOutput, path=str(tmp_path / "2.log")), batch_of(b"again\n"))

    assert (tmp_path / "1.log").read_bytes() == b"one\n"


@pytest.mark.parametrize(("batch", "left"), [(b"ours\n", b"theirs\nours\n"), (b"\x00\x01", b"theirs\x00\x01")])
def test_an_unfinished_line_of_somebody_else_is_ended_if_we_write_lines(make, tmp_path, caplog, batch, left):
    path = tmp_path / "out.log"
    path.write_bytes(b"theirs")

    run(make(FileOutput, path=str(path)), batch_of(batch))

    assert path.read_bytes() == left
    assert ("somebody else" in caplog.text) == (batch == b"ours\n")


def test_a_full_disk_leaves_no_half_batch_and_says_what_to_do(make, tmp_path, monkeypatch):
    path = tmp_path / "out.log"
    output = make(FileOutput, path=str(path))
    real_write, room = os.write, [10]

    def write_some(fd, data):
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        data = data[: room[0]]
        room[0] -= len(data)
        return real_write(fd, data)

    async def scenario():
        async with opened(output):
            monkeypatch.setattr(os, "write", write_some)
            await write(output, batch_of(b"one\n"))
            with pytest.raises(RetryDelivery, match=r"cannot write to .*out.log: No space left on device; free some"):
                await write(output, batch_of(b"two\n", b"three\n"))
            assert path.read_bytes() == b"one\n"
            room[0] = 1000
            await write(output, batch_of(b"two\n", b"three\n"))

    asyncio.run(scenario())

    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_short_writes_are_completed(make, tmp_path, monkeypatch):
    output = make(FileOutput, path=str(tmp_path / "out.log"))
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:3]))

    run(output, batch_of(b"a longer record\n"))

    assert (tmp_path / "out.log").read_bytes() == b"a longer record\n"


@pytest.mark.parametrize("path", ["file/out.log", ".", "fifo"])
def test_a_path_that_cannot_be_written_is_a_clear_error(make, tmp_path, path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    output = make(FileOutput, path=str(tmp_path / path))

    async def scenario():
        async with opened(output):
            pass

    with pytest.raises(StartError, match=r"outputs\.test\.path: cannot write to"):
        asyncio.run(scenario())
    asyncio.run(output.close())


def test_a_device_is_written_to(make):
    run(make(FileOutput, path="/dev/null"), batch_of(b"gone\n"))


def test_a_disk_that_is_really_full_is_reported(make):
    output = make(FileOutput, path="/dev/full")

    async def scenario():
        async with opened(output):
            with pytest.raises(RetryDelivery, match="No space left on device"):
                await write(output, batch_of(b"one\n"))

    asyncio.run(scenario())


def test_a_damaged_state_begins_anew(make, tmp_path, caplog):
    path = tmp_path / "out.log"
    run(make(FileOutput, path=str(path)), batch_of(b"one\n"))
    (tmp_path / "state" / "outputs" / "test" / "data.mdb").write_bytes(b"no database" * 1000)

    run(make(FileOutput, path=str(path)), batch_of(b"two\n"))

    assert path.read_bytes() == b"one\ntwo\n"
    assert "is damaged and was moved aside" in caplog.text
