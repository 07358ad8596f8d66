"""Writes line templates as a declared grammar that people can read and change."""

import re
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus

from host.repl.infer.format_strings import declare_grammar, quote
from host.repl.infer.patterns import LINES, Patterns, lua_set
from host.repl.infer.templates import Column, Template, Token, is_level, varies
from host.repl.infer.trailing_pairs import Key, PairTail

_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"])
_REQUEST = re.compile(rf"({'|'.join(sorted(_METHODS))}) \S+ HTTP/\d")
_SHARE_OF_REQUESTS = 0.8
_URL = re.compile(r"-|https?://\S+")
_COUNTED = frozenset(["bytes", "rows", "lines", "packets", "requests", "records", "events", "items"])
_NAME_OF_UNIT = {
    **dict.fromkeys(["ms", "us", "µs", "ns", "s", "sec", "seconds", "min", "minutes"], "duration"),
    **dict.fromkeys(["B", "KiB", "MiB", "GiB", "kB", "KB", "MB", "GB", "TB", "kb", "mb", "K", "M", "G"], "size"),
    "%": "percent",
}
_STATUSES = frozenset(str(status.value) for status in HTTPStatus)
_CLASS = re.compile(r"[a-z]\w*(\.[\w$]+){2,}")
_THREAD = re.compile(r".*(thread|exec|pool|worker|main|timer).*", re.IGNORECASE)
_REPRESENTATIONS = {"µs": "us", "bytes": "B"}
_MAX_EXAMPLE = 100

_TIMES = {
    "time:rfc3339": ("time", "timestamp:rfc3339"),
    "time:clf": ("clf_time", "timestamp:clf"),
    "time:rfc3164": ("syslog_time", "timestamp:rfc3164"),
    "time:epoch_s": ("seconds", "timestamp:epoch_s"),
    "time:epoch_ms": ("digits", "timestamp:epoch_ms"),
    "time:epoch_us": ("digits", "timestamp:epoch_us"),
    "time:utc": ("time", "timestamp:rfc3339"),
}


