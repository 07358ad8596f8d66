"""Where dead letters of sandboxes wait for the disk, if they must."""

import asyncio
from collections.abc import Callable

from host.core.errors import RetryDelivery
from host.delivery.dead_letters import DeadLetters
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import Report
from host.sandbox.sandbox import Sandbox
from host.telemetry.failures import Failures
from host.telemetry.logs import get_logger

_LOG = get_logger("host.router")
_RETRY_S = 1.0


def keep_dead_letters(
    letters: DeadLetters, sandbox: Sandbox, report: Report, pack: RawPack | TablePack, failures: Failures
) -> None:
    """Write the dead letters in a slot that a sandbox filled; the pack they came from is held until then."""
    start = report.offset
    blob = bytes(sandbox.arena.view[start : start + report.used_bytes])
    if not blob.endswith(b"}\n") or blob.count(b"\n") != report.records:
        sandbox.kill("it sent malformed dead letters")
        sandbox.release_slot(start)
        return
    failures.note_letters(blob)
    keep_letters(letters, blob, report.records, pack, lambda: sandbox.release_slot(start))


def keep_letters(
    letters: DeadLetters, blob: bytes, count: int, pack: RawPack | TablePack, written: Callable[[], None] = lambda: None
) -> None:
    """Write dead letters, again and again until the disk takes them; the pack they came from is held until then."""
    pack.retain()

    def write() -> None:
        try:
            letters.append(blob, count)
        except RetryDelivery as error:
            _LOG.error("Dead letters cannot be written; trying again.", reason=str(error))
            asyncio.get_running_loop().call_later(_RETRY_S, write)
            return
        written()
        pack.release()

    write()
