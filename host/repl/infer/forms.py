"""Finds the forms that lines of a log have: those that agree in their punctuation, from the left, are of one form."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from host.repl.infer.pairs import Tail


class Token(NamedTuple):
    """A part of a line, as tokens.lua recognises it."""

    kind: str
    text: str
    name: str = ""


Column = list[Token]
"""The tokens of all lines of a form at one place."""
_OPEN, _CLOSE, _SPACE = Token("text", "["), Token("text", "]"), Token("text", " ")

_PLURAL = 3
"""So many lines must agree before a word is taken for a constant."""
_MAX_BRANCHES = 6
_SHARE_OF_BRANCH = 0.03
_SHARE_COVERED = 0.8
_SHARE_OF_TIMED = 0.4
_PROSE_WORDS = 3
_WORD_BEHIND_MARK = 4
_END = "\0end"
_NUMBERED = re.compile(r"#\d+")
"""A process or a request: it differs from file to file even where it is the same in this one."""
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
"""Words for how severe something is, and syslog's number."""
_ALSO_WORDS = frozenset({"config", "fine", "finer", "log", "note", "system"})
LETTERS = {"F": 2, "E": 3, "W": 4, "I": 6, "D": 7, "V": 7, "T": 7}


@dataclass
class Form:
    """A form of lines.

    Attributes:
        columns: What all of its lines have at the same places.
        has_rest: Whether something else follows.
        lines: Which lines are of this form.
        strict: So many columns tell it from the others, so their values must not take more than they have here.
        tail: The pairs with which the lines end.
    """

    columns: list[Column]
    has_rest: bool
    lines: list[int]
    strict: int = 0
    tail: Tail | None = None


def is_level(column: Column) -> bool:
    """Whether all values are names of severities."""
    texts = {token.text for token in column}
    if all(text.lower() in LEVELS for text in texts):
        return len(texts) > 1 or not {text.lower() for text in texts} & _ALSO_WORDS
    return len(texts) > 1 and texts <= set(LETTERS)


def find(lines: Sequence[list[Token]]) -> list[Form]:
    """The forms of lines that were taken apart: the most frequent first, one that takes what others leave last."""
    numbers = [number for number, line in enumerate(lines) if line]
    found = _Finder(lines, len(numbers)).forms(numbers, 0, 0) if numbers else []
    return sorted(found, key=lambda form: (form.has_rest and not form.strict, -len(form.lines)))


def class_of(token: Token) -> str:
    """What makes a form at a place."""
    if token.kind == "text":
        return " " if token.text.isspace() else token.text
    if token.kind == "unit":
        return "\0unit"
    return token.kind if ":" in token.kind else "\0value"


