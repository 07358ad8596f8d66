"""The heartbeat: a page of memory where a sandbox says which record it is at, and what it uses of its limits.

docs/protocol.md has the layout. The sandbox may have been taken over and write what it likes, so what stands here is
a claim: it is cut to what can be, and nothing that matters is decided by it alone.
"""

import mmap
import os
import struct
from typing import NamedTuple

_BEAT = struct.Struct("<QQQQ")
_PLACES = 64
_PAGE = struct.Struct(f"<{_PLACES}Q")
_LIMITS = {
    "memory_limit": 4,
    "output_limit": 6,
    "max_process_inject": 8,
    "max_timer_inject": 10,
    "max_message_size": 12,
    "max_message_fields": 14,
}
"""Where the current use of a limit stands; the highest stands behind it."""
_TIMER_NS, _RECORDS, _RECORDS_NS, _HISTOGRAM = 16, 18, 19, 32
AT_NO_RECORD = 2
"""`busy` of a sandbox that is at work of its kernel: its garbage, or what the records of a pack have in common."""
_LINE_BYTES = struct.Struct("<Q")
_LINE_AT = 8 * _PLACES
_MAX_LINE_BYTES = 200
_MOST = (1 << 53) - 1
"""The highest number that JSON and all who read it agree on."""


class Beat(NamedTuple):
    """What the page says. `calls` counts finished commands."""

    pack: int
    record: int
    busy: int
    calls: int


class Use(NamedTuple):
    """How much of a limit is used: in the last pack or timer_event, and at most since the script was loaded."""

    current: int
    highest: int


class Usage(NamedTuple):
    """What a sandbox uses. It lives on when the process is replaced."""

    limits: dict[str, Use]
    """By the limit's name, in its unit. `cpu_limit`: milliseconds of one record, as the supervisor saw it."""
    timer_ns: Use
    """CPU of a timer_event."""
    calls: int
    """Packs and timer events that are done."""
    records: int
    """Records in these packs."""
    records_ns: int
    """CPU that they took."""
    histogram: tuple[int, ...]
    """Records by what they took on the average of their pack: number `i` counts those of 2^i to 2^(i+1) ns of CPU."""


class Heartbeat:
    """The page, on the host's side."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("hekate-heartbeat", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, mmap.PAGESIZE)
        self._map = mmap.mmap(self.fd, mmap.PAGESIZE, access=mmap.ACCESS_READ)
        self._held: Beat | None = None

    def read(self) -> Beat:
        """What the sandbox said last, or what it is being ended for."""
        return self._held or Beat._make(_BEAT.unpack_from(self._map))

    def hold(self, beat: Beat | None) -> None:
        """It is being ended for what it does there, and may get on to something else before it ends; None: no more."""
        self._held = beat

    def line(self) -> str:
        """The line of the script that it said it was at, as `name.lua:12`; empty unless it was asked to say so."""
        length = min(_LINE_BYTES.unpack_from(self._map, _LINE_AT)[0], _MAX_LINE_BYTES)
        start = _LINE_AT + _LINE_BYTES.size
        text = self._map[start : start + length].decode(errors="replace")
        return text if text.isprintable() else ""

    def usage(self) -> Usage:
        """What the sandbox claims to use; nothing once the page is gone."""
        page = [0] * _PLACES if self._map.closed else [min(value, _MOST) for value in _PAGE.unpack_from(self._map)]
        return Usage(
            limits={name: _use(page, place) for name, place in _LIMITS.items()},
            timer_ns=_use(page, _TIMER_NS),
            calls=page[3],
            records=page[_RECORDS],
            records_ns=page[_RECORDS_NS],
            histogram=tuple(page[_HISTOGRAM:]),
        )

    def close(self) -> None:
        """Let the page go."""
        self._map.close()
        os.close(self.fd)


def _use(page: list[int], place: int) -> Use:
    current, highest = page[place], page[place + 1]
    return Use(current, max(current, highest))
