"""Proposes a grammar for lines: of a format that the library knows, of columns, or of what lines have in common."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.repl.infer import columns, decoded, forms, grammar_text, pairs, records
from host.repl.infer.exact import declared
from host.repl.infer.forms import Form, Token
from host.repl.session import ReplError, Session, in_parts

_SHARE_OF_ONE_FORM = 0.9
_SHARE_OF_KNOWN = 0.5
_SHARE_OF_BEGINNINGS = 0.4
_AT_ONCE = 25
_SHARE_OF_FIRST_LINES = 0.03
_CONTINUES = re.compile(r"\s|Caused by:|\.\.\. |#\d+ |Stack trace:|Traceback")

_ANY_SYSLOG = "syslog.items()"
_HEADER = """-- what syslog writes before it
local header = {
  lpeg.R"AZ" * lpeg.R"az"^1 * lpeg.P" "^1 * lpeg.R"09"^1 * " " * (lpeg.R"09" + ":")^1, " ",
  {name = "Hostname", grammar = (1 - lpeg.S" \\n")^1}, " ", {name = "programname", grammar = (1 - lpeg.S"[: \\n")^1},
  "[", {name = "Pid", grammar = lpeg.R"09"^1, type = "integer"}, "]: ",
}
local alternatives = %s
for i, items in ipairs(alternatives) do alternatives[i] = require "positional".concat(header, items) end
"""


@dataclass
class Proposal:
    """A grammar for lines.

    Attributes:
        source: Its Lua.
        made_of_lines: How many lines it is made of.
        formats: Of each form what it is, its share, and an example.
        continued: How many lines look as if they went on with the one before.
        begins: With what a record begins, where such lines belong to it, too; empty if there are none.
        advice: What to do besides.
    """

    source: str
    made_of_lines: int = 0
    formats: list[dict[str, Any]] = field(default_factory=list)
    continued: int = 0
    begins: str = ""
    advice: str = ""


async def of_lines(session: Session, lines: Sequence[bytes]) -> Proposal:
    """Propose a grammar.

    Raises:
        ReplError: The lines need none, or there are none.
    """
    if not lines:
        raise ReplError("There are no lines to look at.")
    texts = [line.decode(errors="replace") for line in lines]
    known = await _known(session, texts)
    if known is not None:
        return known
    decoded.refuse_by_text(texts)
    begins = records.common_beginning(texts, _SHARE_OF_BEGINNINGS)
    whole = [record.decode() for _, record in records.joined([text.encode() for text in texts], begins)]
    found = columns.separated(whole)
    if found is not None:
        return await _of_columns(session, found, whole, begins if len(whole) < len(texts) else "")
    tokenized = await _tokenized(session, texts)
    decoded.refuse_by_tokens(tokenized)
    return _of_forms(tokenized, texts)


def _of_forms(tokenized: list[list[Token]], texts: list[str]) -> Proposal:
    begins = _beginning(texts)
    firsts = [number for number, text in enumerate(texts) if re.match(begins, text)]
    found = _found([tokenized[number] for number in firsts], [texts[number] for number in firsts])
    covered = {firsts[line] for form in found for line in form.lines}
    continued = len(texts) - len(firsts) if begins else _continued(texts, covered)
    examples = [texts[firsts[form.lines[0]]] for form in found]
    source = grammar_text.of_forms(found, examples, len(firsts), begins)
    shares = [_format("", len(form.lines), len(firsts), text) for form, text in zip(found, examples, strict=True)]
    has_requests = any(grammar_text.is_request(column) for form in found for column in form.columns)
    advice = (
        _XML
        if begins == records.EVENT
        else _FROM_SERVERS
        if has_requests
        else ""
        if any(form.columns for form in found)
        else _NOTHING_FOUND
    )
    return Proposal(source, len(covered), shares, continued, begins, advice)


def _found(tokenized: list[list[Token]], texts: list[str]) -> list[Form]:
    """The forms; of lines that end with pairs, those of what stands before."""
    starts = pairs.starts(texts)
    if starts is None:
        return forms.find(tokenized)
    heads = [_up_to(tokens, start) for tokens, start in zip(tokenized, starts, strict=True)]
    found = []
    for form in forms.find(heads):
        for tail in pairs.tails([texts[line][starts[line] :] for line in form.lines]):
            columns = [[column[at] for at in tail.lines] for column in form.columns]
            lines = [form.lines[at] for at in tail.lines]
            found.append(Form(columns, form.has_rest, lines, form.strict, tail))
    return found


def _up_to(tokens: list[Token], end: int) -> list[Token]:
    size = 0
    for place, token in enumerate(tokens):
        if size >= end:
            return tokens[:place]
        size += len(token.text)
    return tokens


def _beginning(texts: list[str]) -> str:
    """With what records begin, if what begins otherwise goes on with the line before; else nothing."""
    begins = records.common_beginning(texts, _SHARE_OF_FIRST_LINES)
    first = {number for number, text in enumerate(texts) if begins and re.match(begins, text)}
    left = len(texts) - len(first)
    return begins if left and _continued(texts, first) == left else ""


_FROM_SERVERS = (
    "If nginx or Apache writes this, its own log_format or LogFormat gives an exact grammar, with its names: "
    "`:infer /etc/nginx/nginx.conf`, or `:infer nginx FORMAT` (:help infer)."
)


_XML = (
    "These are events of Windows as XML, which no decoder of Hekate takes apart: the Payload is the event as it is, "
    "and what you need of it is to be captured (:edit). If the sender can write JSON, the decoder `json` takes that."
)


_NOTHING_FOUND = (
    "Nothing was found that these lines have in common: each is taken whole, as the Payload. If a record is of several "
    "lines, see which splitter of the input keeps them together (`hekate list splitters`)."
)


def _records(lines: int, continued: int, begins: str) -> int:
    """How many records lines make."""
    return lines - continued if begins else lines


def _format(title: str, count: int, total: int, example: str) -> dict[str, Any]:
    return {"title": title, "lines": count, "share": count / total, "example": example}


def _continued(texts: list[str], covered: set[int]) -> int:
    """How many lines are none by themselves, because they go on with the one before."""
    left = [text for number, text in enumerate(texts) if number not in covered]
    count = sum(_CONTINUES.match(text) is not None for text in left)
    return len(left) if count and 2 * count >= len(left) else count


# ---------------------------------------------------------------- with the sandbox


def script(name: str) -> bytes:
    """A script of the REPL's own."""
    return Path(__file__).with_name(f"{name}.lua").read_bytes()


