"""Commands about the work of a sandbox, as bytes."""

from collections.abc import Iterator

from host.packs import protocol
from host.packs.ledger import RawPack, TablePack
from host.packs.protocol import Op, PackFlags, TickFlags
from host.sandbox.assignment import Assignment
from host.sandbox.journal import Tick


def pack(work: Assignment, *, keeps_state: bool, again: bool = False) -> bytes:
    """Work on a pack.

    Args:
        work: The pack, and what is known of it.
        keeps_state: Whether the sandbox has to go through what it has done already, to know it again.
        again: Whether all of it was done by a process before this one.
    """
    flags = PackFlags.CAREFUL if work.careful else PackFlags(0)
    if isinstance(work.pack, RawPack):
        return _raw(work, work.pack, flags)
    return _table(work, work.pack, flags | (PackFlags.REBUILD if keeps_state else 0), again=again)


def _raw(work: Assignment, raw: RawPack, flags: PackFlags) -> bytes:
    if raw.records is None:
        flags |= PackFlags.DELIMITED
    return protocol.command(
        Op.PACK, pack=work.number, raw=(raw.arena.number, raw.offset, raw.length), stream=raw.stream.number,
        position=raw.position, now_ns=work.now_ns, records=0 if raw.records is None else len(raw.records) // 2,
        first_record=work.first_record, flags=flags,
    )  # fmt: skip


def _table(work: Assignment, table: TablePack, flags: PackFlags, *, again: bool) -> bytes:
    raw = table.raw
    return protocol.command(
        Op.PACK, pack=work.number, raw=(0, 0, 0) if raw is None else (raw.arena.number, raw.offset, raw.length),
        table=(table.arena.number, table.offset, table.arena.slot_bytes), stream=table.stream_number,
        position=table.position, now_ns=work.now_ns, records=work.done_to,
        first_record=table.count if again else work.first_record, flags=flags, loop_depth=table.loop_depth,
    )  # fmt: skip


def about(work: Assignment) -> Iterator[bytes]:
    """Which of its records are not to be tried again, and which is to be watched; each is a datagram."""
    if work.watched is not None:
        yield protocol.command(Op.WATCH, pack=work.number, first_record=work.watched)
    for record, reason in work.skips.items():
        yield protocol.command(Op.SKIP, pack=work.number, first_record=record) + reason.encode()


def judge(work: Assignment, table: TablePack, matcher: str) -> bytes:
    """Say whether a matcher can match a pack."""
    place = table.arena.number, table.offset, table.arena.slot_bytes
    return protocol.command(Op.PROBE, pack=work.number, table=place) + matcher.encode()


def tick(tick_: Tick, *, repeated: bool = False) -> bytes:
    """Call timer_event."""
    flags = (TickFlags.LAST if tick_.last else TickFlags(0)) | (TickFlags.REPEATED if repeated else 0)
    return protocol.command(Op.TICK, now_ns=tick_.now_ns, flags=flags)


def watch_timer() -> bytes:
    """Note which line runs in the next timer_event."""
    return protocol.command(Op.WATCH)
