"""Dead letters: looking at them, trying them again, dropping them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from host.admin.api.paging import Cursor, Limit
from host.admin.api.route_spec import Call, Page, Routes
from host.admin.problems import Problem
from host.admin.services.context import AdminContext
from host.delivery import letter_files
from host.delivery.letter_files import Letter, LetterId
from host.telemetry.logs import log_failure

routes = Routes("dead letters", "Records that could not be decoded, processed or delivered: look, try again, drop.")

Id = Annotated[str, Meta(pattern="^[0-9]{1,8}-[0-9]{1,12}$")]
Kind = Literal["inputs", "decoder", "filter", "encoder", "outputs"]


class DeadLetterEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record with the reason why it is here."""

    id: str
    time: str
    component: str
    """Name of the input, filter or output."""
    kind: str
    """Stage that refused the record: input, decoder, filter, encoder or output."""
    reason: str
    stream: str
    """Source that the record was read from."""
    position: int
    """Position of the record in its stream."""
    bytes: int
    """Of the whole record."""
    record: str | None = None
    """The record, or as much of it as was kept."""
    record_base64: str | None = None
    """In its place, if it is no UTF-8."""
    message_type: str | None = None
    """Of a message that a filter made, which has no record and cannot be replayed."""
    payload: str | None = None
    """Of such a message, or as much of it as was kept."""
    payload_base64: str | None = None
    """In its place, if it is no UTF-8."""


class LettersQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filter for the list."""

    component: Annotated[str, Meta(max_length=64)] = ""
    """Only those of this input, filter or output."""
    kind: Kind | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""
    """Only those whose reason has this text in it."""
    limit: Limit = 100
    cursor: Cursor = ""


class LetterPath(msgspec.Struct, frozen=True):
    """Id of a dead letter."""

    id: Id


class InputQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is decoded."""

    input: Annotated[str, Meta(max_length=64)] | None = None
    """Whose decoders make a message of what a filter or an encoder has failed at, if there are several inputs."""


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters: those that are named, or the newest ones that the other members describe."""

    ids: Annotated[list[Id], Meta(max_length=1000)] = []
    component: Annotated[str, Meta(max_length=64)] = ""
    kind: Kind | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    input: Annotated[str, Meta(max_length=64)] | None = None
    """For a replay: as with a single letter."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Result for each dead letter."""

    done: list[str]
    """Letters that are not here any more. A record that failed again is a new letter."""
    failed: dict[str, str]
    """Reasons why the other letters remain, by id."""


@routes.get("/api/v1/dead-letters", role="viewer", scope="host")
async def list_dead_letters(call: Call, query: LettersQuery) -> Page[DeadLetterEntry]:
    """List dead letters, newest first.

    Of many letters only a part is looked through for each page, so a page may be empty and still have a next one.
    """
    before = letter_files.parse_id(query.cursor) if query.cursor else None
    if query.cursor and before is None:
        raise Problem(400, "The cursor is none that a list has given.")
    found, next_id = await asyncio.to_thread(
        letter_files.scan, _folder(call.context), before, _wanted(query), query.limit
    )
    return Page(items=[_shown(letter) for letter in found], next_cursor=str(next_id) if next_id else None)


class DeadLetterUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Disk use of the dead letters, and deletions."""

    files: int
    bytes: int
    """Of all files together."""
    max_bytes: int
    """`hekate.dead_letters.max_bytes`: when there are more, the oldest file is deleted."""
    deleted_records: int
    """Deleted since the host started because there were too many."""
    deleted_bytes: int


@routes.get("/api/v1/dead-letters/usage", role="viewer", scope="host")
async def show_dead_letter_usage(call: Call) -> DeadLetterUsage:
    """Show how many bytes of dead letters are kept, how many may be, and what was deleted."""
    usage = await asyncio.to_thread(call.context.pipeline.dead_letters.usage)
    return DeadLetterUsage(**usage._asdict())


@routes.get("/api/v1/dead-letters/{id}", role="viewer", scope="host")
async def show_dead_letter(call: Call, path: LetterPath) -> DeadLetterEntry:
    """Show a dead letter."""
    return _shown(await _letter(call.context, path))


@routes.post("/api/v1/dead-letters/{id}/replay", role="operator", scope="host", problems=(409,))
async def replay_dead_letter(call: Call, path: LetterPath, query: InputQuery) -> Done:
    """Try a record again.

    What an input or its decoders refused goes through the decoders, and everywhere; what a filter or an encoder
    failed at is decoded and given to that filter or output only; what an output refused is handed to it as it was
    encoded. When everything that came of it has been delivered, the letter is taken out. A record that fails again is
    a new letter.
    """
    letter = await _letter(call.context, path)
    return await _replay(call, [letter], query.input)


@routes.post("/api/v1/dead-letters/replay", role="operator", scope="host", problems=(409,))
async def replay_dead_letters(call: Call, body: Selection) -> Done:
    """Try many records again."""
    return await _replay(call, await _selected(call.context, body), body.input)


@routes.delete("/api/v1/dead-letters/{id}", role="operator", scope="host")
async def drop_dead_letter(call: Call, path: LetterPath) -> None:
    """Drop a dead letter for good."""
    letter = await _letter(call.context, path)
    await asyncio.to_thread(letter_files.take_out, _folder(call.context), letter.id)


@routes.post("/api/v1/dead-letters/drop", role="operator", scope="host")
async def drop_dead_letters(call: Call, body: Selection) -> Done:
    """Drop many dead letters for good."""
    letters = await _selected(call.context, body)
    call.facts |= {"dropped": len(letters)}
    await asyncio.to_thread(_take_out, call.context, letters)
    return Done(done=[str(letter.id) for letter in letters], failed={})


async def _replay(call: Call, letters: list[Letter], input_name: str | None) -> Done:
    context = call.context
    free = [letter for letter in letters if letter.id not in context.replaying]
    context.replaying.update(letter.id for letter in free)
    # Whoever asked may go away: what was begun is finished, so that no letter is both delivered and kept.
    task = asyncio.get_running_loop().create_task(_replay_all(context, free, input_name))
    failed = await asyncio.shield(task)
    failed |= {str(letter.id): "It is being replayed already." for letter in letters if letter not in free}
    call.facts |= {"replayed": len(free) - len(failed), "failed": len(failed)}
    return Done(done=[str(letter.id) for letter in letters if str(letter.id) not in failed], failed=failed)


async def _replay_all(context: AdminContext, letters: list[Letter], input_name: str | None) -> dict[str, str]:
    going_on: set[LetterId] = set()

    def late(delivered: asyncio.Future[None], part: list[Letter]) -> None:
        going_on.update(letter.id for letter in part)
        task = asyncio.get_running_loop().create_task(_take_out_later(context, delivered, part), name="late replay")
        context.late_replays.add(task)
        task.add_done_callback(context.late_replays.discard)
        task.add_done_callback(log_failure)

    try:
        failed = await context.replay.run(letters, input_name, late)
        done = [letter for letter in letters if str(letter.id) not in failed]
        await asyncio.to_thread(_take_out, context, done)
        return failed
    finally:
        context.replaying.difference_update({letter.id for letter in letters} - going_on)


async def _take_out_later(context: AdminContext, delivered: asyncio.Future[None], letters: list[Letter]) -> None:
    """Until then, or until it is given up, they are being replayed: nobody is to do it once more."""
    try:
        await delivered
        await asyncio.to_thread(_take_out, context, letters)
    finally:
        context.replaying.difference_update(letter.id for letter in letters)


def _take_out(context: AdminContext, letters: list[Letter]) -> None:
    for letter in letters:
        letter_files.take_out(_folder(context), letter.id)


async def _selected(context: AdminContext, body: Selection) -> list[Letter]:
    if body.ids:
        ids = [each for text in body.ids if (each := letter_files.parse_id(text))]
        letters = await asyncio.to_thread(lambda: [letter_files.get(_folder(context), each) for each in ids])
        return [letter for letter in letters if letter is not None]
    wanted = _wanted(LettersQuery(component=body.component, kind=body.kind, reason=body.reason))
    found: list[Letter] = []
    before: LetterId | None = None
    while len(found) < body.limit:
        part, before = await asyncio.to_thread(
            letter_files.scan, _folder(context), before, wanted, body.limit - len(found)
        )
        found += part
        if before is None:
            break
    return found


async def _letter(context: AdminContext, path: LetterPath) -> Letter:
    found = letter_files.parse_id(path.id)
    letter = await asyncio.to_thread(letter_files.get, _folder(context), found) if found else None
    if letter is None:
        raise Problem(404, f"There is no dead letter {path.id}.")
    return letter


def _folder(context: AdminContext) -> Any:
    return context.pipeline.dead_letters.folder


def _wanted(query: LettersQuery) -> Any:
    def wanted(entry: dict[str, Any]) -> bool:
        return (
            (not query.component or entry.get("component") == query.component)
            and (query.kind is None or entry.get("kind") == query.kind)
            and (not query.reason or query.reason in str(entry.get("reason")))
        )

    return wanted


def _shown(letter: Letter) -> DeadLetterEntry:
    entry = letter.entry
    return DeadLetterEntry(
        id=str(letter.id),
        time=str(entry.get("time", "")),
        component=str(entry.get("component", "")),
        kind=str(entry.get("kind", "")),
        reason=str(entry.get("reason", "")),
        stream=str(entry.get("stream", "")),
        position=_integer(entry.get("position")),
        bytes=max(_integer(entry.get("bytes")), len(letter.record)),
        record=entry.get("record"),
        record_base64=entry.get("record_base64"),
        message_type=entry.get("message_type"),
        payload=entry.get("payload"),
        payload_base64=entry.get("payload_base64"),
    )


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0
