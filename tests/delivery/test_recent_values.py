"""Checkpoints survive kill -9 at once, also while the database is not written."""

import asyncio
import os
import signal

import pytest

from host.delivery import checkpoints, recent_values
from host.delivery.checkpoints import Checkpoints
from host.delivery.recent_values import RecentValues
from tests.running import Bench, to_text, until


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_kill_repeats_nothing_that_was_delivered_before(bench):
    """The database is written once a minute, so that only the file can know."""
    lines = [b"%06d" % number for number in range(3_000)]
    path = bench.write("in.log", b"")
    config = {
        "hekate": {"checkpoint_interval_ms": 60_000},
        "inputs": {"in": {"type": "file", "path": path}},
        "outputs": {"copy": to_text(bench.path("copy"))},
    }
    for run in range(3):
        host = bench.start(config).ready()
        # The first position after a pause goes to the database soon.
        for part in (2 * run, 2 * run + 1):
            with open(path, "ab") as file:  # noqa: PTH123 -- as a service does
                file.write(b"".join(line + b"\n" for line in lines[part * 500 : (part + 1) * 500]))
            until(lambda: position(bench) == os.stat(path).st_size, "the position")  # noqa: PTH116
        host.signal(signal.SIGKILL)
        host.wait()
        host.kill()

    assert bench.lines("copy") == lines


def position(bench):
    found = checkpoints.stored(bench.folder / "state")
    return next((value["position"] for key, value in found.items() if key.startswith("in/")), 0)


def test_what_was_put_after_the_last_transaction_is_there_after_a_kill(tmp_path):
    async def scenario():
        killed = Checkpoints(tmp_path, interval_ms=60_000)
        killed.start()
        for key in ("kept", "gone"):
            killed.put(key, {"position": 1})
        killed.flush()
        killed.put_state("filter", b"state\0")
        killed.put("kept", {"position": 2})
        killed.delete("gone")
        await asyncio.sleep(0)
        while "kept" not in recent_values.read(tmp_path / "checkpoints"):  # noqa: ASYNC110 -- as of a file
            await asyncio.sleep(0.001)
        # What a kill leaves behind.
        return (tmp_path / "checkpoints" / "recent").read_bytes(), killed

    data, killed = asyncio.run(scenario())
    killed.close()
    (tmp_path / "checkpoints" / "recent").write_bytes(data)
    assert set(checkpoints.stored(tmp_path)) == {"kept"}

    again = Checkpoints(tmp_path)

    assert (again.get("kept"), again.get("gone"), again.get_state("filter")) == ({"position": 2}, None, b"state\0")
    again.close()
    assert recent_values.read(tmp_path / "checkpoints") == {}


@pytest.mark.parametrize("damage", ["torn", "flipped", "other boot", "empty"])
def test_a_damaged_file_gives_only_whole_frames_of_this_boot(tmp_path, damage):
    recent = RecentValues(tmp_path)
    recent.append({"a": {"position": 1}})
    recent.append({"a": {"position": 2}, "b": b"state"})
    recent.close()
    file = tmp_path / "recent"
    data = bytearray(file.read_bytes())
    if damage == "torn":
        del data[-1:]
    elif damage == "flipped":
        data[-1] ^= 1
    elif damage == "other boot":
        data[20] ^= 1
    else:
        data.clear()
    file.write_bytes(data)

    assert recent_values.read(tmp_path) == ({"a": {"position": 1}} if damage in {"torn", "flipped"} else {})


def test_after_a_full_disk_nothing_is_put_behind_half_a_frame(tmp_path, monkeypatch, caplog):
    recent = RecentValues(tmp_path)
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[: len(data) // 2], at))
    recent.append({"a": {"position": 1}})
    monkeypatch.setattr(os, "pwrite", real)
    recent.append({"a": {"position": 2}})
    assert recent_values.read(tmp_path) == {}
    assert "a kill repeats more records" in caplog.text

    recent.replace({"a": {"position": 3}})

    assert recent_values.read(tmp_path) == {"a": {"position": 3}}
    recent.close()
