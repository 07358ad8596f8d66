"""Arenas: shared memory in slots, with one writer each.

An arena is a memfd. Its writer maps it read-write; everyone else gets a descriptor that was opened read-only, so not
even a process that was taken over can write into it. The host owns the list of free slots, whoever writes them.
"""

import asyncio
import itertools
import mmap
import os
from collections.abc import Callable

_numbers = itertools.count(1)


class Arena:
    """So many slots of so many bytes.

    Args:
        name: For `/proc`, to be seen in a debugger.
        slot_bytes: Size of a slot; rounded up to whole pages.
        slots: How many. Memory is used only once a slot has been written, and slots used last are used first.
        host_writes: Whether the host is the writer. If not, its own map is read-only.
    """

    def __init__(self, name: str, slot_bytes: int, slots: int, *, host_writes: bool) -> None:
        self.number = next(_numbers)
        self.slot_bytes = -(-slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self.size_bytes = self.slot_bytes * slots
        self._fd = os.memfd_create(f"hekate-{name}"[:200], os.MFD_CLOEXEC)
        os.ftruncate(self._fd, self.size_bytes)
        self._read_only_fd = os.open(f"/proc/self/fd/{self._fd}", os.O_RDONLY | os.O_CLOEXEC)
        access = mmap.ACCESS_WRITE if host_writes else mmap.ACCESS_READ
        self._map = mmap.mmap(self._fd, self.size_bytes, access=access)
        self.view = memoryview(self._map)
        self._retired = False
        self.on_closed: Callable[[int], None] | None = None
        """Told the arena's number once its memory is gone."""
        self._free = [slot * self.slot_bytes for slot in reversed(range(slots))]
        self._slots = slots
        self.pinned_slots = 0
        """How many of the used slots are only kept until a snapshot includes them."""

    @property
    def writable_fd(self) -> int:
        """For the one process that writes."""
        return self._fd

    @property
    def read_only_fd(self) -> int:
        """For all others."""
        return self._read_only_fd

    @property
    def free_slots(self) -> int:
        """How many slots nobody has."""
        return len(self._free)

    @property
    def used_slots(self) -> int:
        """How many slots somebody has."""
        return self._slots - len(self._free)

    def acquire(self) -> int | None:
        """Offset of a slot that is the caller's now, or None if all are taken."""
        return self._free.pop() if self._free else None

    def release(self, offset: int) -> None:
        """Give a slot back."""
        self._free.append(offset)
        if self._retired and not self.used_slots:
            self.close()

    def retire(self) -> None:
        """Close as soon as nobody has a slot any more."""
        self._retired = True
        if not self.used_slots:
            self.close()

    def close(self) -> None:
        """Unmap, and let the memory go once no process maps it any more."""
        try:
            self.view.release()
            self._map.close()
        except BufferError:  # a batch that has just been delivered is still on the stack
            asyncio.get_running_loop().call_soon(self.close)
            return
        os.close(self._fd)
        os.close(self._read_only_fd)
        self._fd = self._read_only_fd = -1  # their numbers may soon be those of other files
        if self.on_closed is not None:
            self.on_closed(self.number)
