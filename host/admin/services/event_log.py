"""Recent output of the sandboxes: their prints, and the payloads that filters made for people to see.

Both are kept in bounded memory, whatever a script does.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from typing import Any

import msgspec

from host.core.errors import PackError
from host.packs import reader
from host.packs.ledger import TablePack
from host.pipeline.pipeline import Pipeline
from host.sandbox.sandbox import Sandbox
from host.telemetry.logs import get_logger

_LOG = get_logger("host.sandbox")

_LINES = 200
_LINE_CHARACTERS = 2000
_PAYLOADS = 32
"""Of one filter, by name."""
_PAYLOAD_BYTES = 128 * 1024
_MESSAGES_OF_A_PACK = 64
_PAUSE_NS = 20_000_000
"""Between two packs of one filter that are looked at."""
_MAX_SANDBOXES = 2000
_OUTPUT_TYPE = "heka.sandbox-output"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a script has printed."""

    time_ns: int
    process: str
    """Name of the sandbox's process."""
    text: str


class FilterOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A payload that a filter injected with `inject_payload`: a table, a circular buffer, a page."""

    time_ns: int
    """Its Timestamp."""
    name: str
    """`payload_name`; the last payload of each name is kept."""
    type: str
    """`payload_type`, as `txt`, `json`, `cbuf`."""
    payload: str
    truncated: bool
    """True if the payload was too long to keep in full."""


class _Outputs:
    __slots__ = ("by_name", "seen_ns", "skipped")

    def __init__(self) -> None:
        self.by_name: OrderedDict[str, FilterOutput] = OrderedDict()
        self.seen_ns = 0
        self.skipped = 0


class EventLog:
    """Remembers.

    Args:
        pipeline: Must not have started yet.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._lines: OrderedDict[tuple[str, str], deque[Line]] = OrderedDict()
        self._outputs: OrderedDict[str, _Outputs] = OrderedDict()
        pipeline.on_print = self._printed

    def lines(self, kind: str, component: str) -> list[Line]:
        """Return the prints of a component's sandboxes, oldest first.

        Args:
            kind: `decoder`, `filter` or `encoder`.
            component: The name of the input, filter or output.
        """
        return list(self._lines.get((kind, component), ()))

    def outputs(self, filter_: str) -> tuple[list[FilterOutput], int]:
        """The last payloads of a filter by their names, and how many packs came too fast to be looked at."""
        found = self._outputs.get(filter_)
        return ([], 0) if found is None else (list(found.by_name.values()), found.skipped)

    def _printed(self, sandbox: Sandbox, text: str) -> None:
        _LOG.info(text, sandbox=sandbox.name)
        lines = _kept(self._lines, (sandbox.kind, sandbox.metrics.name), lambda: deque(maxlen=_LINES))
        lines.append(Line(time_ns=time.time_ns(), process=sandbox.name, text=text[:_LINE_CHARACTERS]))

    def see(self, pack: TablePack) -> None:
        """Look at a pack on its way."""
        if not pack.made_by or _OUTPUT_TYPE.encode() not in pack.shapes:
            return
        kept = _kept(self._outputs, pack.made_by, _Outputs)
        if pack.seen_ns - kept.seen_ns < _PAUSE_NS:
            kept.skipped += 1
            return
        kept.seen_ns = pack.seen_ns
        slot = pack.arena.view[pack.offset : pack.offset + pack.arena.slot_bytes]
        try:
            for _, message in zip(range(_MESSAGES_OF_A_PACK), reader.read(slot), strict=False):
                if message["Type"] == _OUTPUT_TYPE:
                    self._keep(kept, message)
        except PackError as error:
            _LOG.warning("A pack cannot be read.", filter=pack.made_by, reason=str(error))

    @staticmethod
    def _keep(kept: _Outputs, message: reader.Message) -> None:
        fields = {field["name"]: field["value"] for field in message["Fields"]}
        payload = _text(message["Payload"])
        output = FilterOutput(
            time_ns=message["Timestamp"],
            name=_text(fields.get("payload_name", ""))[:_LINE_CHARACTERS],
            type=_text(fields.get("payload_type", ""))[:_LINE_CHARACTERS],
            payload=payload[:_PAYLOAD_BYTES],
            truncated=len(payload) > _PAYLOAD_BYTES,
        )
        kept.by_name[output.name] = output
        kept.by_name.move_to_end(output.name)
        if len(kept.by_name) > _PAYLOADS:
            kept.by_name.popitem(last=False)


def _kept(known: OrderedDict[Any, Any], key: Any, make: Any) -> Any:
    """What is known under a key; the one that was not asked for longest goes if there are too many."""
    if key not in known:
        known[key] = make()
        if len(known) > _MAX_SANDBOXES:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else str(value)
