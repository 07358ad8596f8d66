"""Many files: few descriptors, no work that grows with their square, nothing lost when they are closed and opened."""

import asyncio
import contextlib
import gzip
import resource
import time
from pathlib import Path

import pytest

from host.inputs.file import FileInput
from host.testing.intake import MemoryIntake
from tests.inputs.conftest import Harness


def follow(state_dir, path, intake=None, **options):
    return Harness(FileInput, state_dir, intake, path=str(path), **options)


def make(folder, count, start=0):
    for number in range(start, start + count):
        (folder / f"{number:06d}.log").write_bytes(b"line of %06d\n" % number)


def open_files(folder):
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one of the listing itself
            found += link.readlink().is_relative_to(folder)
    return found


@pytest.fixture
def few_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The process that runs the tests may have many files open already.
    limit = max(256, 2 * len(list(Path("/proc/self/fd").iterdir())) + 64)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_files_than_descriptors_are_followed(folder, state_dir, few_descriptors):
    make(folder, 600)
    harness = follow(state_dir, folder / "*.log", poll_interval_ms=60_000)

    async def scenario():
        async with harness.running() as intake:
            await intake.until_records(600)
            assert open_files(folder) <= few_descriptors
            for number in range(0, 600, 7):
                with (folder / f"{number:06d}.log").open("ab") as file:
                    file.write(b"more of %06d\n" % number)
            await intake.until_records(600 + len(range(0, 600, 7)))
            assert open_files(folder) <= few_descriptors
            make(folder, 300, start=600)
            return await intake.until_records(900 + len(range(0, 600, 7)))

    records = asyncio.run(scenario())

    assert len(set(records)) == len(records)
    assert "unreadable file" not in harness.metrics.errors


@pytest.mark.parametrize("once", [False, True])
def test_files_read_once_do_not_need_a_descriptor_each(folder, state_dir, few_descriptors, once):
    make(folder, 600)
    harness = Harness(FileInput, state_dir, path=str(folder / "*.log"), follow=once, once=once)

    assert len(set(asyncio.run(harness.run_once()))) == 600


def test_an_idle_file_is_closed_and_followed_wherever_it_goes(folder, state_dir):
    path = folder / "a.log"
    path.write_bytes(b"one\n")
    harness = follow(state_dir, path, poll_interval_ms=20, close_idle_after_ms=0)

    async def closed(intake, count):
        await intake.until_records(count)
        await intake.until(lambda: open_files(folder) == 0)

    async def scenario():
        async with harness.running() as intake:
            await closed(intake, 1)
            with path.open("ab") as file:
                file.write(b"two\nhalf")
            await closed(intake, 2)
            with path.open("ab") as file:
                file.write(b" a line\n")
            await closed(intake, 3)
            path.rename(folder / "a.log.1")
            with (folder / "a.log.1").open("ab") as file:
                file.write(b"four\n")
            path.write_bytes(b"five\n")
            await intake.until_records(5)
            path.write_bytes(b"six\n" * 3)
            return await intake.until_records(8)

    assert sorted(asyncio.run(scenario())) == sorted(
        [b"one", b"two", b"half a line", b"four", b"five", b"six", b"six", b"six"]
    )


