"""The audit log: who changed what, when, and how it went. JSON lines in `state_dir/audit.jsonl`."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from host.config.model import AuditSettings
from host.core.errors import StartError
from host.core.private_files import open_private
from host.delivery import state_files
from host.telemetry.logs import get_logger
from host.telemetry.metrics import ComponentMetrics

_LOG = get_logger("host.admin")


class Audit:
    """Appends to the log; each line is there for good when `write` returns, but for a power cut.

    Args:
        state_dir: Where the log is.
        settings: How much of it is kept.
        metrics: Where to count entries that are deleted.
    """

    def __init__(self, state_dir: Path, settings: AuditSettings, metrics: ComponentMetrics) -> None:
        self.settings = settings
        self._metrics = metrics
        self._path = state_dir / "audit.jsonl"
        try:
            state_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
            state_files.keep_only(self._path, stat.S_ISREG, "it is no file", "The audit log begins anew.")
            self._open()
        except OSError as error:
            raise StartError(f"admin: cannot write the audit log {self._path}: {error.strerror}.") from error

    def write(self, *, who: str, address: str, what: str, target: str, result: int, facts: dict[str, Any]) -> None:
        """Append one entry.

        Args:
            who: The caller's name.
            address: Where the request came from.
            what: The operation.
            target: Method and path.
            result: The status that was answered.
            facts: What was changed, and why it was refused.
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "who": who,
            "address": address,
            "what": what,
            "target": target,
            "result": result,
            **facts,
        }
        line = orjson.dumps(entry, default=str) + b"\n"
        try:
            try:
                if os.fstat(self._fd).st_size + len(line) > self.settings.max_file_bytes:
                    self._rotate()
            finally:
                os.write(self._fd, line)  # if need be, into the full one
        except OSError as error:
            _LOG.error("The audit log cannot be written.", file=str(self._path), reason=str(error), **entry)

    def close(self) -> None:
        """End."""
        os.close(self._fd)

    def _open(self) -> None:
        self._fd = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _delete_oldest(self) -> None:
        """Delete the files for which there is no room any more; whatever is lost is counted."""
        number = self.settings.kept_files
        while (path := self._path.with_suffix(f".jsonl.{number}")).exists():
            with path.open("rb") as file:
                entries = sum(1 for _ in file)
            path.unlink()
            self._metrics.count_drop("audit_entries", entries)
            _LOG.warning(
                "Deleted the oldest audit log: there are more files than admin.audit.kept_files.",
                file=str(path),
                entries=entries,
                kept_files=self.settings.kept_files,
            )
            number += 1

    def _rotate(self) -> None:
        self._delete_oldest()
        for number in range(
            self.settings.kept_files if self._path.exists() else 0, 0, -1
        ):  # if not, only a new one could not be made
            older = self._path.with_suffix(f".jsonl.{number}")
            newer = self._path.with_suffix(f".jsonl.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        full_fd = self._fd
        self._open()
        os.close(full_fd)  # not before: another file or socket would get its number, and the entries
