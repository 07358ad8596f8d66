"""The file input on real files: reading once, following, rotation of every kind, restarts."""

import asyncio
import codecs
import gzip
import itertools
import os

import pytest

from host.core.errors import StartError
from host.inputs._file_finder import Finder
from host.inputs._file_source import PlainSource, open_source
from host.inputs.file import FileInput
from host.testing.intake import MemoryIntake
from tests.inputs.conftest import Harness


def follow(state_dir, path, intake=None, **options):
    return Harness(
        FileInput, state_dir, intake, path=str(path), poll_interval_ms=options.pop("poll_interval_ms", 50), **options
    )


def lines(prefix, count, start=0):
    return [f"{prefix} {number:06d}".encode() for number in range(start, start + count)]


def text(records):
    return b"".join(record + b"\n" for record in records)


def append(path, records):
    with path.open("ab") as file:
        file.write(text(records))


# Reading once.


def test_once_reads_every_line_and_the_unfinished_last_one(folder, state_dir):
    (folder / "a.log").write_bytes(b"one\ntwo\n\nthree")

    records = asyncio.run(Harness(FileInput, state_dir, path=str(folder / "a.log"), once=True).run_once())

    assert records == [b"one", b"two", b"", b"three"]


def test_once_reads_a_file_larger_than_many_slots(folder, state_dir):
    expected = lines("line", 50_000)
    (folder / "a.log").write_bytes(text(expected))
    harness = Harness(FileInput, state_dir, path=str(folder / "a.log"), once=True)

    records = asyncio.run(harness.run_once())

    assert records == expected
    packs = harness.intake.packs
    assert packs[-1].next_position == len(text(expected))
    assert all(a.next_position == b.position for a, b in itertools.pairwise(packs))


def test_once_reads_all_that_match_but_what_is_excluded(folder, state_dir):
    for name in ("a.log", "b.log", "c.log", "d.txt"):
        (folder / name).write_text(name + "\n")

    harness = Harness(FileInput, state_dir, path=[str(folder / "*.log")], exclude=("*/b.*",), once=True)

    assert sorted(asyncio.run(harness.run_once())) == [b"a.log", b"c.log"]


def test_once_one_after_the_other_in_the_order_given_and_by_age(folder, state_dir):
    names = ("new.log", "c.1", "c.2", "old.log")
    for age, name in enumerate(names):
        (folder / name).write_bytes(text(lines(name, 50_000)))
        os.utime(folder / name, (1_000_000 - age,) * 2)
    path = [str(folder / name) for name in ("old.log", "c.*", "new.log")]

    records = asyncio.run(Harness(FileInput, state_dir, path=path, sequential=True, once=True).run_once())

    assert records == [line for name in ("old.log", "c.2", "c.1", "new.log") for line in lines(name, 50_000)]


def test_once_reads_equal_files_as_often_as_they_are_there(folder, state_dir):
    for name in ("a.log", "a.log.1"):
        (folder / name).write_bytes(text(lines("same", 200)))

    records = asyncio.run(Harness(FileInput, state_dir, path=str(folder / "a.log*"), once=True).run_once())

    assert sorted(records) == sorted(lines("same", 200) * 2)


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_is_unpacked(folder, state_dir, members):
    expected = lines("packed", 30_000)
    step = len(expected) // members
    packed = b"".join(gzip.compress(text(expected[at : at + step])) for at in range(0, len(expected), step))
    (folder / "a.log.gz").write_bytes(packed + b"\0" * 100)

    records = asyncio.run(Harness(FileInput, state_dir, path=str(folder / "*.gz"), once=True).run_once())

    assert records == expected


def test_broken_gzip_is_reported_and_what_was_good_is_delivered(folder, state_dir, caplog):
    whole = gzip.compress(os.urandom(50_000).hex().encode() + b"\n" + text(lines("good", 10)))
    (folder / "a.log.gz").write_bytes(whole[:-2000])
    (folder / "b.log.gz").write_bytes(b"\x1f\x8bnothing of the kind")
    harness = Harness(FileInput, state_dir, path=str(folder / "*.gz"), once=True)

    asyncio.run(harness.run_once())

    assert harness.metrics.errors["unreadable file"] == 2
    assert "no valid gzip data" in caplog.text or "cut short" in str([r.facts for r in caplog.records])


