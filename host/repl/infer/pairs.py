"""Pairs of key=value at the ends of lines: which keys there are, in which order, and which of them are not in all."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_SHARE = 0.8
_MEAN_PAIRS = 2
_MAX_GROUPS = 6
_SHARE_OF_KEYS = 0.5
_KEY = r"[A-Za-z_][\w.-]*"
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s"',;][^\s"']*)?(?<![,;:]))"""
_END = r"(?=,?\s|\Z)"
_BETWEEN = re.compile(r",?\s*")
_ONE = re.compile(rf"({_KEY})=({_VALUE}){_END}|([A-Z][A-Z0-9]+){_END}")
_BEGINS = re.compile(rf"(?:(?<=\s)|\A){_KEY}=")


class Key(NamedTuple):
    """A key, or a word that stands alone; the second of a name in a line is another one."""

    name: str
    occurrence: int
    is_flag: bool


@dataclass
class Tail:
    """What lines have in common that end with pairs.

    Attributes:
        keys: In their order.
        values: Of each key those that there are, with their quotes.
        lines: Which of the given ends have them.
    """

    keys: list[Key]
    values: dict[Key, list[str]]
    lines: list[int]

    def is_required(self, key: Key) -> bool:
        """Whether all lines have it."""
        return not key.is_flag and len(self.values[key]) == len(self.lines)


def starts(texts: Sequence[str]) -> list[int] | None:
    """Where the pairs begin with which lines end; None if most do not, or if it is always the same that they have."""
    found = [_start(text) for text in texts]
    parsed = [_parsed(text[start:]) for text, start in zip(texts, found, strict=True)]
    if sum(map(bool, parsed)) < _SHARE * len(texts) or sum(map(len, parsed)) < _MEAN_PAIRS * len(texts):
        return None
    if sum(start > 0 for start in found) < _SHARE * len(texts):
        return None  # logfmt
    orders = Counter(tuple(key for key, _ in each) for each in parsed)
    return None if orders.most_common(1)[0][1] >= _SHARE * len(texts) else found


def _start(text: str) -> int:
    at = 0
    for begins in _BEGINS.finditer(text):
        if begins.start() < at:
            continue  # in the midst of pairs behind which something else stands
        at = begins.start()
        while found := _ONE.match(text, at):
            between = _BETWEEN.match(text, found.end())
            at = between.end() if between else found.end()
        if at == len(text):
            return begins.start()
    return len(text)


def _parsed(text: str) -> list[tuple[Key, str]]:
    seen: Counter[str] = Counter()
    pairs: list[tuple[Key, str]] = []
    for found in _ONE.finditer(text):
        name = found[1] or found[3]
        seen[name] += 1
        pairs.append((Key(name, seen[name], found[1] is None), found[2] or ""))
    return pairs


def tails(ends: Sequence[str]) -> list[Tail]:
    """What lines have in common; those that agree in the order of their keys are together."""
    parsed = [_parsed(end) for end in ends]
    found: list[Tail] = []
    for order, _ in Counter(tuple(key for key, _ in pairs) for pairs in parsed).most_common():
        lines = [number for number, pairs in enumerate(parsed) if tuple(key for key, _ in pairs) == order]
        tail = next((each for each in found if _goes_with(each.keys, order)), None)
        if tail is None and len(found) < _MAX_GROUPS:
            tail = Tail([], {}, [])
            found.append(tail)
        if tail is not None:
            tail.keys = _merged(tail.keys, order)
            tail.lines += lines
    for tail in found:
        for number in tail.lines:
            for key, value in parsed[number]:
                tail.values.setdefault(key, []).append(value)
    # What asks for more is tried first.
    return sorted(found, key=lambda tail: -sum(map(tail.is_required, tail.keys)))


def _goes_with(keys: Sequence[Key], order: Sequence[Key]) -> bool:
    """Whether what both have is much, and in the same order."""
    common = [key for key in keys if key in order]
    return common == [key for key in order if key in keys] and len(common) >= _SHARE_OF_KEYS * min(
        len(keys), len(order)
    )


def _merged(keys: Sequence[Key], order: Sequence[Key]) -> list[Key]:
    merged = list(keys)
    at = 0
    for key in order:
        if key in merged:
            at = merged.index(key) + 1
        else:
            merged.insert(at, key)
            at += 1
    return merged
