"""The audit log is kept where its files cannot be renamed or made."""

import errno
import os
from pathlib import Path

import orjson
import pytest

from host.admin import audit as audit_module
from host.admin.audit import Audit


def write(audit, what):
    audit.write(who="me", address="here", what=what, target="PUT /", result=200, facts={})


def entries(path):
    return [orjson.loads(line)["what"] for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("broken", ["replace", "open"])
def test_entries_go_on_into_the_full_file_and_never_into_another_one(tmp_path, monkeypatch, caplog, broken):
    audit = Audit(tmp_path)
    write(audit, "one")
    monkeypatch.setattr(audit_module, "_MOST_BYTES", 10)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(*((Path, "replace") if broken == "replace" else (os, "open")), fail)
        write(audit, "two")
        write(audit, "three")
    with (tmp_path / "other").open("wb"):  # would have got the number of a file that was closed too early
        write(audit, "four")
    audit.close()

    files = sorted(tmp_path.glob("audit.jsonl*"), reverse=True)
    assert [what for file in files for what in entries(file)] == ["one", "two", "three", "four"]
    assert not (tmp_path / "audit.jsonl.2").exists()
    assert (tmp_path / "other").read_bytes() == b""
    assert "cannot be written" in caplog.text