class _Finder:
    def __init__(self, lines: Sequence[list[Token]], count: int) -> None:
        self._lines = list(lines)
        self._least = max(2, round(_SHARE_OF_BRANCH * count))
        self._sentences = {number: _sentences(line) for number, line in enumerate(lines)}

    def _class(self, number: int, place: int) -> str:
        line = self._lines[number]
        return class_of(line[place]) if place < len(line) else _END

    def forms(self, numbers: list[int], place: int, strict: int) -> list[Form]:
        """The forms of lines that agree up to a place."""
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
            return self.forms(numbers, before + 1, strict)
        if place == 0:
            return self._branches(numbers, 0, self._beginnings(classes))
        start = self._start_of_sentence(numbers, place)
        if start is not None:
            return [self._form(numbers, max(start, strict), strict, has_rest=True)]
        branches = {each for each, count in classes.most_common(_MAX_BRANCHES + 1) if count >= self._least}
        covered = sum(classes[each] for each in branches)
        if branches and len(branches) <= _MAX_BRANCHES and covered >= _SHARE_COVERED * len(numbers):
            found = self._branches(numbers, place, branches)
            told = sum(len(form.lines) for form in found if _tells_something(form.columns[place:]))
            if 2 * told > len(numbers):
                return found
        return [self._form(numbers, place, strict, has_rest=True)]

    def _join_in_brackets(self, numbers: list[int], place: int) -> int | None:
        """Make one value of what stands between brackets, where it is of several words and differs from line to line.

        Answers the place of the opening bracket; None if lines do not differ between brackets.
        """
        line = self._lines[numbers[0]]
        opened = next((at for at in range(place - 1, -1, -1) if line[at] in {_OPEN, _CLOSE}), -1)
        if opened < 0 or line[opened] != _OPEN:
            return None
        closed = [_find(self._lines[number], _CLOSE, opened) for number in numbers]
        inside = [
            "".join(token.text for token in self._lines[number][opened + 1 : close])
            for number, close in zip(numbers, closed, strict=True)
        ]
        if not all(closed) or not all(inside) or not any(" " in text for text in inside):
            return None
        for number, close, text in zip(numbers, closed, inside, strict=True):
            joined = self._lines[number]
            joined = [*joined[: opened + 1], Token("span", text), *joined[close:]]
            self._lines[number], self._sentences[number] = joined, _sentences(joined)
        return opened

    def _join_between_spaces(self, numbers: list[int], place: int) -> int | None:
        """Make one value of what stands between two spaces, where it is one value in some lines and a list in others.

        Answers the place of the space before it; None if lines do not differ in that.
        """
        line = self._lines[numbers[0]]
        start = next((at for at in range(place - 1, 0, -1) if line[at - 1] == _SPACE), 0)
        if not start:
            return None
        ends = [_find(self._lines[number], _SPACE, start) for number in numbers]
        parts = [self._lines[number][start:end] for number, end in zip(numbers, ends, strict=True)]
        if not all(ends) or {len(part) > 1 for part in parts} != {True, False} or not all(map(_is_list, parts)):
            return None
        for number, end, part in zip(numbers, ends, parts, strict=True):
            joined = self._lines[number]
            text = "".join(token.text for token in part)
            joined = [*joined[:start], Token("word", text), *joined[end:]]
            self._lines[number], self._sentences[number] = joined, _sentences(joined)
        return start - 1

    def _whole(self, numbers: list[int], place: int, strict: int) -> Form:
        """The form of lines that agree up to their ends, be it that these are sentences of as many words."""
        start = self._start_of_sentence(numbers, place)
        if start is not None and start > strict:
            rows = [self._lines[number] for number in numbers]
            if any(varies([row[at] for row in rows]) and rows[0][at].kind == "word" for at in range(start, place)):
                return self._form(numbers, start, strict, has_rest=True)
        return self._form(numbers, place, strict)

    def _branches(self, numbers: list[int], place: int, branches: set[str]) -> list[Form]:
        found: list[Form] = []
        for each in branches:
            found += self.forms([number for number in numbers if self._class(number, place) == each], place, place + 1)
        others = [number for number in numbers if self._class(number, place) not in branches]
        if place and others:  # what the branches leave over is of the form up to here
            form = self._form(numbers, place, 0, has_rest=True)
            form.lines = others
            found.append(form)
        return found

    def _beginnings(self, classes: Counter[str]) -> set[str]:
        """What lines begin with. If many begin with a time, others are the insides of stack traces, or banners."""
        timed = {each for each in classes if each.startswith(("time:", "strftime:"))}
        if sum(classes[each] for each in timed) >= _SHARE_OF_TIMED * classes.total():
            return timed
        kept = {each for each, count in classes.items() if count >= self._least and each not in {" ", _END}}
        return kept or {classes.most_common(1)[0][0]}

    def _start_of_sentence(self, numbers: list[int], place: int) -> int | None:
        """Where the sentence begins in which most lines are at a place."""
        starts = [start for number in numbers for start, end in self._sentences[number] if start <= place <= end]
        return min(starts) if 2 * len(starts) > len(numbers) else None

    def _form(self, numbers: list[int], place: int, strict: int, *, has_rest: bool = False) -> Form:
        rows = [self._lines[number] for number in numbers]
        columns = _joined_units([_constant([row[at] for row in rows]) for at in range(place)])
        if has_rest and columns and columns[-1][0].kind not in {"text", "unit"}:
            columns.pop()  # nothing tells where it ends
        if has_rest and len(columns) > strict + 1 and _begins_message(columns[-4:]):
            del columns[-2:]
        return Form(columns, has_rest, numbers, min(strict, len(columns)))


def _begins_message(columns: list[Column]) -> bool:
    """Whether the last value is no field but the first word of what is written behind a dash or a colon."""
    if len(columns) < _WORD_BEHIND_MARK or not varies(columns[2]):
        return False
    mark, before, word, behind = (column[0] for column in columns)
    return mark.text in {"-", ":"} and before.text == behind.text == " " and word.kind == "word" and not word.name


def _find(line: list[Token], token: Token, start: int) -> int:
    """Where a token stands behind a place; 0 if it does not."""
    return next((at for at in range(start + 1, len(line)) if line[at] == token), 0)


def _is_list(tokens: list[Token]) -> bool:
    """Whether it is one value, or some with a comma between each two."""
    values = all(token.kind in {"word", "integer"} and not token.name for token in tokens[::2])
    return values and len(tokens) % 2 == 1 and all(token.text == "," for token in tokens[1::2])


def _tells_something(columns: list[Column]) -> bool:
    """Whether there is more than words in it."""
    return any(token.name or token.kind not in {"text", "unit", "word"} for column in columns for token in column[:1])


def _sentences(line: list[Token]) -> list[tuple[int, int]]:
    """Where sentences begin and end: words and numbers with a space between them."""
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


def _constant(column: Column) -> Column:
    """A word that many lines have is text."""
    token = column[0]
    is_word = all(each.kind == "word" and not each.name for each in column) and not _NUMBERED.fullmatch(token.text)
    if is_word and len(column) >= _PLURAL and not varies(column) and not is_level(column):
        return [Token("text", token.text)] * len(column)
    return column


def varies(column: Column) -> bool:
    """Whether there is more than one text in it."""
    return len({token.text for token in column}) > 1


def _joined_units(columns: list[Column]) -> list[Column]:
    """Numbers with one unit keep it as text behind them; with several they are words."""
    joined: list[Column] = []
    for column in columns:
        if column[0].kind == "unit" and varies(column):
            numbers = joined.pop()
            joined.append([Token("word", a.text + b.text, a.name) for a, b in zip(numbers, column, strict=True)])
        else:
            joined.append(column)
    return joined
