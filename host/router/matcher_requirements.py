"""Kinds of messages, as far as the host looks at them: Type and Logger.

A matcher that asks for a Type or a Logger tells so when its sandbox starts (kernel/matcher_needs.lua). A pack in which
no shape has them is not given to it at all. That is no second matcher: what a matcher means is decided in its sandbox.
"""

import struct
from typing import Any, NamedTuple

import orjson

_SHAPE = struct.Struct("<IHH")
_LENGTH = struct.Struct("<H")


class Kind(NamedTuple):
    """What the messages of a shape have in common."""

    type: bytes
    logger: bytes


class MatcherRequirement(NamedTuple):
    """One way in which a message can match; None stands for any."""

    types: frozenset[bytes] | None
    loggers: frozenset[bytes] | None

    def fits(self, kind: Kind) -> bool:
        """Whether messages of a kind may match."""
        return (self.types is None or kind.type in self.types) and (self.loggers is None or kind.logger in self.loggers)


def requirements_of(text: bytes) -> tuple[MatcherRequirement, ...] | None:
    """What a sandbox says that its matcher needs; None if it does not say, or not in a way that makes sense."""
    try:
        return tuple(_need(given) for given in orjson.loads(text))
    except (ValueError, TypeError, AttributeError):
        return None


def _need(given: Any) -> MatcherRequirement:
    types, loggers = (
        None if names is None else frozenset(str(name).encode() for name in names)
        for names in (given.get("types"), given.get("loggers"))
    )
    return MatcherRequirement(types, loggers)


def kinds_of(shapes: bytes) -> list[Kind] | None:
    """The kinds in a pack, from its shapes (docs/pack-layout.md); None if they make no sense."""
    kinds, at = [], 0
    try:
        while at < len(shapes):
            size, _, _ = _SHAPE.unpack_from(shapes, at)
            type_, next_at = _text(shapes, at + _SHAPE.size)
            logger, next_at = _text(shapes, next_at)
            if next_at > at + size or size < _SHAPE.size:
                return None
            kinds.append(Kind(type_, logger))
            at += size
    except struct.error:
        return None
    return kinds


def _text(shapes: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(shapes, at)
    start = at + _LENGTH.size
    return shapes[start : start + length], start + length


def may_match(needs: tuple[MatcherRequirement, ...] | None, kinds: list[Kind] | None) -> bool:
    """Whether a matcher with these needs may match anything in a pack of these kinds."""
    if needs is None or kinds is None:
        return True
    return any(need.fits(kind) for need in needs for kind in kinds)
