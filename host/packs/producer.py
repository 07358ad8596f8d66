"""The process that made a pack, and the evidence against it.

A consumer that dies at a pack may have done so of its own accord, or because the pack points where nothing is. The
host tells the two apart by reading the pack itself, with every check. So a script that crashes its own process can
never have the maker of a sound pack ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from host.core.errors import PackError
from host.packs import reader

if TYPE_CHECKING:
    from host.packs.ledger import TablePack

MAX_DEATHS = 2
"""Processes of consumers that may die at malformed packs of one process before it is ended."""


class Maker:
    """One process of a sandbox, as the maker of packs.

    Args:
        name: Of the sandbox.
        kind: `decoder` or `filter`.
        end: Ends the process; told why.
    """

    __slots__ = ("_deaths", "_end", "condemned", "kind", "name")

    def __init__(self, name: str, kind: str, end: Callable[[Maker, str], None]) -> None:
        self.name = name
        self.kind = kind
        self.condemned = ""
        """Why nobody gets a pack of this process any more; empty as a rule."""
        self._end = end
        self._deaths = 0

    def accuse(self, pack: TablePack) -> bool:
        """Note that a consumer's process died at a pack of this process.

        Returns:
            True if the packs of this process are to blame, and none of them is to be read any more.
        """
        if self.condemned:
            return True
        if pack.fault is None:
            pack.fault = fault_of(pack)
        fault = pack.fault
        if not fault:
            return False
        self._deaths += 1
        if self._deaths < MAX_DEATHS:
            return False
        self.condemned = (
            f"{self.kind} {self.name} made packs that ended {MAX_DEATHS} processes which read them: {fault}"
        )
        self._end(self, f"Its packs ended {MAX_DEATHS} processes that read them: {fault}")
        return True


def fault_of(pack: TablePack) -> str:
    """Return what is malformed in a pack; empty if nothing is."""
    slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
    try:
        deque(reader.read(slot, raw_of(pack)), maxlen=0)
    except PackError as error:
        return str(error)
    return ""


def raw_of(pack: TablePack) -> memoryview:
    """Return the raw bytes that a pack points at; none if it came from a filter."""
    raw = pack.raw
    return memoryview(b"") if raw is None else raw.arena.view[raw.offset : raw.offset + raw.length]
