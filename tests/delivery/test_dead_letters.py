"""Dead letters can be read back, whatever bytes they are and whatever cut them short."""

import errno
import os
import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.core.clock import VirtualClock
from host.core.errors import RetryDelivery, StartError
from host.delivery import dead_letters
from host.delivery.dead_letters import DeadLetters
from host.telemetry.metrics import ComponentMetrics
from tests.effort import examples


def put(letters, record, position=0):
    letters.append_one(
        component="errors", kind="outputs", reason="refused", stream="a.log", position=position, record=record
    )


@settings(max_examples=examples(50))
@given(st.lists(st.one_of(st.binary(max_size=200), st.text(max_size=50).map(lambda t: t.encode("utf-8", "replace")))))
def test_every_record_is_read_back_as_it_was(tmp_path_factory, records):
    state_dir = tmp_path_factory.mktemp("state")
    letters = DeadLetters(state_dir, max_file_bytes=500)
    for position, record in enumerate(records):
        put(letters, record, position)
    letters.close()

    found = list(dead_letters.read(state_dir))

    assert [letter.record for letter in found] == records
    assert [letter.entry["position"] for letter in found] == list(range(len(records)))


def test_a_letter_says_when_where_and_why(tmp_path):
    letters = DeadLetters(tmp_path, clock=VirtualClock(1_700_000_000_123_456_789))
    put(letters, b"text", 5)
    letters.close()

    (letter,) = dead_letters.read(tmp_path)

    assert letter.entry == {
        "time": "2023-11-14T22:13:20.123456Z",
        "component": "errors",
        "kind": "outputs",
        "reason": "refused",
        "stream": "a.log",
        "position": 5,
        "record": "text",
    }


def test_a_line_cut_short_by_a_crash_is_passed_over_and_nothing_is_glued_to_it(tmp_path, caplog):
    letters = DeadLetters(tmp_path)
    put(letters, b"one")
    letters.close()
    file = next((tmp_path / "dead_letters").iterdir())
    with file.open("ab") as torn:
        torn.write(b'{"time":"2024')

    again = DeadLetters(tmp_path)
    put(again, b"two")
    again.close()

    assert [letter.record for letter in dead_letters.read(tmp_path)] == [b"one", b"two"]
    assert "incomplete dead letter" in caplog.text


def test_the_oldest_files_go_when_there_are_too_many(tmp_path, caplog):
    metrics = ComponentMetrics("router", "router", "router")
    letters = DeadLetters(tmp_path, max_file_bytes=1000, max_total_bytes=3000, metrics=metrics)
    for number in range(100):
        put(letters, b"x" * 100, number)
    letters.close()
    usage = letters.usage()

    positions = [letter.entry["position"] for letter in dead_letters.read(tmp_path)]

    assert positions == list(range(positions[0], 100))
    assert 0 < positions[0] < 95
    assert metrics.drops["dead_letters"] == usage.deleted_records == positions[0]
    assert usage.bytes <= usage.max_bytes == 3000
    assert usage.deleted_bytes > usage.deleted_records * 100
    assert "Deleted the oldest dead letters" in caplog.text


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    letters = DeadLetters(tmp_path)
    put(letters, b"one")
    real_write, calls = os.write, []

    def write(fd, data):
        calls.append(fd)
        if len(calls) == 1:
            return real_write(fd, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(RetryDelivery, match="No space left on device"):
        put(letters, b"two")
    monkeypatch.undo()
    put(letters, b"three")
    letters.close()

    assert [letter.record for letter in dead_letters.read(tmp_path)] == [b"one", b"three"]


def test_encoded_lines_are_appended_as_they_are(tmp_path):
    letters = DeadLetters(tmp_path)
    letters.append(b"".join(orjson.dumps({"record": str(n)}) + b"\n" for n in range(3)), 3)
    letters.append(b"")

    assert letters.count == 3
    assert [letter.record for letter in dead_letters.read(tmp_path)] == [b"0", b"1", b"2"]
    letters.close()


def test_no_letters_leave_no_file(tmp_path):
    DeadLetters(tmp_path).close()

    assert list((tmp_path / "dead_letters").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "dead_letters").write_text("")

    with pytest.raises(StartError, match="cannot keep dead letters in"):
        DeadLetters(tmp_path / "dead_letters")


def test_files_that_somebody_deletes_meanwhile_hold_nothing_up(tmp_path, monkeypatch):
    letters = DeadLetters(tmp_path, max_file_bytes=1000, max_total_bytes=3000)
    real_glob = Path.glob
    listed = [tmp_path / "dead_letters" / "00000000.jsonl"]
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: [*listed, *real_glob(folder, pattern)])
    for number in range(100):
        put(letters, b"x" * 100, number)
    monkeypatch.undo()
    letters.close()

    assert [letter.entry["position"] for letter in dead_letters.read(tmp_path)][-1] == 99
    assert len(list(letters.folder.iterdir())) < 6


def test_a_file_that_cannot_be_deleted_or_synced_is_told_of_and_holds_nothing_up(tmp_path, monkeypatch, caplog):
    synced_by = set()

    def fsync(fd):
        synced_by.add(threading.current_thread())
        raise OSError(errno.EIO, "Input/output error")

    def unlink(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    letters = DeadLetters(tmp_path, max_file_bytes=1000, max_total_bytes=1000)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "unlink", unlink)
    for number in range(30):
        put(letters, b"x" * 100, number)
    assert threading.current_thread() not in synced_by  # a slow disk must not hold the event loop up
    letters.close()

    assert [letter.entry["position"] for letter in dead_letters.read(tmp_path)] == list(range(30))
    assert "may not survive a power cut" in caplog.text
    assert "cannot be deleted" in caplog.text


def test_nothing_is_glued_to_half_a_line_that_cannot_be_cut_off(tmp_path, monkeypatch):
    letters = DeadLetters(tmp_path)
    put(letters, b"one")
    real_write = os.write

    def write(fd, data):
        monkeypatch.setattr(os, "write", fail)
        return real_write(fd, data[:10])

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "ftruncate", fail)
    with pytest.raises(RetryDelivery, match="Input/output error"):
        put(letters, b"two")
    monkeypatch.undo()
    put(letters, b"two")
    letters.close()

    assert [letter.record for letter in dead_letters.read(tmp_path)] == [b"one", b"two"]