async def _tokenized(session: Session, texts: Sequence[str]) -> list[list[Token]]:
    tokenized: list[list[Token]] = []
    for part in in_parts([text.encode() for text in texts], _AT_ONCE):
        argument = [text.decode() for text in part]
        said = await session.ask("call", script("tokens"), name="tokens", argument=argument)
        tokenized += [_tokens(each) for each in said["answer"]]
    return tokenized


def _tokens(said: Any) -> list[Token]:
    found = said if isinstance(said, list) else []
    return [Token(each["kind"], each["text"], each.get("name", "")) for each in found]


async def _known(session: Session, texts: list[str]) -> Proposal | None:
    """From the format of the library that most lines have."""
    matched: dict[str, list[int]] = {}
    formats: dict[str, dict[str, Any]] = {}
    ways: Counter[str] = Counter()
    at = 0
    for part in in_parts([text.encode() for text in texts], _AT_ONCE):
        argument = [text.decode() for text in part]
        said = await session.ask("call", script("known_formats"), name="known_formats", argument=argument)
        for each in said["answer"] if isinstance(said["answer"], list) else []:
            formats[each["title"]] = each
            matched.setdefault(each["title"], []).extend(at + number - 1 for number in each["matched"])
            for way in each.get("ways", {}) if isinstance(each.get("ways"), dict) else ():
                ways[way] += each["ways"][way]
        at += len(part)
    count = sum(not text.startswith("#") for text in texts)
    enough = [title for title, lines in matched.items() if len(lines) >= _SHARE_OF_KNOWN * count]
    if not enough:
        return None
    # Syslog takes whatever a program writes: it is the answer where nothing else is.
    title = max(enough, key=lambda each: (formats[each]["expression"] != _ANY_SYSLOG, len(matched[each])))
    advice = _advice(ways, len(matched[title])) if formats[title]["expression"] == _ANY_SYSLOG else ""
    return _of_known(formats[title], sorted(matched[title]), texts, advice)


def _advice(ways: Counter[str], count: int) -> str:
    """By which decoder what stands behind syslog's header is decoded, if it is by one."""
    decoder, decoded = ways.most_common(1)[0] if ways else ("", 0)
    if decoded < _SHARE_OF_KNOWN * count:
        return ""
    return (
        f"Nothing is to be written here: what stands behind syslog's header is decoded by `{decoder}`. Give the input "
        f"`decoder: [syslog, {decoder}]` and `decoder_strategy: all`."
    )


def _of_known(known: dict[str, Any], matched: list[int], texts: list[str], advice: str) -> Proposal:
    module, expression = known["module"], known["expression"]
    example = texts[matched[0]]
    continued = _continued(texts, set(matched))
    takes_lines = continued and module == "postgresql"
    begins = records.common_beginning([texts[number] for number in matched]) if takes_lines else ""
    total = _records(len(texts), continued, begins)
    shown = grammar_text.comment_of(len(matched) / total, example)
    head = f'local lpeg = require "lpeg"\nlocal {module} = require "{module}"\n\n' if known.get("has_header") else (
        f'local {module} = require "{module}"\n\n'
    )  # fmt: skip
    comment = f"-- {known['title']}\n-- {shown}\n"
    if known.get("has_header"):
        source = head + comment + _HEADER % expression + "\n" + declared("alternatives")
    else:
        source = head + comment + declared(expression)
    formats = [_format(known["title"], len(matched), total, example)]
    return Proposal(source, len(matched), formats, continued, begins, advice)


async def _of_columns(session: Session, found: columns.Separated, texts: list[str], begins: str) -> Proposal:
    cells = [cell.text for column in found.columns for cell in column]
    kinds = iter(await _tokenized(session, cells))
    tokens = [[next(kinds) for _ in column] for column in found.columns]
    source = columns.grammar(found, tokens, texts)
    example = texts[found.lines[0]]
    title = f"columns between {found.separator!r}"
    formats = [_format(title, len(found.lines), len(texts), example)]
    inside = sum(text.count("\n") for text in texts)
    continued = inside or _continued(texts, {*found.lines, *range(found.lines[0])})
    return Proposal(source, len(found.lines), formats, continued, begins)
