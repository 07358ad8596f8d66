"""What sandboxes answer as JSON, as cjson writes it: its strings may have bytes that are no UTF-8."""

import codecs
from typing import Any

import orjson

_HANDLER = "hekate.escaped-in-json"


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    assert isinstance(fault, UnicodeDecodeError)
    return "".join(f"\\\\x{byte:02x}" for byte in fault.object[fault.start : fault.end]), fault.end


codecs.register_error(_HANDLER, _escaped)


def document(answer: bytes) -> Any:
    r"""The document; a byte that is no UTF-8 becomes \xNN."""
    return orjson.loads(answer.decode(errors=_HANDLER))
