"""Decodes JSON that sandboxes send. cjson writes strings that may contain bytes that are not UTF-8."""

import codecs
from typing import Any

import orjson

_HANDLER = "hekate.escaped-in-json"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HANDLER, _escaped)


def decode(answer: bytes) -> Any:
    r"""Decode a JSON document. Replace each byte that is not UTF-8 by \xNN."""
    return orjson.loads(answer.decode(errors=_HANDLER))