class _Writer:
    """Writes the items of one alternative."""

    def __init__(self, patterns: Patterns, template: Template, rest: str) -> None:
        self.items: list[str] = []
        self._patterns = patterns
        self._template = template
        self._rest = rest
        self._names: Counter[str] = Counter()
        self._literal = ""
        self._last = ""

    def write(self) -> list[str]:
        """Return the items."""
        columns = self._template.columns
        for place in range(len(columns)):
            self._add(place, _text_from(columns, place + 1))
        if self._template.tail is not None:
            self._add_pairs(self._template.tail)
        elif self._template.has_rest:
            self._flush()
            self.items.append(f'{{name = "{self._unique("Payload")}", grammar = {self._patterns.use(self._rest)}}}')
        self._flush()
        if self._rest == LINES and not self._template.has_rest:
            field = f'{{name = "{self._unique("Payload")}", grammar = {self._patterns.use(LINES)}}}'
            self.items.append(f"{{optional = {{{self._patterns.use('next_line')}, {field}}}}}")
        if self._rest == LINES:
            self.items.append(self._patterns.use("last_line_end"))
        return self.items

    def _add_pairs(self, tail: PairTail) -> None:
        """Add the pairs. Keys that not all lines have are optional; unknown pairs are the rest."""
        if self._template.has_rest:
            self._flush()
            self.items.append(f'{{name = "{self._unique("Payload")}", grammar = {self._patterns.use("before_pairs")}}}')
        self._flush()
        self._patterns.use("blank")
        for key in tail.keys:
            written = [self._pair(key, some) for some in _by_quote(tail.values[key])]
            if tail.is_required(key) and len(written) == 1:
                self.items += written[0]
            else:
                self.items += [f"{{optional = {{{', '.join(each)}}}}}" for each in written]
            self._unique(_plain(key.name))
        more = f'{{name = "{self._unique("Payload")}", grammar = {self._patterns.use("more")}}}'
        self.items += [f"{{optional = {{blank, {more}}}}}", "blank"]

    def _pair(self, key: Key, values: list[str]) -> list[str]:
        number = self._names[_plain(key.name)] + 1
        name = _plain(key.name) if number == 1 else f"{_plain(key.name)}_{number}"
        mark = values[0][:1] if values[0][:1] in {'"', "'"} else ""
        if key.is_flag:
            flag = f'{{name = "{name}", grammar = lpeg.P"{key.name}"}}'
            return ["blank", flag, self._patterns.use("pair_end")]
        before = f"blank * {quote(f'{key.name}={mark}')}"
        if mark:
            pattern = "quoted" if mark == '"' else "single_quoted"
            return [before, f'{{name = "{name}", grammar = {self._patterns.use(pattern)}}}', quote(mark)]
        column = [_token(value) for value in values]
        if is_level(column) and not self._names["Severity"]:
            name = self._unique("Severity")
        typed = typed_field(self._patterns, column, name, key.name)
        text = f'{{name = "{name}", grammar = {self._patterns.use("bare")}}}'
        return [before, typed or text, self._patterns.use("pair_end")]

    def _add(self, place: int, following: str) -> None:
        column = self._template.columns[place]
        token = column[0]
        if token.text.isspace() and (varies(column) or len(token.text) > 1):
            self._flush()
            around = self._template.columns[max(0, place - 1) : place + 2]
            is_padding = any(each.kind in _NUMBERS for near in around for each in near)
            self.items.append(self._patterns.use("padding" if is_padding and place else "spaces"))
        elif token.kind in {"text", "unit"}:
            self._literal += token.text
        else:
            name = self._last = self._name(column, following)
            self._flush()
            self.items.append(self._field(place, name, following))

    def _flush(self) -> None:
        if self._literal:
            self.items.append(quote(self._literal))
        self._literal = ""

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"

    def _name(self, column: Column, following: str) -> str:
        if is_time(column):
            return self._unique("Timestamp") if not self._names["Timestamp"] else self._unique("time")
        if is_level(column) and not self._names["Severity"]:
            self._names[re.sub(r"\W", "_", column[0].name) or "level"] += 1  # the word is kept as well
            return self._unique("Severity")
        if self._literal == ":" and self._last in {"remote_addr", "ipv4"} and column[0].kind == "integer":
            return self._unique("remote_port")
        before = re.search(r"([A-Za-z][A-Za-z_]+)[ :#=\[(]*$", self._literal)
        counted = re.match(r" ?([A-Za-z]+)", following)
        words = [column[0].name, "" if _unit(following) else guess_name(column), before[1].lower() if before else ""]
        words.append(counted[1].lower() if counted and counted[1].lower() in _COUNTED else "")
        words.append(_NAME_OF_UNIT.get(_unit(following), "") if {token.kind for token in column} <= _NUMBERS else "")
        return self._unique(re.sub(r"\W", "_", next(filter(None, words), "field")))

    def _field(self, place: int, name: str, following: str) -> str:
        column = self._template.columns[place]
        key = column[0].name
        text = typed_field(self._patterns, column, name, key, _unit(following))
        if text is not None:
            return text
        if "quoted" in {token.kind for token in column}:
            more = ', type = "json_string"' if _is_escaped_as_json(column) else ""
            return f'{{name = "{name}", grammar = {self._patterns.use("quoted")}{more}}}'
        if column[0].kind == "span":
            return f'{{name = "{name}", grammar = {self._until("]")}}}'
        is_last = place + 1 == len(self._template.columns)
        if not following and not is_last:
            pattern = _up_to({token.text[:1] for token in self._template.columns[place + 1]})
        elif following and {token.kind for token in column} == {"json"}:
            pattern = self._patterns.use("object")
        else:
            tight = place < self._template.strict and all(token.kind != "json" for token in column)
            pattern = self._patterns.use("name") if tight else self._until(following)
        return f'{{name = "{name}", grammar = {pattern}}}'

    def _until(self, following: str) -> str:
        """Return a pattern for everything up to the following text."""
        if not following:
            return self._patterns.use("rest")
        return self._patterns.use("word") if following[0] == " " else _up_to({following[0]})


