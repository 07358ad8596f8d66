"""Finds values between separators, as in CSV, and writes a grammar of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host.repl.infer import grammar_text
from host.repl.infer.exact import declared, quote
from host.repl.infer.forms import Column, Token, is_level
from host.repl.infer.patterns import Patterns, lua_set

_SEPARATORS = ("\t", "|", ";", ",")
_MIN_CELLS = 4
_SHARE = 0.8
_SHARE_OF_SPACED = 0.3
_POSTGRESQL = (
    "log_time user_name database_name process_id connection_from session_id session_line_num command_tag "
    "session_start_time virtual_transaction_id transaction_id error_severity sql_state_code message detail hint "
    "internal_query internal_query_pos context query query_pos location application_name backend_type leader_pid "
    "query_id"
)
_POSTGRESQL_SEVERITIES = frozenset(
    ["DEBUG", "DEBUG1", "DEBUG2", "LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "PANIC"]
)
_NAME = re.compile(r"[A-Za-z_][\w .-]*")


class Literal(str):
    """An item that is the text that it is, and not code."""

    __slots__ = ()


class Cell(NamedTuple):
    """A value between two separators."""

    text: str
    """Without its quotes."""
    quoted: bool


@dataclass
class Separated:
    """Lines of as many columns each.

    Attributes:
        separator: What stands between the columns.
        columns: The cells of each column.
        lines: Which lines have so many columns.
        names: Those of the first line, if it has names.
    """

    separator: str
    columns: list[list[Cell]]
    lines: list[int]
    names: list[str]


def separated(texts: Sequence[str]) -> Separated | None:
    """The columns of lines; None if they have none."""
    for separator in _SEPARATORS:
        rows = [_cells(text, separator) for text in texts]
        width, count = Counter(len(row) for row in rows).most_common(1)[0]
        if width >= _MIN_CELLS and count >= max(2, _SHARE * len(texts)) and not _is_prose(rows, separator):
            return _of_rows(rows, width, separator)
    return None


def _is_prose(rows: list[list[Cell]], separator: str) -> bool:
    """Whether commas are those of sentences, some of which may stand in numbers."""
    if separator != ",":
        return False
    spaced = sum(cell.text.startswith(" ") for row in rows for cell in row[1:])
    return spaced >= _SHARE_OF_SPACED * sum(len(row) - 1 for row in rows)


def _of_rows(rows: list[list[Cell]], width: int, separator: str) -> Separated:
    lines = [number for number, row in enumerate(rows) if len(row) == width]
    first = [cell.text.strip() for cell in rows[lines[0]]]
    has_names = all(_NAME.fullmatch(text) for text in first) and len(set(first)) == width and len(lines) > 1
    has_names = has_names and sum(_NAME.fullmatch(cell.text) is None for cell in rows[lines[1]]) > 1
    if has_names:
        lines = lines[1:]
    columns = [[rows[number][place] for number in lines] for place in range(width)]
    return Separated(separator, columns, lines, first if has_names else _known_names(columns))


def _known_names(columns: list[list[Cell]]) -> list[str]:
    """Those of PostgreSQL's csvlog, if it is one."""
    if len(columns) not in {23, 24, 26} or not {cell.text for cell in columns[11]} <= _POSTGRESQL_SEVERITIES:
        return []
    return _POSTGRESQL.split()[: len(columns)]


def _cells(text: str, separator: str) -> list[Cell]:
    pattern = rf'"((?:[^"]|"")*)"(?={re.escape(separator)}|\Z)|([^{re.escape(separator)}]*)'
    cells, at = [], 0
    while True:
        found = re.compile(pattern).match(text, at)
        assert found is not None
        cells.append(Cell(found[2] if found[1] is None else found[1], found[1] is not None))
        if found.end() >= len(text):
            return cells
        at = found.end() + 1


# ---------------------------------------------------------------- code