def test_once_again_begins_anew_but_an_interrupted_run_goes_on(folder, state_dir):
    (folder / "a.log").write_bytes(text(lines("line", 20_000)))
    path = str(folder / "a.log")

    def run(**options):
        intake = MemoryIntake(auto_release=False)
        harness = Harness(FileInput, state_dir, intake, path=path, once=True, **options)

        async def deliver():
            async with harness.running():
                await intake.until(lambda: sum(len(p.records) for p in intake.packs) == expect)
                intake.release(release)

        asyncio.run(deliver())
        return intake.records

    expect, release = 20_000, 1
    first = run()
    delivered = 65535 // 12
    expect, release = 20_000 - delivered, None
    second = run()
    expect, release = 20_000, None
    third = run()
    expect, release = 0, None
    fourth = run(keep_position=True)

    assert first[delivered:] == second
    assert first == third
    assert fourth == []


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("gone/a.log", "the folder .*gone does not exist"), ("a.log", "a.log does not exist"), (".", "is a folder")],
)
def test_a_path_that_cannot_be_read_once_is_a_clear_error(folder, state_dir, path, complaint):
    with pytest.raises(StartError, match=complaint):
        asyncio.run(start(FileInput, state_dir, folder / path))


async def start(cls, state_dir, path):
    harness = Harness(cls, state_dir, path=str(path), once=True)
    try:
        await harness.input.open()
    finally:
        harness.checkpoints.close()


# Following.


def test_appended_lines_come_at_once(folder, state_dir):
    path = folder / "a.log"
    append(path, [b"before"])

    async def scenario():
        async with follow(state_dir, path, poll_interval_ms=60_000).running() as intake:
            await intake.until_records(1)
            for number in range(20):
                append(path, [b"line %d" % number])
                await intake.until_records(number + 2)
            return intake.records

    records = asyncio.run(scenario())

    assert records == [b"before", *(b"line %d" % number for number in range(20))]


def test_a_line_written_in_parts_is_one_record(folder, state_dir):
    path = folder / "a.log"
    path.touch()
    harness = follow(state_dir, path)

    async def scenario():
        async with harness.running() as intake:
            with path.open("ab", buffering=0) as file:
                for part in (b"on", b"e li", b"ne\ntw"):
                    file.write(part)
                    await intake.until(lambda: harness.input.read_position(path) == path.stat().st_size)
                await intake.until_records(1)
                assert intake.records == [b"one line"]
                file.write(b"o\n")
            return await intake.until_records(2)

    assert asyncio.run(scenario()) == [b"one line", b"two"]


def test_files_that_appear_are_read_from_their_beginning(folder, state_dir):
    append(folder / "a.log", [b"old"])

    async def scenario():
        harness = follow(state_dir, folder / "*.log", start_at="end", poll_interval_ms=60_000)
        async with harness.running() as intake:
            await intake.until(lambda: len(intake.streams) == 1)
            append(folder / "b.log", [b"b1"])
            await intake.until_records(1)
            append(folder / "a.log", [b"a1"])
            append(folder / "c.txt", [b"c1"])
            return await intake.until_records(2)

    assert asyncio.run(scenario()) == [b"b1", b"a1"]


def test_start_at_end_begins_with_the_line_that_is_being_written(folder, state_dir):
    path = folder / "a.log"
    path.write_bytes(b"old\nhalf")

    async def scenario():
        async with follow(state_dir, path, start_at="end").running() as intake:
            await intake.until(lambda: len(intake.streams) == 1)
            append(path, [b" a line"])
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"half a line"]


def test_a_new_folder_that_the_pattern_covers_is_found(folder, state_dir):
    async def scenario():
        async with follow(state_dir, folder / "*" / "a.log", poll_interval_ms=60_000).running() as intake:
            (folder / "app").mkdir()
            append(folder / "app" / "a.log", [b"one"])
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"one"]