def _up_to(characters: set[str]) -> str:
    return f"(1 - {lua_set(''.join(sorted(characters)) + chr(10))})^1"


_NUMBERS = frozenset({"integer", "double"})
_KINDS = {
    "integer": re.compile(r"-?\d+"),
    "double": re.compile(r"[+-]?\d+\.\d+"),
    "ipv4": re.compile(r"\d{1,3}(\.\d{1,3}){3}"),
}


def _token(value: str) -> Token:
    return Token(next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(value)), "word"), value)


def _by_quote(values: list[str]) -> list[list[str]]:
    """Group values by their quotes: double, single and none."""
    groups: dict[str, list[str]] = {}
    for value in values:
        groups.setdefault(value[:1] if value[:1] in {'"', "'"} else "", []).append(value)
    return list(groups.values())


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _is_escaped_as_json(column: Column) -> bool:
    r"""Return True if some values have escapes such as \" and all of these are valid in JSON."""
    texts = [token.text for token in column if "\\" in token.text]
    return bool(texts) and all(re.fullmatch(r'(?:[^\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*', text) for text in texts)


def is_time(column: Column) -> bool:
    """Return True if all values are times in the same format."""
    kinds = {token.kind for token in column}
    return len(kinds) == 1 and column[0].kind.startswith(("time:", "strftime:"))


def typed_field(patterns: Patterns, column: Column, name: str, key: str, unit: str = "") -> str | None:
    """Return a field for times, levels, numbers and addresses; None for text."""
    kinds = {token.kind for token in column}
    if is_time(column):
        return _time_field(patterns, column, name)
    if name == "Severity":
        word = ", also = {{name = " + quote(re.sub(r"\W", "_", key) or "level") + "}}"
        function = patterns.define_severity()
        return (
            f'{{name = "Severity", grammar = {patterns.use("level")}, type = "integer", transform = {function}{word}}}'
        )
    grammar = ""
    if kinds <= _NUMBERS:
        grammar = _number(patterns, column, unit)
    elif kinds in ({"ipv4"}, {"ipv6"}):
        kind = column[0].kind
        grammar = f'{patterns.use(kind)}, representation = "{kind}"'
    elif kinds == {"uuid"}:
        grammar = patterns.use("uuid")
    elif kinds == {"word"} and {token.text for token in column} == {"true", "false"}:
        grammar = 'lpeg.P"true" + "false", type = "bool"'
    return f'{{name = "{name}", grammar = {grammar}}}' if grammar else None


def _number(patterns: Patterns, column: Column, unit: str) -> str:
    more = f', representation = "{_REPRESENTATIONS.get(unit, unit)}"' if unit else ""
    if any(re.match(r"-?0\d|-?\d{19}", token.text) for token in column):  # a code, not a number
        return ""
    if {token.kind for token in column} == {"integer"}:
        return f'{patterns.use("integer")}, type = "integer"{more}'
    return f'{patterns.use("number")}, type = "double"{more}'


def _time_field(patterns: Patterns, column: Column, name: str) -> str:
    kind = column[0].kind
    if kind in _TIMES:
        pattern, type_ = _TIMES[kind]
        if pattern == "time" and any("," in token.text for token in column):
            pattern = "comma_time"
        more = f', type = "{type_}"' if name == "Timestamp" else ""
        return f'{{name = "{name}", grammar = {patterns.use(pattern)}{more}}}'
    definition = patterns.define_time(kind)
    more = f", transform = {definition}_ns" if name == "Timestamp" else ""
    return f'{{name = "{name}", grammar = {definition}{more}}}'


