"""A pack that a sandbox has been given."""

from host.packs.ledger import RawPack, TablePack


class Assignment:
    """A pack at a sandbox."""

    __slots__ = (
        "careful",
        "cpu_factor",
        "done_to",
        "first_record",
        "now_ns",
        "number",
        "pack",
        "skips",
        "tries",
        "watched",
    )

    def __init__(self, number: int, pack: RawPack | TablePack, done_to: int, now_ns: int) -> None:
        self.number = number
        self.pack = pack
        self.done_to = done_to
        """Records that end here, or before, in the raw bytes are in the state that the sandbox began with."""
        self.now_ns = now_ns
        self.first_record = 0
        self.careful = False
        self.cpu_factor = 1
        """The CPU limit is multiplied by this: a process that watches its lines for a lack of memory is slow."""
        self.tries: dict[int, int] = {}
        self.skips: dict[int, str] = {}
        """Records that have ended a process, and why."""
        self.watched: int | None = None
        """A record of which the process is to say at which line of the script it is."""

    @property
    def most_records(self) -> int:
        """How many records it may have, at most."""
        pack = self.pack
        if isinstance(pack, TablePack):
            return pack.count
        return pack.length + 1 if pack.records is None else len(pack.records) // 2
