"""Positions survive whatever happens to the process."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lmdb
import pytest

from host.config import model
from host.core.errors import DeliveryError, StartError
from host.delivery.checkpoints import Checkpoints
from host.delivery.state_files import unseal
from host.pipeline.pipeline import Pipeline

NOBODY = 65534


def test_a_put_is_seen_at_once_and_after_a_restart(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.put("a/1", {"position": 7})
    assert checkpoints.get("a/1") == {"position": 7}
    checkpoints.close()

    again = Checkpoints(tmp_path)

    assert again.get("a/1") == {"position": 7}
    assert again.get("a/2") is None
    again.close()


def test_items_are_the_latest_values_under_a_prefix(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for key, position in [("a/1", 1), ("a/2", 2), ("b/1", 3)]:
        checkpoints.put(key, {"position": position})
    checkpoints.flush()
    checkpoints.put("a/1", {"position": 10})
    checkpoints.put("a/3", {"position": 30})
    checkpoints.delete("a/2")

    assert dict(checkpoints.items("a/")) == {"a/1": {"position": 10}, "a/3": {"position": 30}}
    checkpoints.close()


def test_a_deleted_key_stays_deleted(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.put("a", {})
    checkpoints.flush()
    checkpoints.delete("a")
    checkpoints.close()

    again = Checkpoints(tmp_path)

    assert again.get("a") is None
    again.close()


def test_the_timer_writes_without_being_asked(tmp_path):
    async def put_and_wait():
        checkpoints = Checkpoints(tmp_path, interval_ms=10)
        checkpoints.start()
        for round_number in range(3):
            checkpoints.put("a", {"round": round_number})
            deadline = time.monotonic() + 5
            while unseal(b"a", stored(tmp_path, "a") or b"{}") != b'{"round":%d}' % round_number:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.002)
        checkpoints.close()

    asyncio.run(put_and_wait())


def stored(state_dir, key):
    """Look with other eyes: a process that only reads."""
    code = (
        "import lmdb,sys;e=lmdb.open(sys.argv[1],readonly=True,lock=False);"
        "t=e.begin();sys.stdout.buffer.write(t.get(sys.argv[2].encode()) or b'')"
    )
    command = [sys.executable, "-c", code, str(state_dir / "checkpoints"), key]
    return subprocess.run(command, capture_output=True, check=False).stdout


def test_what_was_flushed_survives_kill_9(tmp_path):
    code = (
        "import sys,time,pathlib\n"
        "from host.delivery.checkpoints import Checkpoints\n"
        "c = Checkpoints(pathlib.Path(sys.argv[1]))\n"
        "for i in range(10**9):\n"
        "    c.put('key', {'position': i}); c.flush(); print(i, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in process.stdout.read().split(b"\n")[:-1])])

    checkpoints = Checkpoints(tmp_path)

    assert checkpoints.get("key")["position"] in {last, last + 1}
    checkpoints.close()


def test_a_second_host_with_the_same_state_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    code = (
        "import sys,pathlib\nfrom host.delivery.checkpoints import Checkpoints\nCheckpoints(pathlib.Path(sys.argv[1]))"
    )
    second = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    checkpoints.close()

    assert "is in use by another Hekate" in second.stderr


@contextlib.contextmanager
def not_root():
    """Work without root's right to write anywhere."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_folder_that_cannot_be_written_is_a_clear_error():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with not_root(), pytest.raises(StartError, match=r"cannot keep checkpoints in .*Permission denied"):
            Checkpoints(Path(folder))


def test_a_file_where_the_folder_should_be_is_a_clear_error(tmp_path):
    (tmp_path / "state").write_text("")

    with pytest.raises(StartError, match="cannot keep checkpoints in"):
        Checkpoints(tmp_path / "state")


def test_a_failed_write_is_kept_for_the_next_try(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.put("a", {"position": 1})

    def fail(_values):
        raise lmdb.DiskError("no space left")

    monkeypatch.setattr(checkpoints, "_write_once", fail)
    with pytest.raises(lmdb.Error):
        checkpoints.flush()
    monkeypatch.undo()
    checkpoints.close()

    again = Checkpoints(tmp_path)
    assert again.get("a") == {"position": 1}
    again.close()


def test_the_map_grows_when_it_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("host.delivery.checkpoints._MAP_BYTES", 64 * 1024)
    checkpoints = Checkpoints(tmp_path)
    for number in range(2000):
        checkpoints.put(f"key/{number}", {"path": "x" * 20})
    checkpoints.flush()

    assert len(list(checkpoints.items("key/"))) == 2000
    checkpoints.close()


def test_a_full_disk_at_the_end_leaves_nothing_open(tmp_path, monkeypatch):
    def full(*_):
        raise lmdb.DiskError("mdb_txn_commit: No space left on device")

    settings = model.HostSettings(state_dir=str(tmp_path / "state"))
    config = model.Config(hekate=settings, inputs={}, filters={}, outputs={})

    async def run():
        pipeline = Pipeline(config, once=True)
        await pipeline.start()
        pipeline.checkpoints.put("a", {"position": 1})
        monkeypatch.setattr(pipeline.checkpoints, "_write_once", full)
        with pytest.raises(DeliveryError, match=r"comes again.*No space left on device.*state_dir"):
            await pipeline.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pipeline.zygote.pid, 0)

    asyncio.run(run())
    assert list((tmp_path / "state/dead_letters").iterdir()) == []
    Checkpoints(tmp_path / "state").close()
