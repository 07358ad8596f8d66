"""Proposes a grammar for lines: a format that the library knows, columns, or the lines' common templates."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.repl.infer import delimited, existing_decoders, grammar_text, multiline, templates, trailing_pairs
from host.repl.infer.format_strings import declare_grammar
from host.repl.infer.templates import Template, Token
from host.repl.session import ReplError, ReplSession, split_batches

_SHARE_OF_KNOWN = 0.5
_SHARE_OF_RECORD_STARTS = 0.4
_MAX_TEXTS_PER_REQUEST = 25
_SHARE_OF_FIRST_LINES = 0.03
_CONTINUES = re.compile(r"\s|Caused by:|\.\.\. |#\d+ |Stack trace:|Traceback")

_ANY_SYSLOG = "syslog.items()"
_HEADER = """-- syslog's header
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
    """A proposed grammar.

    Attributes:
        source: Its Lua code.
        made_of_lines: Number of lines that it is based on.
        formats: Title, share and an example of each template.
        continued: Number of lines that seem to continue the line before.
        begins: Regular expression for the start of a record, if such lines belong to it; else empty.
        advice: Further advice.
    """

    source: str
    made_of_lines: int = 0
    formats: list[dict[str, Any]] = field(default_factory=list)
    continued: int = 0
    begins: str = ""
    advice: str = ""


async def propose(session: ReplSession, lines: Sequence[bytes]) -> Proposal:
    """Propose a grammar.

    Raises:
        ReplError: The lines need no grammar, or there are no lines.
    """
    if not lines:
        raise ReplError("There are no lines to examine.")
    texts = [line.decode(errors="replace") for line in lines]
    known = await _propose_known(session, texts)
    if known is not None:
        return known
    existing_decoders.refuse_by_text(texts)
    begins = multiline.find_record_start(texts, _SHARE_OF_RECORD_STARTS)
    whole = [record.decode() for _, record in multiline.join_lines([text.encode() for text in texts], begins)]
    found = delimited.find_columns(whole)
    if found is not None:
        return await _column_proposal(session, found, whole, begins if len(whole) < len(texts) else "")
    tokenized = await _tokenize(session, texts)
    existing_decoders.refuse_by_tokens(tokenized)
    return _propose_templates(tokenized, texts)


def _propose_templates(tokenized: list[list[Token]], texts: list[str]) -> Proposal:
    begins = _record_start(texts)
    firsts = [number for number, text in enumerate(texts) if re.match(begins, text)]
    found = _find_templates([tokenized[number] for number in firsts], [texts[number] for number in firsts])
    covered = {firsts[line] for template in found for line in template.lines}
    continued = len(texts) - len(firsts) if begins else _count_continuations(texts, covered)
    examples = [texts[firsts[template.lines[0]]] for template in found]
    source = grammar_text.write_grammar(found, examples, len(firsts), begins)
    shares = [
        _format("", len(template.lines), len(firsts), text) for template, text in zip(found, examples, strict=True)
    ]
    has_requests = any(grammar_text.is_request(column) for template in found for column in template.columns)
    advice = (
        _XML
        if begins == multiline.EVENT
        else _SERVER_ADVICE
        if has_requests
        else ""
        if any(template.columns for template in found)
        else _NOTHING_FOUND
    )
    return Proposal(source, len(covered), shares, continued, begins, advice)


def _find_templates(tokenized: list[list[Token]], texts: list[str]) -> list[Template]:
    """Find the templates. If lines end with pairs, find those of the text before the pairs."""
    starts = trailing_pairs.find_starts(texts)
    if starts is None:
        return templates.find_templates(tokenized)
    heads = [_up_to(tokens, start) for tokens, start in zip(tokenized, starts, strict=True)]
    found = []
    for template in templates.find_templates(heads):
        for tail in trailing_pairs.find_tails([texts[line][starts[line] :] for line in template.lines]):
            columns = [[column[at] for at in tail.lines] for column in template.columns]
            lines = [template.lines[at] for at in tail.lines]
            found.append(Template(columns, template.has_rest, lines, template.strict, tail))
    return found


def _up_to(tokens: list[Token], end: int) -> list[Token]:
    size = 0
    for place, token in enumerate(tokens):
        if size >= end:
            return tokens[:place]
        size += len(token.text)
    return tokens


def _record_start(texts: list[str]) -> str:
    """Return the start of records if all other lines seem to continue a record; else empty."""
    begins = multiline.find_record_start(texts, _SHARE_OF_FIRST_LINES)
    first = {number for number, text in enumerate(texts) if begins and re.match(begins, text)}
    left = len(texts) - len(first)
    return begins if left and _count_continuations(texts, first) == left else ""


_SERVER_ADVICE = (
    "If nginx or Apache writes this, its own log_format or LogFormat gives an exact grammar, with its names: "
    "`:infer /etc/nginx/nginx.conf`, or `:infer nginx FORMAT` (:help infer)."
)


_XML = (
    "These are Windows events as XML, which no decoder of Hekate parses: the Payload is the whole event, "
    "and you add the captures you need (:edit). If the sender can write JSON, use the decoder `json`."
)


_NOTHING_FOUND = (
    "These lines have nothing in common: each whole line becomes the Payload. If a record has several "
    "lines, choose an input splitter that keeps them together (`hekate list splitters`)."
)


