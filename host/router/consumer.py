"""A consumer of packs as the router sees it."""

from typing import Protocol

from host.packs.ledger import TablePack
from host.router.matcher_requirements import Kind


class PackConsumer(Protocol):
    """A filter or an output with its queue."""

    def wants(self, pack: TablePack, kinds: list[Kind] | None) -> bool:
        """Return True if the consumer's matcher may match packs like this one."""

    def take(self, pack: TablePack) -> None:
        """Queue a pack. The consumer retains the pack for as long as it needs it."""