def test_without_inotify_files_are_polled(folder, state_dir, monkeypatch, caplog):
    def refuse(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("host.inputs.file.Watch", refuse)
    path = folder / "a.log"

    async def scenario():
        async with follow(state_dir, path, poll_interval_ms=10).running() as intake:
            append(path, [b"one"])
            await intake.until_records(1)
            append(path, [b"two"])
            await intake.until_records(2)
            path.rename(folder / "a.log.1")
            append(folder / "a.log.1", [b"three"])
            append(path, [b"four"])
            return await intake.until_records(4)

    assert sorted(asyncio.run(scenario())) == [b"four", b"one", b"three", b"two"]
    assert "The kernel watches no more files" in caplog.text


def test_an_unreadable_file_is_reported_and_read_when_it_can_be(folder, state_dir, monkeypatch, caplog):
    path = folder / "a.log"
    append(path, [b"one"])
    real_open, refused = os.open, [True]

    def open_or_refuse(target, *arguments, **keywords):
        if refused[0] and str(target) == str(path):
            raise PermissionError(13, "Permission denied")
        return real_open(target, *arguments, **keywords)

    monkeypatch.setattr(os, "open", open_or_refuse)
    harness = follow(state_dir, path, poll_interval_ms=10)

    async def scenario():
        async with harness.running() as intake:
            await intake.until(lambda: harness.metrics.errors["unreadable file"] >= 2)
            refused[0] = False
            return await intake.until_records(1)

    assert asyncio.run(scenario()) == [b"one"]
    assert caplog.text.count("A file cannot be read") == 1


def test_while_no_slot_is_free_nothing_is_read(folder, state_dir):
    path = folder / "a.log"
    path.touch()

    async def scenario():
        async with follow(state_dir, path).running() as intake:
            intake.hold()
            append(path, [b"one"])
            append(path, [b"two"])
            await intake.until(lambda: intake.waiting == 1)
            assert intake.records == []
            intake.resume()
            return await intake.until_records(2)

    assert asyncio.run(scenario()) == [b"one", b"two"]


# Rotation.


def test_rotation_by_rename_reads_the_old_file_to_its_end_first(folder, state_dir):
    path, old = folder / "a.log", folder / "a.log.1"
    append(path, lines("old", 100))

    async def scenario():
        async with follow(state_dir, path, poll_interval_ms=60_000).running() as intake:
            await intake.until_records(100)
            intake.hold()
            append(path, lines("late", 5000))
            path.rename(old)
            append(path, lines("new", 5000))
            await intake.until(lambda: intake.waiting == 1)
            intake.resume()
            await intake.until_records(10_100)
            append(old, [b"very late"])
            return await intake.until_records(10_101)

    assert asyncio.run(scenario()) == [*lines("old", 100), *lines("late", 5000), *lines("new", 5000), b"very late"]


def test_a_file_that_is_rotated_between_the_look_and_its_opening_is_read(folder, state_dir, monkeypatch):
    path = folder / "a.log"
    append(path, lines("old", 3))

    def open_late(opened):
        if not (folder / "a.log.1").exists():
            path.rename(folder / "a.log.1")
            append(path, lines("new", 3))
        return open_source(opened)

    monkeypatch.setattr("host.inputs.file.open_source", open_late)

    async def scenario():
        async with follow(state_dir, f"{path}*").running() as intake:
            await intake.until(lambda: {*lines("old", 3), *lines("new", 3)} <= set(intake.records))
            return intake.records

    assert sorted(asyncio.run(scenario())) == [*lines("new", 3), *lines("old", 3)]


def test_rotation_within_the_pattern_reads_nothing_twice(folder, state_dir, monkeypatch):
    path = folder / "a.log"
    scans, real_files = [], Finder.files
    monkeypatch.setattr(Finder, "files", lambda finder: scans.append(1) or real_files(finder))

    async def scenario():
        async with follow(state_dir, folder / "a.log*", poll_interval_ms=20).running() as intake:
            for generation in range(5):
                append(path, lines(f"g{generation}", 300))
                await intake.until_records(300 * (generation + 1))
                for number in range(generation, 0, -1):
                    (folder / f"a.log.{number}").rename(folder / f"a.log.{number + 1}")
                path.rename(folder / "a.log.1")
            packed = folder / "a.log.5.gz"
            packed.write_bytes(gzip.compress((folder / "a.log.5").read_bytes()))
            (folder / "a.log.5").unlink()
            append(path, [b"end"])
            await intake.until_records(1501)
            scans.clear()
            await intake.until(lambda: len(scans) >= 3)
            return intake.records

    records = asyncio.run(scenario())
    assert sorted(records) == sorted([*(line for g in range(5) for line in lines(f"g{g}", 300)), b"end"])


def test_a_file_that_was_rotated_and_compressed_is_not_read_again_once_it_is_closed(folder, state_dir, monkeypatch):
    path, rotated = folder / "a.log", folder / "a.log.1"
    append(path, lines("old", 500))
    path.write_bytes(path.read_bytes() + b"unfinished")
    scans, real_files = [], Finder.files
    monkeypatch.setattr(Finder, "files", lambda finder: scans.append(1) or real_files(finder))

    async def rotate():
        harness = follow(state_dir, folder / "a.log*", poll_interval_ms=10, close_rotated_after_ms=50)
        async with harness.running() as intake:
            await intake.until_records(500)
            path.rename(rotated)
            packed = gzip.compress(rotated.read_bytes())
            with (folder / "a.log.1.gz").open("wb") as file:
                for part in (b"", packed[:10], packed[10:30], packed[30:]):
                    file.write(part)
                    file.flush()
                    scans.clear()
                    await intake.until(lambda: len(scans) >= 2)
            rotated.unlink()
            await intake.until(lambda: len(intake.records) >= 501 and harness.metrics.streams_open == 0)
            scans.clear()
            await intake.until(lambda: len(scans) >= 3)
            return intake.records

    assert asyncio.run(rotate()) == [*lines("old", 500), b"unfinished"]
    append(path, [b"new"])
    assert restart(state_dir, folder / "a.log*", 1, None).records == [b"new"]


def test_a_line_that_is_unfinished_when_the_file_is_copied_and_truncated_is_read_whole(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 500))
    path.write_bytes(path.read_bytes() + b"unfin")

    async def scenario():
        harness = follow(state_dir, folder / "a.log*", poll_interval_ms=10)
        async with harness.running() as intake:
            await intake.until(lambda: harness.input.read_position(path) == path.stat().st_size)
            with path.open("ab") as file:
                file.write(b"ished\n")
            (folder / "a.log.1").write_bytes(path.read_bytes())
            os.truncate(path, 0)
            append(path, [b"new"])
            await intake.until_records(502)
            return intake.records

    assert sorted(asyncio.run(scenario())) == [b"new", *lines("old", 500), b"unfinished"]