def test_the_time_for_a_file_does_not_grow_with_their_number(folder, state_dir, tmp_path):
    """Whatever its content, whether it is known, and when there is a checkpoint of a file that is gone."""

    def seconds(count, name):
        place = folder / name
        place.mkdir()
        for number in range(count):
            (place / f"{number:06d}.log").write_bytes(b"a beginning of more than one KiB %06d " % number * 40 + b"\n")
        spent = 0.0
        for _ in range(2):  # anew, then with what is known; half of the files are others then
            harness = follow(state_dir / name, place / "*.log", intake=MemoryIntake())

            async def scenario(harness=harness):
                async with harness.running() as intake:
                    await intake.until(lambda: len(intake.streams) >= count // 2 and not harness.input._first_scan)

            start_s = time.process_time()
            asyncio.run(scenario())
            spent += time.process_time() - start_s
            for number in range(0, count, 2):
                (place / f"{number:06d}.log").unlink(missing_ok=True)
                (place / f"x{number:06d}.log").write_bytes(b"another beginning of one KiB %06d " % number * 40 + b"\n")
        return spent

    few, many = seconds(300, "few"), seconds(3000, "many")

    assert many < 10 * few * 3


def test_the_loop_stays_responsive(folder, state_dir):
    make(folder, 3000)
    harness = follow(state_dir, folder / "*.log")
    waits = []

    async def watch():
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            waits.append(time.monotonic() - before)

    async def scenario():
        watching = asyncio.create_task(watch())
        async with harness.running() as intake:
            await intake.until_records(3000, timeout_s=60)
        watching.cancel()

    asyncio.run(scenario())

    assert len(waits) > 20  # the loop had its turn again and again


def test_without_watches_a_file_that_was_closed_is_polled(folder, state_dir, monkeypatch, caplog):
    from host.inputs._file_watch import Watch

    def refuse(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Watch, "add_file", refuse)
    make(folder, 50)
    harness = follow(state_dir, folder / "*.log", poll_interval_ms=20, close_idle_after_ms=0)

    async def scenario():
        async with harness.running() as intake:
            await intake.until_records(50)
            await intake.until(lambda: open_files(folder) == 0)
            with (folder / "000007.log").open("ab") as file:
                file.write(b"more\n")
            return await intake.until_records(51)

    assert asyncio.run(scenario())[-1] == b"more"
    assert caplog.text.count("The kernel watches no more files") == 1


# Rotated while the host was stopped.


def rotate(folder, compress, keep=9):
    """As logrotate does, with or without delaycompress."""
    for number in range(keep, 0, -1):
        for ending in ("", ".gz"):
            old = folder / f"a.log.{number}{ending}"
            if old.exists():
                old.rename(folder / f"a.log.{number + 1}{ending}")
    (folder / "a.log").rename(folder / "a.log.1")
    (folder / "a.log").touch()
    packed = {"no": None, "at once": folder / "a.log.1", "delayed": folder / "a.log.2"}[compress]
    if packed is not None and packed.exists():
        with gzip.open(f"{packed}.gz", "wb") as target:
            target.write(packed.read_bytes())
        packed.unlink()


@pytest.mark.parametrize("compress", ["no", "at once", "delayed"])
@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
@pytest.mark.parametrize(("line_bytes", "start_at"), [(20, "beginning"), (20, "end"), (400, "beginning")])
def test_rotations_while_the_host_is_stopped_lose_and_repeat_nothing(  # noqa: PLR0917 -- parameters
    folder, state_dir, compress, pattern, line_bytes, start_at
):
    written = []

    def write(count):
        lines = [b"%06d %s" % (len(written) + number, b"x" * line_bytes) for number in range(count)]
        written.extend(lines)
        with (folder / "a.log").open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def read(until):
        harness = follow(state_dir, folder / pattern, start_at=start_at, poll_interval_ms=20)

        async def scenario():
            async with harness.running() as intake:
                await intake.until(lambda: len(harness.input._tails) > 0)
                if start_at == "end" and not written:
                    write(5)
                return list(await intake.until_records(until))

        return asyncio.run(scenario())

    (folder / "a.log").touch()
    if start_at == "beginning":
        write(5)
    seen = read(5)
    for _ in range(2):
        rotate(folder, compress)
        write(5)
        seen += read(5)
    write(5)
    for _ in range(3):
        rotate(folder, compress)
        write(5)
    seen += read(20)

    assert seen == written if pattern == "a.log" else sorted(seen) == written


def test_what_cannot_be_found_any_more_is_reported(folder, state_dir, caplog):
    (folder / "a.log").write_bytes(b"one\n")
    harness = follow(state_dir, folder / "a.log")

    async def scenario(harness, count):
        async with harness.running() as intake:
            return list(await intake.until_records(count))

    asyncio.run(scenario(harness, 1))
    (folder / "a.log").unlink()
    (folder / "a.log").write_bytes(b"two\n")

    harness = follow(state_dir, folder / "a.log")
    assert asyncio.run(scenario(harness, 1)) == [b"two"]
    assert "its rotated copy was not found" in caplog.text
    assert harness.metrics.errors["rotated file missed"] == 1


@pytest.mark.parametrize("compress", ["no", "delayed"])
def test_a_closed_file_that_rotates_more_than_once_between_two_looks_loses_nothing(folder, state_dir, compress):
    """The files in between are never at the configured path when the input looks."""
    (folder / "a.log").write_bytes(b"first line, which is longer than a short head of 48 bytes\n")
    harness = follow(state_dir, folder / "a.log", poll_interval_ms=20, close_idle_after_ms=0)

    async def scenario():
        async with harness.running() as intake:
            await intake.until_records(1)
            await intake.until(lambda: open_files(folder) == 0)
            for number in range(3):
                rotate(folder, compress)
                (folder / "a.log").write_bytes(b"line %d, which is longer than a short head of 48 bytes\n" % number)
            return sorted(await intake.until_records(4))

    assert [line[:6] for line in asyncio.run(scenario())] == [b"first ", b"line 0", b"line 1", b"line 2"]


@pytest.mark.parametrize("line_bytes", [60, 400])
def test_a_file_that_was_compressed_before_it_was_delivered_is_read_to_its_end(folder, state_dir, line_bytes):
    """A kill leaves the new file known, and the file before it delivered in part."""
    lines = [b"%06d %s" % (number, b"x" * line_bytes) for number in range(40)]
    intake = MemoryIntake(slot_bytes=1024, max_record_bytes=500, auto_release=False)
    (folder / "a.log").write_bytes(b"".join(line + b"\n" for line in lines[:30]))
    harness = follow(state_dir, folder / "a.log", intake, poll_interval_ms=20)

    async def killed():
        async with harness.running() as intake:
            await intake.until_records(30)
            rotate(folder, "no")
            (folder / "a.log").write_bytes(b"".join(line + b"\n" for line in lines[30:]))
            await intake.until_records(40)
            first = [pack for pack in intake.packs if pack.records[0].startswith(b"000000")]
            intake.release(intake.packs.index(first[0]) + 1)
            return len(first[0].records)

    delivered = asyncio.run(killed())
    assert 0 < delivered < 30
    with gzip.open(folder / "a.log.1.gz", "wb") as packed:
        packed.write((folder / "a.log.1").read_bytes())
    (folder / "a.log.1").unlink()
    again = follow(state_dir, folder / "a.log", poll_interval_ms=20)

    async def restarted():
        async with again.running() as intake:
            return list(await intake.until_records(40 - delivered))

    assert sorted(asyncio.run(restarted())) == lines[delivered:]


def test_a_file_that_is_renamed_before_it_could_be_opened_is_read(folder, state_dir, monkeypatch):
    """The rotation happens between the first look and the opening of the file."""
    (folder / "a.log").write_bytes(b"one\n")
    harness = follow(state_dir, folder / "a.log", poll_interval_ms=20)
    look = harness.input._finder.look

    def look_then_rotate():
        seen = look()
        if not (folder / "a.log.1").exists():
            rotate(folder, "no")
            (folder / "a.log").write_bytes(b"two\n")
        return seen

    monkeypatch.setattr(harness.input._finder, "look", look_then_rotate)

    async def scenario():
        async with harness.running() as intake:
            return sorted(await intake.until_records(2))

    assert asyncio.run(scenario()) == [b"one", b"two"]