def _unit(following: str) -> str:
    """Return the unit after a number."""
    spaced = re.match(r" (ms|us|ns|bytes|KiB|MiB|GiB|kB|KB|MB|GB)(?![A-Za-z])", following)
    found = spaced or re.match(
        r"(ms|us|µs|ns|min|s|KiB|MiB|GiB|kB|KB|MB|GB|TB|kb|mb|B|K|M|G|%|bytes)(?![A-Za-z])", following
    )
    return found[1] if found else ""


def guess_name(column: Column) -> str:
    """Return a name guessed from the values."""
    texts = {token.text for token in column}
    kinds = {token.kind for token in column}
    guesses = {
        "level": is_level(column),
        "method": texts <= _METHODS,
        "remote_addr": kinds <= {"ipv4", "ipv6"},
        "id": kinds == {"uuid"},
        "status": len(texts) > 1 and texts <= _STATUSES,
        "path": all(text.startswith("/") for text in texts),
        "class": all(_CLASS.fullmatch(text) for text in texts),
        "thread": all(_THREAD.fullmatch(text) for text in texts) and kinds <= {"word", "span"},
        "request": is_request(column),
        "referer": kinds == {"quoted"} and texts != {"-"} and all(_URL.fullmatch(text) for text in texts),
        "user_agent": kinds == {"quoted"} and any(text.startswith("Mozilla/") for text in texts),
        "text": kinds == {"quoted"},
    }
    return next((name for name, fits in guesses.items() if fits), "")


def is_request(column: Column) -> bool:
    """Return True if most values are HTTP request lines; there are always some invalid requests."""
    requests = sum(token.kind == "quoted" and _REQUEST.match(token.text) is not None for token in column)
    return requests > _SHARE_OF_REQUESTS * len(column)


def _text_from(columns: list[Column], place: int) -> str:
    """Return the literal text from a place up to the next value."""
    text = ""
    for column in columns[place:]:
        if column[0].kind not in {"text", "unit"}:
            break
        text += column[0].text
    return text


def find_levels(columns: Sequence[Column]) -> set[str]:
    """Return the severity words that occur."""
    return {token.text.lower() for column in columns if is_level(column) for token in column}


def write_alternative(items: Sequence[str], comment: str) -> str:
    """Return one alternative with a comment and its items."""
    lines = "".join(f"      {item},\n" for item in items)
    return f"    {{ -- {comment}\n{lines}    }},\n"


def example_comment(share: float, example: str) -> str:
    """Return the comment of an alternative: its share and an example."""
    shown = "".join(each if each.isprintable() else " " for each in example)
    return f"{share:.0%}: {shown[:_MAX_EXAMPLE]}{'...' if len(shown) > _MAX_EXAMPLE else ''}"


def write_grammar(templates: Sequence[Template], examples: Sequence[str], total: int, record_start: str = "") -> str:
    """Return a declared grammar for templates.

    Args:
        templates: The templates.
        examples: A line of each template.
        total: Number of lines in which the templates were found.
        record_start: Regular expression for the start of a multi-line record; empty if each line is a record.
    """
    patterns = Patterns(record_start)
    rest = LINES if record_start else "rest"
    written = [
        write_alternative(
            _Writer(patterns, template, rest).write(), example_comment(len(template.lines) / total, example)
        )
        for template, example in zip(templates, examples, strict=True)
    ]
    with_pairs = [template for template in templates if template.tail is not None]
    if len(with_pairs) > 1:
        others = Template(with_pairs[-1].columns, has_rest=True, lines=[])
        written.append(write_alternative(_Writer(patterns, others, rest).write(), "lines with other keys"))
    levels = set().union(*(find_levels(template.columns) for template in templates))
    return patterns.text(levels) + "\n\n" + declare_grammar("{\n" + "".join(written) + "  }")