def _record_count(lines: int, continued: int, begins: str) -> int:
    """Return the number of records in these lines."""
    return lines - continued if begins else lines


def _format(title: str, count: int, total: int, example: str) -> dict[str, Any]:
    return {"title": title, "lines": count, "share": count / total, "example": example}


def _count_continuations(texts: list[str], covered: set[int]) -> int:
    """Return the number of lines that are not records but seem to continue the line before."""
    left = [text for number, text in enumerate(texts) if number not in covered]
    count = sum(_CONTINUES.match(text) is not None for text in left)
    return len(left) if count and 2 * count >= len(left) else count


# ---------------------------------------------------------------- with the sandbox


def script(name: str) -> bytes:
    """Return a Lua script of the REPL."""
    return Path(__file__).with_name(f"{name}.lua").read_bytes()


async def _tokenize(session: ReplSession, texts: Sequence[str]) -> list[list[Token]]:
    tokenized: list[list[Token]] = []
    for part in split_batches([text.encode() for text in texts], _MAX_TEXTS_PER_REQUEST):
        argument = [text.decode() for text in part]
        answer = await session.ask("call", script("tokens"), name="tokens", argument=argument)
        tokenized += [_tokens(each) for each in answer["answer"]]
    return tokenized


def _tokens(answer: Any) -> list[Token]:
    found = answer if isinstance(answer, list) else []
    return [Token(each["kind"], each["text"], each.get("name", "")) for each in found]


async def _propose_known(session: ReplSession, texts: list[str]) -> Proposal | None:
    """Propose the format of the library that most lines have."""
    matched: dict[str, list[int]] = {}
    formats: dict[str, dict[str, Any]] = {}
    decoders: Counter[str] = Counter()
    at = 0
    for part in split_batches([text.encode() for text in texts], _MAX_TEXTS_PER_REQUEST):
        argument = [text.decode() for text in part]
        answer = await session.ask("call", script("known_formats"), name="known_formats", argument=argument)
        for each in answer["answer"] if isinstance(answer["answer"], list) else []:
            formats[each["title"]] = each
            matched.setdefault(each["title"], []).extend(at + number - 1 for number in each["matched"])
            for name in each.get("decoders", {}) if isinstance(each.get("decoders"), dict) else ():
                decoders[name] += each["decoders"][name]
        at += len(part)
    count = sum(not text.startswith("#") for text in texts)
    enough = [title for title, lines in matched.items() if len(lines) >= _SHARE_OF_KNOWN * count]
    if not enough:
        return None
    # Syslog matches any text of a program, so it is the last choice.
    title = max(enough, key=lambda each: (formats[each]["expression"] != _ANY_SYSLOG, len(matched[each])))
    advice = _advice(decoders, len(matched[title])) if formats[title]["expression"] == _ANY_SYSLOG else ""
    return _format_proposal(formats[title], sorted(matched[title]), texts, advice)


def _advice(decoders: Counter[str], count: int) -> str:
    """Return advice if another decoder decodes the text after syslog's header."""
    decoder, decoded = decoders.most_common(1)[0] if decoders else ("", 0)
    if decoded < _SHARE_OF_KNOWN * count:
        return ""
    return (
        f"No grammar is needed: the decoder `{decoder}` decodes the text after syslog's header. Give the input "
        f"`decoder: [syslog, {decoder}]` and `decoder_strategy: all`."
    )


def _format_proposal(known: dict[str, Any], matched: list[int], texts: list[str], advice: str) -> Proposal:
    module, expression = known["module"], known["expression"]
    example = texts[matched[0]]
    continued = _count_continuations(texts, set(matched))
    takes_lines = continued and module == "postgresql"
    begins = multiline.find_record_start([texts[number] for number in matched]) if takes_lines else ""
    total = _record_count(len(texts), continued, begins)
    shown = grammar_text.example_comment(len(matched) / total, example)
    head = f'local lpeg = require "lpeg"\nlocal {module} = require "{module}"\n\n' if known.get("has_header") else (
        f'local {module} = require "{module}"\n\n'
    )  # fmt: skip
    comment = f"-- {known['title']}\n-- {shown}\n"
    if known.get("has_header"):
        source = head + comment + _HEADER % expression + "\n" + declare_grammar("alternatives")
    else:
        source = head + comment + declare_grammar(expression)
    formats = [_format(known["title"], len(matched), total, example)]
    return Proposal(source, len(matched), formats, continued, begins, advice)


async def _column_proposal(
    session: ReplSession, found: delimited.DelimitedLines, texts: list[str], begins: str
) -> Proposal:
    cells = [cell.text for column in found.columns for cell in column]
    kinds = iter(await _tokenize(session, cells))
    tokens = [[next(kinds) for _ in column] for column in found.columns]
    source = delimited.write_grammar(found, tokens, texts)
    example = texts[found.lines[0]]
    title = f"columns between {found.separator!r}"
    formats = [_format(title, len(found.lines), len(texts), example)]
    inside = sum(text.count("\n") for text in texts)
    continued = inside or _count_continuations(texts, {*found.lines, *range(found.lines[0])})
    return Proposal(source, len(found.lines), formats, continued, begins)
