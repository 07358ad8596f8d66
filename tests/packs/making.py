"""Raw packs and tables with real arenas, for tests that need no sandbox."""

from host.packs.arena import Arena
from host.packs.ledger import RawPack, TablePack


class Memory:
    """An arena of an input and one of a decoder; every slot must be free again at the end."""

    def __init__(self, slots=64):
        self.raw = Arena("raw", 4096, slots, host_writes=True)
        self.tables = Arena("tables", 4096, slots, host_writes=False)
        self.freed = []
        """Positions of the raw packs that are free, in the order in which they became free."""
        self.kept = 0
        """Raw packs that are only kept, as `on_pin` has told."""

    def read(self, stream, position, next_position):
        """Return a raw pack that an input has read."""
        offset = self.raw.acquire()
        assert offset is not None
        pack = RawPack(
            self.raw,
            offset,
            next_position - position,
            stream,
            position,
            next_position,
            None,
            lambda: self.freed.append(position),
            self._on_pin,
        )
        stream.add(pack)
        return pack

    def _on_pin(self, change):
        self.kept += change
        assert self.kept >= 0

    def decoded(self, raw, count=1, parent=None, made_by="", *, shapes=b"shapes", deliveries=()):
        """Return a table that a decoder made of a raw pack, or a filter of a table."""
        offset = self.tables.acquire()
        assert offset is not None
        position = next((each.position for each in (raw, parent) if each is not None), 0)
        depth = 0 if parent is None else parent.loop_depth + 1
        return TablePack(
            self.tables,
            offset,
            64,
            count,
            shapes,
            made_by,
            depth,
            1,
            position,
            raw,
            parent,
            self.tables.release,
            0,
            deliveries=deliveries,
        )

    @property
    def used(self):
        return self.raw.used_slots, self.tables.used_slots, self.tables.pinned_slots, self.kept

    def close(self):
        self.raw.close()
        self.tables.close()
