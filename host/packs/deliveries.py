"""Undelivered messages that a snapshot waits for."""

from collections.abc import Callable


class Deliveries:
    """The messages that a filter with preserved state injected since its previous snapshot.

    Each pack of such messages counts until it is released, and so does each pack made from it. A pending snapshot that
    includes such a pack counts in place of the pack.

    Args:
        on_settle: Called whenever something of it is delivered.

    Attributes:
        undelivered: Packs, and pending snapshots in place of packs, that are not delivered.
    """

    __slots__ = ("_on_settle", "undelivered")

    def __init__(self, on_settle: Callable[[], None]) -> None:
        self.undelivered = 0
        self._on_settle = on_settle

    def add(self) -> None:
        """Count one more undelivered pack."""
        self.undelivered += 1

    def settle(self, count: int = 1) -> None:
        """Count packs as delivered."""
        self.undelivered -= count
        self._on_settle()
