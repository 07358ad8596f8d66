"""The directory of the host's state is for its user only, and links in it are not followed."""

import os
import stat
from pathlib import Path

import pytest

from host.core.errors import StartError
from host.core.private_files import open_private, secure_state_dir


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_it_is_made_private_with_all_that_lies_in_it(tmp_path):
    state = tmp_path / "state"
    for name in (
        "checkpoints/data.mdb",
        "dead_letters/1.jsonl",
        "outputs/a/data.mdb",
        "versions/filters/x/1.lua",
        "audit.jsonl.1",
    ):
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(0o666)
        path.parent.chmod(0o777)
    (state / "mine.txt").write_text("x")
    (state / "mine.txt").chmod(0o644)

    secure_state_dir(state)

    assert mode(state) == 0o700
    for path in state.rglob("*"):
        if path.name != "mine.txt":
            assert mode(path) & 0o077 == 0, path
    assert mode(state / "mine.txt") == 0o644, "what is not the host's is left alone"
    assert mode(tmp_path) == 0o700 or mode(tmp_path) & 0o055, "nor is what lies above"


@pytest.mark.parametrize(
    "name", ["checkpoints", "dead_letters", "outputs", "versions", "audit.jsonl", "admin-token", "dead_letters/7.jsonl"]
)
def test_a_planted_link_is_not_followed(tmp_path, name):
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    (state / name).parent.mkdir(parents=True)
    elsewhere.mkdir(mode=0o755)
    (state / name).symlink_to(elsewhere)

    with pytest.raises(StartError, match="symbolic link"):
        secure_state_dir(state)

    assert list(elsewhere.iterdir()) == []
    assert mode(elsewhere) == 0o755


def test_a_directory_that_all_users_share_is_refused_and_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)

    with pytest.raises(StartError, match="shared by all users"):
        secure_state_dir(tmp_path)

    assert mode(tmp_path) == 0o1777


def test_a_running_host_has_private_state_and_does_not_start_with_a_link(bench):
    config = {
        "inputs": {"in": {"type": "file", "path": bench.write("in.log", [b"x"])}},
        "outputs": {"out": {"type": "null", "message_matcher": "TRUE"}},
    }
    umask = os.umask(0)
    try:
        bench.once(config)
    finally:
        os.umask(umask)
    state = bench.folder / "state"
    assert mode(state) == 0o700
    assert [path for path in state.iterdir() if mode(path) & 0o077 and path.is_file()] == []

    (bench.folder / "other").mkdir()
    for path in sorted(state.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (state / "dead_letters").symlink_to(bench.folder / "other")
    host = bench.once(config, status=69)
    assert "symbolic link" in host.log


def test_a_private_file_is_opened_only_if_nobody_else_may_write_to_it(tmp_path):
    path = tmp_path / "file"
    os.close(open_private(path, os.O_WRONLY | os.O_CREAT))
    assert mode(path) == 0o600
    path.chmod(0o622)
    with pytest.raises(PermissionError, match="others may write"):
        open_private(path, os.O_RDONLY)
