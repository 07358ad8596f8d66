"""Finds the templates of log lines. Lines with the same punctuation, from the left, share a template."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host.repl.infer.trailing_pairs import PairTail


class Token(NamedTuple):
    """A part of a line, as tokens.lua recognises it."""

    kind: str
    text: str
    name: str = ""


Column = list[Token]
"""The tokens of all lines of a template at one place."""
_OPEN, _CLOSE, _SPACE = Token("text", "["), Token("text", "]"), Token("text", " ")

_MIN_LINES_FOR_CONSTANT = 3
"""Number of lines that must agree before a word counts as a constant."""
_MAX_BRANCHES = 6
_SHARE_OF_BRANCH = 0.03
_SHARE_COVERED = 0.8
_SHARE_OF_TIMED = 0.4
_PROSE_WORDS = 3
_WORD_BEHIND_MARK = 4
_END = "\0end"
_NUMBERED = re.compile(r"#\d+")
"""A process or request number. It differs between files even if it is constant in this one."""
_PROSE = re.compile(r"[A-Za-z][a-z'-]*[.:!?]?")

_LEVELS_BY_NUMBER = (
    "emerg emergency panic",
    "alert",
    "crit critical fatal",
    "err error severe",
    "warn warning",
    "notice note",
    "info information system log config",
    "debug trace verbose fine finer finest",
)
LEVELS = {word: number for number, words in enumerate(_LEVELS_BY_NUMBER) for word in words.split()}
"""Severity words with their syslog numbers."""
_AMBIGUOUS_LEVELS = frozenset({"config", "fine", "finer", "log", "note", "system"})
LETTERS = {"F": 2, "E": 3, "W": 4, "I": 6, "D": 7, "V": 7, "T": 7}


@dataclass
class Template:
    """A template of lines.

    Attributes:
        columns: The tokens that all of its lines have at the same places.
        has_rest: True if other text follows.
        lines: Numbers of the lines that have this template.
        strict: Number of columns that distinguish it from other templates. Their values must match no more than they do
            here.
        tail: The pairs at the ends of the lines.
    """

    columns: list[Column]
    has_rest: bool
    lines: list[int]
    strict: int = 0
    tail: PairTail | None = None


def is_level(column: Column) -> bool:
    """Return True if all values are severity words."""
    texts = {token.text for token in column}
    if all(text.lower() in LEVELS for text in texts):
        return len(texts) > 1 or not {text.lower() for text in texts} & _AMBIGUOUS_LEVELS
    return len(texts) > 1 and texts <= set(LETTERS)


def find_templates(lines: Sequence[list[Token]]) -> list[Template]:
    """Return the templates of tokenized lines: the most frequent first, and catch-all templates last."""
    numbers = [number for number, line in enumerate(lines) if line]
    found = _TemplateFinder(lines, len(numbers)).find(numbers, 0, 0) if numbers else []
    return sorted(found, key=lambda template: (template.has_rest and not template.strict, -len(template.lines)))


def token_class(token: Token) -> str:
    """Return the class of a token. Lines whose tokens have the same classes share a template."""
    if token.kind == "text":
        return " " if token.text.isspace() else token.text
    if token.kind == "unit":
        return "\0unit"
    return token.kind if ":" in token.kind else "\0value"


class _TemplateFinder:
    def __init__(self, lines: Sequence[list[Token]], count: int) -> None:
        self._lines = list(lines)
        self._min_lines = max(2, round(_SHARE_OF_BRANCH * count))
        self._sentences = {number: _find_sentences(line) for number, line in enumerate(lines)}

    def _class(self, number: int, place: int) -> str:
        line = self._lines[number]
        return token_class(line[place]) if place < len(line) else _END

    def find(self, numbers: list[int], place: int, strict: int) -> list[Template]:
        """Return the templates of lines that agree up to a place."""
        while True:
            classes = Counter(self._class(number, place) for number in numbers)
            if len(classes) > 1:
                break
            if _END in classes:
                return [self._whole(numbers, place, strict)]
            place += 1
        before = self._join_in_brackets(numbers, place)
        if before is None:
            before = self._join_between_spaces(numbers, place)
        if before is not None and strict <= before + 1:
            return self.find(numbers, before + 1, strict)
        if place == 0:
            return self._branches(numbers, 0, self._first_classes(classes))
        start = self._start_of_sentence(numbers, place)
        if start is not None:
            return [self._template(numbers, max(start, strict), strict, has_rest=True)]
        branches = {each for each, count in classes.most_common(_MAX_BRANCHES + 1) if count >= self._min_lines}
        covered = sum(classes[each] for each in branches)
        if branches and len(branches) <= _MAX_BRANCHES and covered >= _SHARE_COVERED * len(numbers):
            found = self._branches(numbers, place, branches)
            typed_lines = sum(len(template.lines) for template in found if _has_typed_value(template.columns[place:]))
            if 2 * typed_lines > len(numbers):
                return found
        return [self._template(numbers, place, strict, has_rest=True)]

    def _join_in_brackets(self, numbers: list[int], place: int) -> int | None:
        """Join the tokens between brackets to one value if they are several words that differ between lines.

        Return the place of the opening bracket; None if nothing was joined.
        """
        line = self._lines[numbers[0]]
        opened = next((at for at in range(place - 1, -1, -1) if line[at] in {_OPEN, _CLOSE}), -1)
        if opened < 0 or line[opened] != _OPEN:
            return None
        closed = [_index_of(self._lines[number], _CLOSE, opened) for number in numbers]
        inside = [
            "".join(token.text for token in self._lines[number][opened + 1 : close])
            for number, close in zip(numbers, closed, strict=True)
        ]
        if not all(closed) or not all(inside) or not any(" " in text for text in inside):
            return None
        for number, close, text in zip(numbers, closed, inside, strict=True):
            joined = self._lines[number]
            joined = [*joined[: opened + 1], Token("span", text), *joined[close:]]
            self._lines[number], self._sentences[number] = joined, _find_sentences(joined)
        return opened

    def _join_between_spaces(self, numbers: list[int], place: int) -> int | None:
        """Join the tokens between two spaces to one value if some lines have one value there and others a list.

        Return the place of the space before it; None if nothing was joined.
        """
        line = self._lines[numbers[0]]
        start = next((at for at in range(place - 1, 0, -1) if line[at - 1] == _SPACE), 0)
        if not start:
            return None
        ends = [_index_of(self._lines[number], _SPACE, start) for number in numbers]
        parts = [self._lines[number][start:end] for number, end in zip(numbers, ends, strict=True)]
        if not all(ends) or {len(part) > 1 for part in parts} != {True, False} or not all(map(_is_list, parts)):
            return None
        for number, end, part in zip(numbers, ends, parts, strict=True):
            joined = self._lines[number]
            text = "".join(token.text for token in part)
            joined = [*joined[:start], Token("word", text), *joined[end:]]
            self._lines[number], self._sentences[number] = joined, _find_sentences(joined)
        return start - 1

    def _whole(self, numbers: list[int], place: int, strict: int) -> Template:
        """Return the template of lines that agree to their ends. A last sentence whose words vary becomes the rest."""
        start = self._start_of_sentence(numbers, place)
        if start is not None and start > strict:
            rows = [self._lines[number] for number in numbers]
            if any(varies([row[at] for row in rows]) and rows[0][at].kind == "word" for at in range(start, place)):
                return self._template(numbers, start, strict, has_rest=True)
        return self._template(numbers, place, strict)

    def _branches(self, numbers: list[int], place: int, branches: set[str]) -> list[Template]:
        found: list[Template] = []
        for each in branches:
            found += self.find([number for number in numbers if self._class(number, place) == each], place, place + 1)
        others = [number for number in numbers if self._class(number, place) not in branches]
        if place and others:  # lines outside the branches share the template up to here
            template = self._template(numbers, place, 0, has_rest=True)
            template.lines = others
            found.append(template)
        return found

    def _first_classes(self, classes: Counter[str]) -> set[str]:
        """Return the classes that start lines.

        If many lines start with a time, other lines are parts of stack traces or banners.
        """
        timed = {each for each in classes if each.startswith(("time:", "strftime:"))}
        if sum(classes[each] for each in timed) >= _SHARE_OF_TIMED * classes.total():
            return timed
        kept = {each for each, count in classes.items() if count >= self._min_lines and each not in {" ", _END}}
        return kept or {classes.most_common(1)[0][0]}

    def _start_of_sentence(self, numbers: list[int], place: int) -> int | None:
        """Return the start of the sentence that covers this place in most lines."""
        starts = [start for number in numbers for start, end in self._sentences[number] if start <= place <= end]
        return min(starts) if 2 * len(starts) > len(numbers) else None

    def _template(self, numbers: list[int], place: int, strict: int, *, has_rest: bool = False) -> Template:
        rows = [self._lines[number] for number in numbers]
        columns = _merge_units([_to_literal([row[at] for row in rows]) for at in range(place)])
        if has_rest and columns and columns[-1][0].kind not in {"text", "unit"}:
            columns.pop()  # its end is unknown
        if has_rest and len(columns) > strict + 1 and _begins_message(columns[-4:]):
            del columns[-2:]
        return Template(columns, has_rest, numbers, min(strict, len(columns)))


def _begins_message(columns: list[Column]) -> bool:
    """Return True if the last value is the first word of text after a dash or colon, not a field."""
    if len(columns) < _WORD_BEHIND_MARK or not varies(columns[2]):
        return False
    mark, before, word, behind = (column[0] for column in columns)
    return mark.text in {"-", ":"} and before.text == behind.text == " " and word.kind == "word" and not word.name


def _index_of(line: list[Token], token: Token, start: int) -> int:
    """Return the place of a token after a start; 0 if there is none."""
    return next((at for at in range(start + 1, len(line)) if line[at] == token), 0)


def _is_list(tokens: list[Token]) -> bool:
    """Return True for one value, or several values separated by commas."""
    values = all(token.kind in {"word", "integer"} and not token.name for token in tokens[::2])
    return values and len(tokens) % 2 == 1 and all(token.text == "," for token in tokens[1::2])


def _has_typed_value(columns: list[Column]) -> bool:
    """Return True if the columns contain more than words."""
    return any(token.name or token.kind not in {"text", "unit", "word"} for column in columns for token in column[:1])


def _find_sentences(line: list[Token]) -> list[tuple[int, int]]:
    """Return the starts and ends of sentences: words and numbers separated by single spaces."""
    found: list[tuple[int, int]] = []
    start = words = 0
    for place in range(len(line) + 1):
        token = line[place] if place < len(line) else Token("text", _END)
        is_word = token.kind == "word" and not token.name and _PROSE.fullmatch(token.text) is not None
        is_word = is_word and token.text.lower() not in LEVELS
        if is_word or (words and (token.text == " " or token.kind in {"integer", "double", "unit"})):
            start = place if is_word and not words else start
            words += token.text != " "
            continue
        if words >= _PROSE_WORDS:
            found.append((start, place))
        words = 0
    return found


def _to_literal(column: Column) -> Column:
    """Turn a word that is the same in many lines into literal text."""
    token = column[0]
    is_word = all(each.kind == "word" and not each.name for each in column) and not _NUMBERED.fullmatch(token.text)
    if is_word and len(column) >= _MIN_LINES_FOR_CONSTANT and not varies(column) and not is_level(column):
        return [Token("text", token.text)] * len(column)
    return column


def varies(column: Column) -> bool:
    """Return True if the column contains different texts."""
    return len({token.text for token in column}) > 1


def _merge_units(columns: list[Column]) -> list[Column]:
    """Attach units: a common unit becomes text after the numbers, different units turn the values into words."""
    joined: list[Column] = []
    for column in columns:
        if column[0].kind == "unit" and varies(column):
            numbers = joined.pop()
            joined.append([Token("word", a.text + b.text, a.name) for a, b in zip(numbers, column, strict=True)])
        else:
            joined.append(column)
    return joined