def grammar(found: Separated, tokens: list[list[list[Token]]], texts: Sequence[str]) -> str:
    """A declared grammar; tokens: those of each cell."""
    patterns = Patterns()
    names: Counter[str] = Counter()
    items: list[str] = []
    literal = ""
    kinds = [_kinds(cells, parts) for cells, parts in zip(found.columns, tokens, strict=True)]
    for place, (cells, column) in enumerate(zip(found.columns, kinds, strict=True)):
        name = _name(found, place, column, names)
        names[name] += 1
        unique = name if names[name] == 1 else f"{name}_{names[name]}"
        literal += found.separator if place else ""
        for item in _items(patterns, found.separator, unique, cells, column):
            if isinstance(item, Literal):
                literal += item
                continue
            items += [quote(literal), item] if literal else [item]
            literal = ""
    items += [quote(literal)] if literal else []
    if any("\n" in text for text in texts):
        items.append(patterns.use("last_line_end"))
    levels = grammar_text.levels_of([column for column in kinds if column])
    comment = grammar_text.comment_of(len(found.lines) / len(texts), texts[found.lines[0]])
    unquoted = ["local function unquoted(text) return (text:gsub('\"\"', '\"')) end"] if _has_doubled(found) else []
    definitions = "\n".join([patterns.text(levels), *unquoted])
    return definitions + "\n\n" + declared("{\n" + grammar_text.alternative(items, comment) + "  }")


def _has_doubled(found: Separated) -> bool:
    return any('""' in cell.text for column in found.columns for cell in column if cell.quoted)


def _kinds(cells: list[Cell], tokens: list[list[Token]]) -> Column:
    """The values of a column that are there, each with its kind; a word is all that is more than one token."""
    return [_token(cell.text, parts) for cell, parts in zip(cells, tokens, strict=True) if cell.text]


def _token(text: str, parts: list[Token]) -> Token:
    if len(parts) == 1:
        return parts[0]
    if parts[0].kind == "time:rfc3339" and text == f"{parts[0].text} UTC":
        return Token("time:utc", parts[0].text)
    return Token("word", text)


def _name(found: Separated, place: int, column: Column, names: Counter[str]) -> str:
    """A header once, then what is said in the first line, or by the values."""
    if column and grammar_text.is_time(column) and not names["Timestamp"]:
        return "Timestamp"
    if column and is_level(column) and not names["Severity"]:
        return "Severity"
    if found.names:
        return re.sub(r"\W", "_", found.names[place])
    return (grammar_text.guess(column) if column else "") or f"column_{place + 1}"


def _items(patterns: Patterns, separator: str, name: str, cells: list[Cell], column: Column) -> list[str]:
    """The items of a column."""
    quoted = {cell.quoted for cell in cells if cell.text}
    bare_text = f"(1 - {lua_set(separator + chr(10))})^1"
    if not column:  # nobody knows what may stand there
        bare = f'{{optional = {{{{name = "{name}", grammar = {bare_text}}}}}}}'
        in_quotes = f"{{optional = {{'\"', {_quoted(patterns, name, cells)}, '\"'}}}}"
        return [bare] if separator != "," else [in_quotes, bare]
    if {token.kind for token in column} == {"time:utc"} and quoted == {False} and len(column) == len(cells):
        times = [Token("time:rfc3339", token.text) for token in column]
        return [grammar_text.typed_field(patterns, times, name, "") or "", Literal(" UTC")]
    typed = grammar_text.typed_field(patterns, column, name, "")
    if quoted == {False}:
        item = typed or f'{{name = "{name}", grammar = {bare_text}}}'
        return [item] if len(column) == len(cells) else [f"{{optional = {{{item}}}}}"]
    item = typed if typed is not None and name != "Severity" else _quoted(patterns, name, cells)
    if quoted == {True} and all(cell.quoted for cell in cells):
        return [Literal('"'), item, Literal('"')]
    in_quotes = f"{{optional = {{'\"', {item}, '\"'}}}}"
    if quoted == {True}:
        return [in_quotes]
    return [in_quotes, f'{{optional = {{{{name = "{name}", grammar = {bare_text}}}}}}}']


def _quoted(patterns: Patterns, name: str, cells: list[Cell]) -> str:
    more = ", transform = unquoted" if any('""' in cell.text for cell in cells if cell.quoted) else ""
    pattern = "doubled_lines" if any("\n" in cell.text for cell in cells) else "doubled"
    return f'{{name = "{name}", grammar = {patterns.use(pattern)}{more}}}'
