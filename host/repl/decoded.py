"""Lines for which no grammar is to be written: a decoder takes them."""

import json
import re
from collections import Counter
from collections.abc import Sequence

from host.repl.forms import Token
from host.repl.session import ReplError

_SHARE = 0.9
_SLOW_QUERIES = (re.compile(r"# User@Host: "), re.compile(r"# Query_time: "))
_GELF = frozenset({"version", "host", "short_message"})


def refuse_by_text(texts: Sequence[str]) -> None:
    """Say so if a decoder takes the lines, as they are.

    Raises:
        ReplError: One does.
    """
    if all(any(pattern.match(text) for text in texts) for pattern in _SLOW_QUERIES):
        raise ReplError(
            "This is MySQL's log of slow queries: nothing is to be written, use the decoder `mysql_slow_query`, and "
            "for the input splitter: {type: regex, delimiter: '\\n(# User@Host:)', delimiter_eol: false}."
        )
    if sum(_is_gelf(text) for text in texts) >= _SHARE * len(texts):
        raise ReplError("The lines are GELF: nothing is to be written, use the decoder `gelf` (hekate list decoders).")


def _is_gelf(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return set(json.loads(text)) >= _GELF
    except ValueError:
        return False


def refuse_by_tokens(tokenized: Sequence[list[Token]]) -> None:
    """Say so if a decoder takes the lines, by what they are made of.

    Raises:
        ReplError: One does.
    """
    enough = _SHARE * len(tokenized)
    if sum(len(line) == 1 and line[0].kind == "json" for line in tokenized) >= enough:
        raise ReplError(
            "The lines are JSON objects: nothing is to be written, use the decoder `json` (hekate list decoders)."
        )
    pairs = [tuple(token.name for token in line if token.name) for line in tokenized if _is_pairs(line)]
    if len(pairs) >= enough and Counter(pairs).most_common(1)[0][1] < len(pairs) / 2:
        raise ReplError(
            "The lines are key=value with keys that differ from line to line: nothing is to be written, use the "
            "decoder `logfmt` (hekate list decoders)."
        )


def _is_pairs(line: list[Token]) -> bool:
    """Whether a line is nothing but key=value, with spaces between."""
    named = sum(bool(token.name) for token in line)
    others = sum(token.kind not in {"text", "unit"} and not token.name for token in line)
    return named > 1 and others == 0
