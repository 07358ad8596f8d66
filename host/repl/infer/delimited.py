"""Finds values between separators, as in CSV, and writes a grammar for them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host.repl.infer import grammar_text
from host.repl.infer.format_strings import declare_grammar, quote
from host.repl.infer.patterns import Patterns, lua_set
from host.repl.infer.templates import Column, Token, is_level

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
    """An item that is literal text, not code."""

    __slots__ = ()


class Cell(NamedTuple):
    """A value between two separators."""

    text: str
    """The value without quotes."""
    is_quoted: bool


@dataclass
class DelimitedLines:
    """Lines with the same number of columns.

    Attributes:
        separator: The text between columns.
        columns: The cells of each column.
        lines: Numbers of the lines that have this number of columns.
        names: Column names from the first line, if it has names.
    """

    separator: str
    columns: list[list[Cell]]
    lines: list[int]
    names: list[str]


def find_columns(texts: Sequence[str]) -> DelimitedLines | None:
    """Return the columns of lines; None if the lines have none."""
    for separator in _SEPARATORS:
        rows = [_split_cells(text, separator) for text in texts]
        width, count = Counter(len(row) for row in rows).most_common(1)[0]
        if width >= _MIN_CELLS and count >= max(2, _SHARE * len(texts)) and not _is_prose(rows, separator):
            return _from_rows(rows, width, separator)
    return None


def _is_prose(rows: list[list[Cell]], separator: str) -> bool:
    """Return True if the commas are those of sentences, some of which may be inside numbers."""
    if separator != ",":
        return False
    spaced = sum(cell.text.startswith(" ") for row in rows for cell in row[1:])
    return spaced >= _SHARE_OF_SPACED * sum(len(row) - 1 for row in rows)


def _from_rows(rows: list[list[Cell]], width: int, separator: str) -> DelimitedLines:
    lines = [number for number, row in enumerate(rows) if len(row) == width]
    first = [cell.text.strip() for cell in rows[lines[0]]]
    has_names = all(_NAME.fullmatch(text) for text in first) and len(set(first)) == width and len(lines) > 1
    has_names = has_names and sum(_NAME.fullmatch(cell.text) is None for cell in rows[lines[1]]) > 1
    if has_names:
        lines = lines[1:]
    columns = [[rows[number][place] for number in lines] for place in range(width)]
    return DelimitedLines(separator, columns, lines, first if has_names else _known_names(columns))


def _known_names(columns: list[list[Cell]]) -> list[str]:
    """Return the column names of PostgreSQL's csvlog, if it is one."""
    if len(columns) not in {23, 24, 26} or not {cell.text for cell in columns[11]} <= _POSTGRESQL_SEVERITIES:
        return []
    return _POSTGRESQL.split()[: len(columns)]


def _split_cells(text: str, separator: str) -> list[Cell]:
    pattern = rf'"((?:[^"]|"")*)"(?={re.escape(separator)}|\Z)|([^{re.escape(separator)}]*)'
    cells, at = [], 0
    while True:
        match = re.compile(pattern).match(text, at)
        assert match is not None
        cells.append(Cell(match[2] if match[1] is None else match[1], match[1] is not None))
        if match.end() >= len(text):
            return cells
        at = match.end() + 1


# ---------------------------------------------------------------- grammar


def write_grammar(table: DelimitedLines, tokens: list[list[list[Token]]], texts: Sequence[str]) -> str:
    """Return a declared grammar. `tokens` are those of each cell."""
    patterns = Patterns()
    names: Counter[str] = Counter()
    items: list[str] = []
    literal = ""
    kinds = [_kinds(cells, parts) for cells, parts in zip(table.columns, tokens, strict=True)]
    for place, (cells, column) in enumerate(zip(table.columns, kinds, strict=True)):
        name = _name(table, place, column, names)
        names[name] += 1
        unique = name if names[name] == 1 else f"{name}_{names[name]}"
        literal += table.separator if place else ""
        for item in _items(patterns, table.separator, unique, cells, column):
            if isinstance(item, Literal):
                literal += item
                continue
            items += [quote(literal), item] if literal else [item]
            literal = ""
    items += [quote(literal)] if literal else []
    if any("\n" in text for text in texts):
        items.append(patterns.use("last_line_end"))
    levels = grammar_text.find_levels([column for column in kinds if column])
    comment = grammar_text.example_comment(len(table.lines) / len(texts), texts[table.lines[0]])
    undouble = ["local function undouble(text) return (text:gsub('\"\"', '\"')) end"] if _has_doubled(table) else []
    definitions = "\n".join([patterns.text(levels), *undouble])
    return definitions + "\n\n" + declare_grammar("{\n" + grammar_text.write_alternative(items, comment) + "  }")


def _has_doubled(table: DelimitedLines) -> bool:
    return any('""' in cell.text for column in table.columns for cell in column if cell.is_quoted)


def _kinds(cells: list[Cell], tokens: list[list[Token]]) -> Column:
    """Return the values present in a column, each with its kind. A value of several tokens is a word."""
    return [_token(cell.text, parts) for cell, parts in zip(cells, tokens, strict=True) if cell.text]


def _token(text: str, parts: list[Token]) -> Token:
    if len(parts) == 1:
        return parts[0]
    if parts[0].kind == "time:rfc3339" and text == f"{parts[0].text} UTC":
        return Token("time:utc", parts[0].text)
    return Token("word", text)


def _name(table: DelimitedLines, place: int, column: Column, names: Counter[str]) -> str:
    """Return a name: a header once, else the name in the first line or one guessed from the values."""
    if column and grammar_text.is_time(column) and not names["Timestamp"]:
        return "Timestamp"
    if column and is_level(column) and not names["Severity"]:
        return "Severity"
    if table.names:
        return re.sub(r"\W", "_", table.names[place])
    return (grammar_text.guess_name(column) if column else "") or f"column_{place + 1}"


def _items(patterns: Patterns, separator: str, name: str, cells: list[Cell], column: Column) -> list[str]:
    """Return the items of a column."""
    quoted = {cell.is_quoted for cell in cells if cell.text}
    bare_text = f"(1 - {lua_set(separator + chr(10))})^1"
    if not column:  # no line has a value here
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
    if quoted == {True} and all(cell.is_quoted for cell in cells):
        return [Literal('"'), item, Literal('"')]
    in_quotes = f"{{optional = {{'\"', {item}, '\"'}}}}"
    if quoted == {True}:
        return [in_quotes]
    return [in_quotes, f'{{optional = {{{{name = "{name}", grammar = {bare_text}}}}}}}']


def _quoted(patterns: Patterns, name: str, cells: list[Cell]) -> str:
    more = ", transform = undouble" if any('""' in cell.text for cell in cells if cell.is_quoted) else ""
    pattern = "doubled_lines" if any("\n" in cell.text for cell in cells) else "doubled"
    return f'{{name = "{name}", grammar = {patterns.use(pattern)}{more}}}'
