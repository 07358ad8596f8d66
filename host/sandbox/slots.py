"""The slots of its arena that a sandbox may write to."""

from host.packs import protocol
from host.packs.arena import Arena
from host.packs.protocol import Op


class Slots:
    """What was granted to a process, and not filled yet.

    Args:
        arena: Of the sandbox.
        most: Slots that it has at once.
    """

    def __init__(self, arena: Arena, most: int) -> None:
        self._arena = arena
        self._most = most
        self._granted: dict[int, None] = {}

    def __bool__(self) -> bool:
        return bool(self._granted)

    @property
    def few(self) -> bool:
        """Whether it would soon have to wait for one."""
        return len(self._granted) < self._most - 1

    def grants(self) -> bytes:
        """Commands that grant what it lacks, as far as the arena has it."""
        commands = []
        while len(self._granted) < self._most:
            offset = self._arena.acquire()
            if offset is None:
                break
            self._granted[offset] = None
            commands.append(protocol.command(Op.GRANT, table=(self._arena.number, offset, self._arena.slot_bytes)))
        return b"".join(commands)

    def take(self, offset: int, used_bytes: int) -> bool:
        """A slot was filled, so its process says; whether it may."""
        if offset not in self._granted or used_bytes > self._arena.slot_bytes:
            return False
        del self._granted[offset]
        return True

    def release(self) -> None:
        """The process is gone."""
        for offset in self._granted:
            self._arena.release(offset)
        self._granted.clear()