def test_what_is_delivered_after_the_file_was_copied_and_truncated_is_not_read_again(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 500))

    async def scenario():
        harness = follow(state_dir, folder / "a.log*", MemoryIntake(auto_release=False), poll_interval_ms=10)
        async with harness.running() as intake:
            await intake.until_records(500)
            (folder / "a.log.1").write_bytes(path.read_bytes())
            os.truncate(path, 0)
            append(path, [b"new"])
            await intake.until(lambda: len(intake.records) == 501 and harness.metrics.streams_open == 2)
            intake.release(len(intake.packs))

    asyncio.run(scenario())
    append(path, [b"newer"])
    assert restart(state_dir, folder / "a.log*", 1, None).records == [b"newer"]


def test_a_gzip_file_that_is_empty_when_it_is_found_is_unpacked(folder, state_dir):
    packed = gzip.compress(text(lines("line", 5000)))

    async def scenario():
        harness = follow(state_dir, folder / "*", poll_interval_ms=10)
        async with harness.running() as intake:
            with (folder / "a.gz").open("wb") as file:
                await intake.until(lambda: len(intake.streams) == 1)
                file.write(packed[:3000])
                file.flush()
                await intake.until(lambda: len(intake.records) > 0)
                file.write(packed[3000:])
            await intake.until_records(5000)
            return intake.records

    assert asyncio.run(scenario()) == lines("line", 5000)


@pytest.mark.parametrize("delivered", [True, False])
def test_of_a_copy_that_only_the_next_run_finds_what_was_not_delivered_is_read(folder, state_dir, tmp_path, delivered):
    path, copy = folder / "a.log", tmp_path / "a.log.1"
    append(path, lines("old", 500))

    async def scenario():
        harness = follow(state_dir, folder / "a.log*", MemoryIntake(auto_release=False), poll_interval_ms=10)
        async with harness.running() as intake:
            await intake.until_records(500)
            copy.write_bytes(path.read_bytes())
            path.write_bytes(text([b"new"]))
            await intake.until_records(501)
            intake.release(len(intake.packs) if delivered else 0)

    asyncio.run(scenario())
    copy.rename(folder / "a.log.1")
    append(path, [b"newer"])
    again = [] if delivered else [*lines("old", 500), b"new"]
    records = restart(state_dir, folder / "a.log*", len(again) + 1, None).records
    assert sorted(records) == sorted([*again, b"newer"])


def test_a_file_that_is_rewritten_just_before_it_is_read_on_is_not_read_in_the_middle(folder, state_dir, monkeypatch):
    path = folder / "a.log"
    append(path, lines("old", 500))
    real_read = PlainSource.read

    def rewritten_at_the_second_read(source, view, position):
        if position == len(text(lines("old", 500))):
            path.write_bytes(text(lines("new", 1000)))
        return real_read(source, view, position)

    monkeypatch.setattr(PlainSource, "read", rewritten_at_the_second_read)

    async def scenario():
        async with follow(state_dir, path).running() as intake:
            await intake.until_records(500)
            append(path, [b"lost by the truncation"])
            await intake.until_records(1500)
            return intake.records

    assert asyncio.run(scenario()) == [*lines("old", 500), *lines("new", 1000)]


