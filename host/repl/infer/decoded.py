"""Lines for which no grammar is to be written: a decoder takes them."""

import re
from collections import Counter
from collections.abc import Sequence

from host.repl.infer import json_config
from host.repl.infer.forms import Token
from host.repl.session import ReplError

_SHARE = 0.9
_SLOW_QUERIES = (re.compile(r"# User@Host: "), re.compile(r"# Query_time: "))
_JOURNAL = ("__CURSOR=", "__REALTIME_TIMESTAMP=")
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
    if all(any(text.startswith(name) for text in texts) for name in _JOURNAL):
        raise ReplError(
            "This is journald's export format, a field on each line and a blank line between records: no grammar is to "
            "be written. `journalctl -o json` writes the same for the decoder `json`. To read what there is, "
            'the splitter {type: token, delimiter: "\\n\\n"} makes a record of each, which a decoder of your own takes.'
        )
    objects = [found for found in map(json_config.object_of, texts) if found is not None]
    if len(objects) < _SHARE * len(texts):
        return
    if sum(set(each) >= _GELF for each in objects) >= _SHARE * len(texts):
        raise ReplError("The lines are GELF: nothing is to be written, use the decoder `gelf` (hekate list decoders).")
    level = json_config.level_in_words(objects)
    more = f" `{level}` is a word, and Severity a number: match it as Fields[{level}]." if level else ""
    raise ReplError(
        f"The lines are JSON objects: no grammar is to be written. Give the input `{json_config.decoder(objects)}`. "
        f"What it does not name becomes a field.{more}"
    )


def refuse_by_tokens(tokenized: Sequence[list[Token]]) -> None:
    """Say so if a decoder takes the lines, by what they are made of.

    Raises:
        ReplError: One does.
    """
    enough = _SHARE * len(tokenized)
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
