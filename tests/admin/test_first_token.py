"""The file of the first token: whole or absent, and trusted only if nobody else can have written it."""

import errno
import os
import stat

import pytest

from host.admin.problems import Problem
from host.admin.services.auth import Access
from host.config.model import Admin, AdminToken
from host.core import private_files
from host.core.errors import StartError

NAME = "admin-token"


def access(folder, **settings):
    return Access(Admin(listen="127.0.0.1:0", **settings), folder)


def ask(one, token):
    return one.by_token(f"Bearer {token}", "here")


def test_the_first_token_is_made_once_and_is_private(tmp_path):
    access(tmp_path / "state")
    token = (tmp_path / "state" / NAME).read_text().strip()

    assert ask(access(tmp_path / "state"), token).role == "admin"
    assert len(token) >= 32
    assert stat.S_IMODE((tmp_path / "state" / NAME).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == [NAME]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_no_token_file_behind(tmp_path, monkeypatch, call):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(*((os, "fsync") if call == "fsync" else (private_files.Path, "replace")), fail)
        with pytest.raises(StartError, match="No space left"):
            access(tmp_path)

    assert list(tmp_path.iterdir()) == []
    access(tmp_path)


@pytest.mark.parametrize("content", ["", "\n", "  \n", "short\n", "x" * 19, "x" * 1000, "two words of a long token\n"])
def test_what_is_no_token_lets_nobody_in(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    (tmp_path / NAME).chmod(0o600)

    with pytest.raises(StartError, match=r"no token in .*Remove the file"):
        access(tmp_path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_token_that_others_can_write_is_not_trusted(tmp_path, mode):
    (tmp_path / NAME).write_text("x" * 48)
    (tmp_path / NAME).chmod(mode)

    with pytest.raises(StartError, match="cannot be trusted: others may write to it"):
        access(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_token_of_another_user_is_not_trusted(tmp_path):
    (tmp_path / NAME).write_text("x" * 48)
    os.chown(tmp_path / NAME, 12345, 12345)

    with pytest.raises(StartError, match="cannot be trusted: it belongs to the user with the id 12345"):
        access(tmp_path)


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "directory"])
def test_what_is_no_file_is_not_followed_or_waited_for(tmp_path, kind):
    other = tmp_path / "other"
    if kind == "link":
        other.write_text("x" * 48)
    if "link" in kind:
        (tmp_path / NAME).symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(tmp_path / NAME)
    else:
        (tmp_path / NAME).mkdir()

    with pytest.raises(StartError):
        access(tmp_path)

    assert other.exists() == (kind == "link")


def test_the_empty_token_is_nobodys(tmp_path):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with pytest.raises(StartError, match="empty text"):
        access(tmp_path, tokens=(AdminToken(name="x", sha256=empty, role="admin"),))

    one = access(tmp_path)
    for token in ("", " ", "a", "1234567"):
        with pytest.raises(Problem, match="too short"):
            ask(one, token)
