"""Damaged files in state_dir never end the host, and never pass for sound ones."""

import functools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.delivery.checkpoints import Checkpoints
from host.outputs._file_state import FileState
from host.pipeline.state_keeper import StoredState, pack_state, unpack
from tests.effort import examples

KEYS = [f"a/file/1-{number}" for number in range(200)]

STATE = pack_state(StoredState(b"state" * 2000, {}, 0))


def value(key):
    return {"path": f"/var/log/{key}", "position": len(key) * 1000, "head": "0" * 24}


@functools.cache
def sound():
    """The bytes of a small database that a host has written to several times."""
    with tempfile.TemporaryDirectory() as place:
        checkpoints = Checkpoints(Path(place))
        for turn in range(4):
            for key in KEYS[turn * 50 : (turn + 1) * 50]:
                checkpoints.put(key, value(key))
            checkpoints.put_state("counts", STATE)
            checkpoints.flush()
        checkpoints.close()
        return (Path(place) / "checkpoints" / "data.mdb").read_bytes()


def opened_with(data):
    """What is known after the database was replaced; it must be writable, too."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "checkpoints"
        folder.mkdir()
        (folder / "data.mdb").write_bytes(data)
        checkpoints = Checkpoints(Path(place))
        found = dict(checkpoints.items("a/"))
        state = checkpoints.get_state("counts")
        checkpoints.put("a/new", {"position": 1})
        for number in range(50):
            checkpoints.put(f"a/new/{number}", {"position": number})
        checkpoints.close()
        again = Checkpoints(Path(place))
        assert again.get("a/new/49") == {"position": 49}
        again.close()
        aside = [path.read_bytes() for path in folder.glob("data.mdb.damaged-*")]
        assert aside == ([data] if checkpoints.damaged else [])
        return found, state, checkpoints.damaged


def assert_sound_or_empty(data):
    found, state, damaged = opened_with(data)
    if damaged:
        assert found == {}
        assert state is None
    else:
        # An older state of the database is possible, a wrong value is not.
        assert all(found[key] == value(key) for key in found)
        # A value of an earlier version has a checksum of its own.
        assert state is None or unpack(state) in (None, unpack(STATE))


def test_a_sound_database_is_kept():
    found, state, damaged = opened_with(sound())

    assert found == {key: value(key) for key in KEYS}
    assert state == STATE
    assert not damaged


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_database_is_moved_aside(share):
    assert_sound_or_empty(sound()[: int(len(sound()) * share)])


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_no_flipped_byte_becomes_a_wrong_position(data):
    damaged = bytearray(sound())
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=8)):
        damaged[at] ^= data.draw(st.integers(1, 255))
    assert_sound_or_empty(bytes(damaged))


@settings(max_examples=examples(20), deadline=None)
@given(st.data())
def test_no_page_of_garbage_ends_the_process(data):
    damaged = bytearray(sound())
    page = data.draw(st.integers(0, len(damaged) // 4096 - 1))
    damaged[page * 4096 : (page + 1) * 4096] = data.draw(st.binary(min_size=1, max_size=64)) * 4096
    assert_sound_or_empty(bytes(damaged[: len(sound())]))


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb", "owner.lock", ""])
@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_is_no_such_file_is_moved_aside(tmp_path, name, kind):
    path = tmp_path / "checkpoints" / name
    path.parent.mkdir(exist_ok=True)
    if not name:
        path.rmdir() if path.exists() else None
    if kind == "folder":
        path.mkdir(exist_ok=True)
    elif kind == "file":
        path.write_bytes(b"something")
    else:
        path.symlink_to(tmp_path / "nowhere")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.put("a", {"position": 1})
    checkpoints.close()
    again = Checkpoints(tmp_path)
    assert again.get("a") == {"position": 1}
    again.close()


def test_the_state_of_an_output_grows_and_forgets_files_that_are_gone(tmp_path):
    state = FileState(tmp_path / "state")
    logs = tmp_path / "logs"
    logs.mkdir()
    long_name = "x" * 200
    for number in range(3_000):
        state.put(str(logs / f"{number}-{long_name}"), (1, number), number)
    kept = logs / "kept"
    kept.touch()
    identity = (kept.stat().st_dev, kept.stat().st_ino)
    for number in range(3_000, 9_000):
        state.put(str(logs / f"{number}-{long_name}"), (1, number), number)
        if number == 3_000:
            state.put(str(kept), identity, 7)
    assert state.get(identity) == 7
    state.close()
    assert (tmp_path / "state" / "data.mdb").stat().st_size < 5 << 20


def test_a_truncated_state_of_an_output_is_moved_aside(tmp_path):
    state = FileState(tmp_path / "state")
    for number in range(500):
        state.put(f"/gone/{number}", (1, number), number)
    state.close()
    data = tmp_path / "state" / "data.mdb"
    os.truncate(data, data.stat().st_size // 2)

    again = FileState(tmp_path / "state")

    assert again.damaged == 1
    again.put("/new", (2, 2), 2)
    again.close()
