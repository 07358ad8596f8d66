"""Finds the key=value pairs at the ends of lines: their keys, the order of the keys, and which ones are optional."""

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
    """A key or a word that stands alone. A second occurrence of a name in a line is a separate key."""

    name: str
    occurrence: int
    is_flag: bool


@dataclass
class PairTail:
    """The pairs that the ends of some lines have in common.

    Attributes:
        keys: The keys in order.
        values: The values present for each key, with their quotes.
        lines: Numbers of the line ends that have these pairs.
    """

    keys: list[Key]
    values: dict[Key, list[str]]
    lines: list[int]

    def is_required(self, key: Key) -> bool:
        """Return True if all lines have the key."""
        return not key.is_flag and len(self.values[key]) == len(self.lines)


def find_starts(texts: Sequence[str]) -> list[int] | None:
    """Return where the pairs begin that end each line; None if most lines have none, or always the same ones."""
    found = [_start(text) for text in texts]
    parsed = [_parse_pairs(text[start:]) for text, start in zip(texts, found, strict=True)]
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
            continue  # inside pairs that are followed by other text
        at = begins.start()
        while found := _ONE.match(text, at):
            between = _BETWEEN.match(text, found.end())
            at = between.end() if between else found.end()
        if at == len(text):
            return begins.start()
    return len(text)


def _parse_pairs(text: str) -> list[tuple[Key, str]]:
    seen: Counter[str] = Counter()
    pairs: list[tuple[Key, str]] = []
    for found in _ONE.finditer(text):
        name = found[1] or found[3]
        seen[name] += 1
        pairs.append((Key(name, seen[name], found[1] is None), found[2] or ""))
    return pairs


def find_tails(ends: Sequence[str]) -> list[PairTail]:
    """Return the common pairs of lines. Lines whose keys have the same order are grouped."""
    parsed = [_parse_pairs(end) for end in ends]
    groups: list[PairTail] = []
    for order, _ in Counter(tuple(key for key, _ in pairs) for pairs in parsed).most_common():
        lines = [number for number, pairs in enumerate(parsed) if tuple(key for key, _ in pairs) == order]
        tail = next((each for each in groups if _is_compatible(each.keys, order)), None)
        if tail is None and len(groups) < _MAX_GROUPS:
            tail = PairTail([], {}, [])
            groups.append(tail)
        if tail is not None:
            tail.keys = _merge_keys(tail.keys, order)
            tail.lines += lines
    for tail in groups:
        for number in tail.lines:
            for key, value in parsed[number]:
                tail.values.setdefault(key, []).append(value)
    # Tails with more required keys are tried first.
    return sorted(groups, key=lambda tail: -sum(map(tail.is_required, tail.keys)))


def _is_compatible(keys: Sequence[Key], order: Sequence[Key]) -> bool:
    """Return True if the two have many keys in common, in the same order."""
    common = [key for key in keys if key in order]
    return common == [key for key in order if key in keys] and len(common) >= _SHARE_OF_KEYS * min(
        len(keys), len(order)
    )


def _merge_keys(keys: Sequence[Key], order: Sequence[Key]) -> list[Key]:
    merged = list(keys)
    at = 0
    for key in order:
        if key in merged:
            at = merged.index(key) + 1
        else:
            merged.insert(at, key)
            at += 1
    return merged
