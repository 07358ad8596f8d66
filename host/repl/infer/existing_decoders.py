"""Detects lines that need no grammar because a decoder for them exists."""

import re
from collections import Counter
from collections.abc import Sequence

from host.repl.infer import json_config
from host.repl.infer.templates import Token
from host.repl.session import ReplError

_SHARE = 0.9
_SLOW_QUERIES = (re.compile(r"# User@Host: "), re.compile(r"# Query_time: "))
_JOURNAL = ("__CURSOR=", "__REALTIME_TIMESTAMP=")
_GELF = frozenset({"version", "host", "short_message"})


def refuse_by_text(texts: Sequence[str]) -> None:
    """Raise an error if a decoder for these lines exists.

    Raises:
        ReplError: It names the decoder.
    """
    if all(any(pattern.match(text) for text in texts) for pattern in _SLOW_QUERIES):
        raise ReplError(
            "This is MySQL's slow query log, which needs no grammar: use the decoder `mysql_slow_query`, and "
            "give the input `splitter`: {type: regex, delimiter: '\\n(# User@Host:)', delimiter_eol: false}."
        )
    if all(any(text.startswith(name) for text in texts) for name in _JOURNAL):
        raise ReplError(
            "This is journald's export format, with a field on each line and a blank line between records. It needs "
            "no grammar: `journalctl -o json` writes the same for the decoder `json`. To read an existing file, use "
            'the splitter {type: token, delimiter: "\\n\\n"} and a decoder of your own.'
        )
    objects = [value for value in map(json_config.parse_object, texts) if value is not None]
    if len(objects) < _SHARE * len(texts):
        return
    if sum(set(each) >= _GELF for each in objects) >= _SHARE * len(texts):
        raise ReplError("The lines are GELF, which needs no grammar: use the decoder `gelf` (hekate list decoders).")
    level = json_config.find_level_word(objects)
    more = f" `{level}` is a word, but Severity is a number: match it as Fields[{level}]." if level else ""
    raise ReplError(
        f"The lines are JSON objects, which need no grammar. Give the input `{json_config.decoder_yaml(objects)}`. "
        f"Members that it does not name become fields.{more}"
    )


def refuse_by_tokens(tokenized: Sequence[list[Token]]) -> None:
    """Raise an error if a decoder for lines with these tokens exists.

    Raises:
        ReplError: It names the decoder.
    """
    enough = _SHARE * len(tokenized)
    pairs = [tuple(token.name for token in line if token.name) for line in tokenized if _is_pairs(line)]
    if len(pairs) >= enough and Counter(pairs).most_common(1)[0][1] < len(pairs) / 2:
        raise ReplError(
            "The lines are key=value pairs whose keys differ from line to line. They need no grammar: use the "
            "decoder `logfmt` (hekate list decoders)."
        )


def _is_pairs(line: list[Token]) -> bool:
    """Return True if a line is nothing but key=value pairs with spaces between them."""
    named = sum(bool(token.name) for token in line)
    others = sum(token.kind not in {"text", "unit"} and not token.name for token in line)
    return named > 1 and others == 0