def test_a_file_that_was_empty_at_first_is_known_by_its_beginning_before_anything_of_it_is_delivered(folder, state_dir):
    """A filter's state may include records that no output has yet, and whose file is compressed before the next run."""
    path = folder / "a.log"
    path.touch()

    async def read(release):
        harness = follow(state_dir, folder / "a.log*", MemoryIntake(auto_release=release), poll_interval_ms=10)
        async with harness.running() as intake:
            await intake.until(lambda: len(intake.streams) == 1)
            if not release:
                append(path, lines("old", 500))
            await intake.until_records(500)
            return {checkpoint["reading"] for _, checkpoint in harness.checkpoints.items("test/file/")}

    readings = asyncio.run(read(release=False))
    (folder / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert asyncio.run(read(release=True)) == readings


def test_truncation_begins_anew(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 100))

    async def scenario():
        async with follow(state_dir, path).running() as intake:
            await intake.until_records(100)
            os.truncate(path, 0)
            append(path, [b"new"])
            return await intake.until_records(101)

    assert asyncio.run(scenario()) == [*lines("old", 100), b"new"]


def test_a_file_rewritten_longer_than_it_was_begins_anew(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 10))

    async def scenario():
        async with follow(state_dir, path).running() as intake:
            await intake.until_records(10)
            path.write_bytes(text(lines("new", 50)))
            return await intake.until_records(60)

    assert asyncio.run(scenario()) == [*lines("old", 10), *lines("new", 50)]


def test_copytruncate_loses_nothing_and_repeats_nothing_if_the_pattern_covers_the_copy(folder, state_dir):
    path, copy = folder / "a.log", folder / "a.log.1"
    append(path, lines("old", 500))

    async def scenario():
        async with follow(state_dir, folder / "a.log*").running() as intake:
            await intake.until_records(500)
            intake.hold()
            append(path, lines("unread", 5))
            copy.write_bytes(path.read_bytes())
            os.truncate(path, 0)
            append(path, lines("new", 5))
            await intake.until(lambda: intake.waiting == 1)
            intake.resume()
            await intake.until(lambda: len(intake.streams) == 3)
            append(copy, [b"end"])
            await intake.until(lambda: b"end" in intake.records)
            return await intake.until_records(511)

    records = asyncio.run(scenario())
    assert sorted(records) == sorted([*lines("old", 500), *lines("unread", 5), *lines("new", 5), b"end"])


def test_a_file_deleted_and_made_anew_is_read_from_its_beginning(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 10))

    async def scenario():
        async with follow(state_dir, path).running() as intake:
            await intake.until_records(10)
            append(path, [b"last words"])
            path.unlink()
            append(path, [b"new"])
            return await intake.until_records(12)

    assert sorted(asyncio.run(scenario())) == sorted([*lines("old", 10), b"last words", b"new"])


def test_a_rotated_file_is_closed_after_a_while_with_its_unfinished_line(folder, state_dir):
    path = folder / "a.log"
    path.write_bytes(b"one\nhalf")

    async def scenario():
        harness = follow(state_dir, path, poll_interval_ms=10, close_rotated_after_ms=20)
        async with harness.running() as intake:
            await intake.until_records(1)
            path.unlink()
            await intake.until(lambda: intake.streams[0].closed)
            assert list(harness.checkpoints.items("test/file/")) == []
            return intake.records

    assert asyncio.run(scenario()) == [b"one", b"half"]


def test_rotation_under_load_loses_nothing(folder, state_dir):
    path = folder / "a.log"

    async def scenario():
        total = 0
        async with follow(state_dir, path, poll_interval_ms=20).running() as intake:
            for generation in range(20):
                for chunk in range(5):
                    append(path, lines(f"g{generation}", 200, chunk * 200))
                    total += 200
                    await asyncio.sleep(0)
                path.rename(folder / f"a.log.{generation}")
            return await intake.until_records(total)

    expected = [line for generation in range(20) for line in lines(f"g{generation}", 1000)]
    assert asyncio.run(scenario()) == expected


# Restarts.


