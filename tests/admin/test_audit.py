"""The audit log is kept where its files cannot be renamed or made."""

import errno
import os
from pathlib import Path

import msgspec
import orjson
import pytest

from host.admin.services.audit import Audit
from host.config.model import AuditSettings
from host.telemetry.metrics import ComponentMetrics


def write(audit, what):
    audit.write(who="me", address="here", what=what, target="PUT /", result=200, facts={})


def entries(path):
    return [orjson.loads(line)["what"] for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("broken", ["replace", "open"])
def test_entries_go_on_into_the_full_file_and_never_into_another_one(tmp_path, monkeypatch, caplog, broken):
    audit = Audit(tmp_path, AuditSettings(), ComponentMetrics("router", "router", "router"))
    write(audit, "one")
    audit.settings = msgspec.structs.replace(audit.settings, max_file_bytes=10)

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


def test_what_is_deleted_is_logged_and_counted(tmp_path, caplog):
    metrics = ComponentMetrics("router", "router", "router")
    audit = Audit(tmp_path, AuditSettings(max_file_bytes=64 * 1024, kept_files=2), metrics)
    for number in range(3000):
        write(audit, f"{number} {'x' * 100}")
    audit.close()

    files = sorted(tmp_path.glob("audit.jsonl*"), reverse=True)
    kept = sum(len(entries(file)) for file in files)
    assert len(files) == 3
    assert kept + metrics.drops["audit_entries"] == 3000
    assert metrics.drops["audit_entries"] > 0
    assert "Deleted the oldest audit log" in caplog.text
