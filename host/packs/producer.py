"""The process that produced a pack, and the malformed packs that it produced.

A consumer can die at a pack because of a fault of its own, or because the pack points outside of its memory. The host
reads the pack with every check to find out. So a script that crashes its own process cannot cause the end of a process
that produced a sound pack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from host.core.errors import PackError
from host.packs import reader
from host.packs.ledger import TablePack

MAX_DEATHS = 2
"""Deaths of consumer processes at malformed packs of one producer after which the host ends the producer."""


class PackProducer:
    """A process of a sandbox that produces packs.

    Args:
        name: The name of the sandbox.
        kind: `decoder` or `filter`.
        end: Ends the process for a reason.
    """

    __slots__ = ("_deaths", "_end", "kind", "name", "rejection_reason")

    def __init__(self, name: str, kind: str, end: Callable[[PackProducer, str], None]) -> None:
        self.name = name
        self.kind = kind
        self.rejection_reason = ""
        """The reason why no consumer is given packs of this process any more; empty if they are given."""
        self._end = end
        self._deaths = 0

    def record_death(self, pack: TablePack) -> bool:
        """Record that a consumer's process died at a pack of this process.

        Returns:
            True if this process is rejected: no consumer may read its packs any more.
        """
        if self.rejection_reason:
            return True
        if pack.fault is None:
            pack.fault = fault_of(pack)
        fault = pack.fault
        if not fault:
            return False
        self._deaths += 1
        if self._deaths < MAX_DEATHS:
            return False
        self.rejection_reason = (
            f"{self.kind} {self.name} made packs that ended {MAX_DEATHS} processes which read them: {fault}"
        )
        self._end(self, f"Its packs ended {MAX_DEATHS} processes that read them: {fault}")
        return True


def fault_of(pack: TablePack) -> str:
    """Return a description of the fault of a malformed pack; empty if the pack is sound."""
    slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
    try:
        deque(reader.read(slot, raw_of(pack)), maxlen=0)
    except PackError as error:
        return str(error)
    return ""


def raw_of(pack: TablePack) -> memoryview:
    """Return the raw bytes that a pack points at; empty if a filter injected the pack."""
    raw = pack.raw
    return memoryview(b"") if raw is None else raw.arena.view[raw.offset : raw.offset + raw.length]