def restart(state_dir, path, expect, release, **options):
    """Run until so many records are there, deliver so many packs, and stop."""

    async def scenario():
        intake = MemoryIntake(slot_bytes=4096, max_record_bytes=1024, auto_release=False)
        harness = follow(state_dir, path, intake=intake, **options)
        async with harness.running():
            await intake.until_records(expect)
            intake.release(release)
        return intake

    return asyncio.run(scenario())


def test_a_restart_goes_on_behind_what_was_delivered(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("line", 2000))

    first = restart(state_dir, path, 2000, 3)
    delivered = sum(len(pack.records) for pack in first.packs[:3])
    second = restart(state_dir, path, 2000 - delivered, None)
    append(path, [b"more"])
    third = restart(state_dir, path, 1, None)

    assert second.records == lines("line", 2000)[delivered:]
    assert third.records == [b"more"]


def test_a_file_renamed_while_we_were_away_is_read_to_its_end(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 100))
    restart(state_dir, path, 100, None)
    append(path, [b"late"])
    path.rename(folder / "a.log.1")
    append(path, [b"new"])

    assert sorted(restart(state_dir, path, 2, None).records) == [b"late", b"new"]


def test_a_file_truncated_while_we_were_away_is_read_from_its_beginning(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 100))
    restart(state_dir, path, 100, None)
    path.write_bytes(text(lines("new", 3)))

    assert restart(state_dir, path, 3, None).records == lines("new", 3)


def test_another_file_in_the_same_inode_is_read_from_its_beginning(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 100))
    restart(state_dir, path, 100, None)
    inode = path.stat().st_ino
    with path.open("r+b") as file:
        file.write(text(lines("other", 200)))

    assert path.stat().st_ino == inode
    assert restart(state_dir, path, 200, None).records == lines("other", 200)


def test_what_was_copied_and_truncated_while_we_were_away_is_read_from_the_copy(folder, state_dir):
    path, copy = folder / "a.log", folder / "a.log.1"
    append(path, lines("old", 500))
    restart(state_dir, folder / "a.log*", 500, None)
    append(path, [b"unread"])
    copy.write_bytes(path.read_bytes())
    path.write_bytes(text([b"new"]))

    assert sorted(restart(state_dir, folder / "a.log*", 2, None).records) == [b"new", b"unread"]


def test_what_was_compressed_while_we_were_away_is_not_read_again(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 500))
    restart(state_dir, folder / "a.log*", 500, None)
    append(path, [b"unread"])
    (folder / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    append(path, [b"new"])

    assert sorted(restart(state_dir, folder / "a.log*", 2, None).records) == [b"new", b"unread"]


def test_what_was_compressed_is_not_read_again_though_another_rotated_file_has_its_inode(folder, state_dir):
    path = folder / "a.log"
    append(path, lines("old", 500))
    restart(state_dir, folder / "a.log*", 500, None)
    (folder / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.write_bytes(text([b"new"]))
    path.rename(folder / "a.log.2")
    append(path, [b"newer"])

    assert sorted(restart(state_dir, folder / "a.log*", 2, None).records) == [b"new", b"newer"]


def test_start_at_end_applies_to_the_first_sight_only(folder, state_dir):
    path = folder / "a.log"
    append(path, [b"old"])

    async def start_and_stop():
        async with follow(state_dir, path, start_at="end").running() as intake:
            await intake.until(lambda: len(intake.streams) == 1)

    asyncio.run(start_and_stop())
    append(path, [b"while away"])

    assert restart(state_dir, path, 1, None, start_at="end").records == [b"while away"]


def test_a_byte_order_mark_is_passed_over_also_where_the_file_is_empty_at_first(folder, state_dir):
    path = folder / "a.log"
    path.write_bytes(b"")
    packed = folder / "b.log.gz"
    packed.write_bytes(gzip.compress(codecs.BOM_UTF8 + b"packed\n"))

    async def run():
        async with follow(state_dir, folder / "*").running() as intake:
            await intake.until_records(1)
            path.write_bytes(codecs.BOM_UTF8 + b"one\n")
            await intake.until_records(2)
            path.write_bytes(codecs.BOM_UTF8 + "größer\n".encode())
            await intake.until_records(3)
        return intake.records

    assert asyncio.run(run()) == [b"packed", b"one", "größer".encode()]


def test_text_in_utf16_is_told(folder, state_dir, caplog):
    (folder / "a.log").write_text("one\r\ntwo\r\n", encoding="utf-16")
    asyncio.run(Harness(FileInput, state_dir, path=str(folder / "a.log"), once=True).run_once())
    assert "iconv -f UTF-16 -t UTF-8" in str([record.facts for record in caplog.records])
