"""What flows where in a configuration, as far as can be told without running it, and what is suspicious about that.

A consumer is reached by a producer unless its matcher cannot match any message that the producer may make. What the
decoders make is known from what they declare (host/trial/decoded_kinds.py). What a filter injects has the filter's
Logger, and a Type that begins with `heka.sandbox.`; the rest of it must stand in its text, or in its options. What
cannot be told is taken for anything, so nothing is called suspicious that may be in order.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from host.config import model
from host.config.convert import did_you_mean
from host.config.model import Config
from host.pipeline import terminations
from host.plugins import matcher_check
from host.plugins.matcher_check import Kind, Reach

HOST = "hekate"
"""The host itself, as a producer: it tells of sandboxes that ended."""
_FILTER_TYPE = "heka.sandbox."
_PAYLOAD = "heka.sandbox-output"
_PAYLOAD_FIELDS = frozenset({"payload_type", "payload_name"})
_LITERAL = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
_COMPUTED_TYPE = re.compile(r"\bType\s*=\s*(?![\s\"'=])(?!nil\b)")
_FROM_ELSEWHERE = re.compile(r"decode|encode_message|[\"'](raw|framed|Type)[\"']")
"""Of what a message may be made whose Type stands nowhere."""
_HEADER = re.compile(r"\A\s*--\[(=*)\[.*?\]\1\]", re.DOTALL)
_COMMENT = re.compile(r"^\s*--(?!\[=*\[).*$", re.MULTILINE)
_REQUIRE = re.compile(r"\brequire\b")
_REQUIRED = re.compile(r"\brequire\s*\(?\s*[\"']([\w.-]+)[\"']")


class Producer(NamedTuple):
    """What makes messages: the decoders of an input, or a filter."""

    place: str
    kinds: list[Kind]

    @property
    def types(self) -> set[str] | None:
        """The Types that it makes; None if they are not known."""
        types = [kind.type for kind in self.kinds]
        return None if None in types else {type_ for type_ in types if type_ is not None}


class Consumer(NamedTuple):
    """What sees messages: a filter or an output."""

    place: str
    message_matcher: str


class Flow(NamedTuple):
    """The whole."""

    producers: list[Producer]
    consumers: list[Consumer]
    edges: list[tuple[str, str]]
    """From a producer to a consumer that it may reach."""
    warnings: list[str]


def flow(config: Config, decoded: Mapping[str, Sequence[Kind]], read_module: Callable[[str], str]) -> Flow:
    """Find out.

    Args:
        config: The configuration, with the filters that run by themselves.
        decoded: What the decoders of each input make.
        read_module: Reads what a script requires; raises KeyError if there is none.
    """
    producers = [Producer(f"inputs.{name}", list(kinds)) for name, kinds in decoded.items()]
    filters = [Producer(f"filters.{name}", _injected(each, read_module)) for name, each in config.filters.items()]
    producers += [each for each in filters if each.kinds]
    consumers = [Consumer(f"filters.{name}", each.message_matcher) for name, each in config.filters.items()]
    consumers += [Consumer(f"outputs.{name}", each.message_matcher) for name, each in config.outputs.items()]
    everything = [*producers, _host()]
    edges: list[tuple[str, str]] = []
    sure: list[tuple[str, str]] = []
    warnings: list[str] = []
    for consumer in consumers:
        reached, surely, reach = _reaching(consumer, everything)
        of_pipeline = [place for place in reached if place != HOST]
        edges += [(place, consumer.place) for place in of_pipeline or reached]
        sure += [(place, consumer.place) for place in surely]
        if not reached and reach is not None:
            warnings.append(f"{consumer.place}: {_why_not(consumer, reach, everything)}")
    warnings += [*_unseen(producers, edges), *_cycles(sure, config)]
    return Flow(producers if all(source != HOST for source, _ in edges) else everything, consumers, edges, warnings)


def _host() -> Producer:
    return Producer(
        HOST, [Kind(type=terminations.MESSAGE_TYPE, logger=terminations.LOGGER, fields=terminations.FIELDS)]
    )


# ---------------------------------------------------------------- what filters make


def script_text(sandbox: model.Sandbox) -> str:
    """The script of a sandbox."""
    return sandbox.text or Path(sandbox.path).read_text(encoding="utf-8", errors="replace")


def _injected(config: model.Filter, read_module: Callable[[str], str]) -> list[Kind]:
    """What a filter may inject; nothing if it injects nothing."""
    text = _with_modules(_code(script_text(config.sandbox)), read_module)
    kinds = []
    if text is None or re.search(r"\binject_payload\b", text):
        kinds.append(Kind(type=_PAYLOAD, logger=config.name, fields=_PAYLOAD_FIELDS))
    if text is None or _COMPUTED_TYPE.search(text) or _FROM_ELSEWHERE.search(text):
        if text is None or re.search(r"\binject_message\b", text):
            kinds.append(Kind(prefix=_FILTER_TYPE, logger=config.name))
    elif re.search(r"\binject_message\b", text):
        options = [value for value in config.sandbox.config.values() if isinstance(value, str)]
        names = dict.fromkeys(["", *_LITERAL.findall(text), *options])
        kinds += [Kind(type=_FILTER_TYPE + name, logger=config.name) for name in names]
    return kinds


def _code(text: str) -> str:
    """A script without its header, and without lines that are comments."""
    return _COMMENT.sub("", _HEADER.sub("", text))


def _with_modules(text: str, read_module: Callable[[str], str]) -> str | None:
    """A script and all that it requires; None if that cannot be told."""
    texts, waiting, seen = [text], [text], set[str]()
    while waiting:
        text = waiting.pop()
        names = _REQUIRED.findall(text)
        if len(names) != len(_REQUIRE.findall(text)):
            return None
        for name in set(names) - seen:
            seen.add(name)
            try:
                waiting.append(_code(read_module(name)))
            except (KeyError, OSError, UnicodeDecodeError):
                continue  # built in, such as lpeg, or it is not there, which `validate` tells
            texts.append(waiting[-1])
    return "\n".join(texts)


# ---------------------------------------------------------------- who reaches whom


def _reaching(consumer: Consumer, producers: Sequence[Producer]) -> tuple[list[str], list[str], Reach | None]:
    """Who may reach a consumer, and of whom that can be said for certain."""
    kinds = [kind for producer in producers for kind in producer.kinds]
    places = [producer.place for producer in producers for _ in producer.kinds]
    reach = matcher_check.reach(consumer.message_matcher, kinds)
    if reach is None:
        return [], [], None  # it is not valid, which `validate` tells
    # what is sure does not hang on a field of which nobody knows whether it is there
    bare = [
        kind if kind.fields is not None else Kind(kind.type, kind.prefix, kind.logger, frozenset()) for kind in kinds
    ]
    without_fields = matcher_check.reach(consumer.message_matcher, bare)
    reached, sure = dict[str, None](), dict[str, None]()
    for number, (kind, place) in enumerate(zip(kinds, places, strict=True)):
        if reach.never or not reach.matches[number]:
            continue
        reached[place] = None
        is_named = kind.type in reach.types or kind.logger in reach.loggers
        is_known = kind.type is not None or not reach.passes[number]
        if is_named or (is_known and without_fields is not None and without_fields.matches[number]):
            sure[place] = None
    return list(reached), list(sure), reach


def _why_not(consumer: Consumer, reach: Reach, producers: Sequence[Producer]) -> str:
    """Why nothing matches: the first of Type, Logger and fields that nobody can satisfy."""
    said = f"`{consumer.message_matcher}`"
    if reach.never:
        return f"no message can ever match {said}."
    kinds = [kind for producer in producers for kind in producer.kinds]
    by_type = matcher_check.reach(consumer.message_matcher, [Kind(kind.type, kind.prefix) for kind in kinds])
    types = {kind.type for kind in kinds if kind.type}
    decoded = {kind.type for producer in producers if producer.place.startswith("inputs.") for kind in producer.kinds}
    if by_type is None or not any(by_type.matches):
        missing = sorted(reach.types - types)
        prefixed = [_FILTER_TYPE + name for name in missing if _FILTER_TYPE + name in types]
        hint = (
            f"The Types of what filters inject begin with `{_FILTER_TYPE}`: did you mean `{prefixed[0]}`?"
            if prefixed
            else " ".join(did_you_mean(name, sorted(filter(None, decoded))) for name in missing[:1])
        )
        return f"nothing here makes messages that {said} asks for: their Types are others. {hint}".rstrip()
    loggers = {kind.logger for kind in kinds if kind.logger}
    by_logger = matcher_check.reach(
        consumer.message_matcher, [Kind(kind.type, kind.prefix, kind.logger) for kind in kinds]
    )
    if by_logger is None or not any(by_logger.matches):
        hint = " ".join(did_you_mean(name, sorted(loggers)) for name in sorted(reach.loggers - loggers)[:1])
        return f"nothing here makes messages that {said} asks for: their Loggers are others. {hint}".rstrip()
    fields = {
        name
        for kind, may in zip(kinds, by_logger.matches, strict=True)
        if may and kind.fields is not None
        for name in kind.fields
    }
    missing = sorted(reach.fields - fields)
    hint = " ".join(did_you_mean(name, sorted(fields)) for name in missing[:1])
    named = ", ".join(f"`{name}`" for name in missing) or "those"
    return f"nothing here makes messages that {said} asks for: they lack the fields {named}. {hint}".rstrip()


# ---------------------------------------------------------------- what is suspicious


def _unseen(producers: Sequence[Producer], edges: Sequence[tuple[str, str]]) -> Iterator[str]:
    seen = {source for source, _ in edges}
    for producer in producers:
        if producer.kinds and producer.place not in seen:
            yield f"{producer.place}: no filter and no output sees its messages."


def _cycles(edges: Sequence[tuple[str, str]], config: Config) -> Iterator[str]:
    """Filters that may feed each other, each such group once."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        if source.startswith("filters.") and target.startswith("filters."):
            after.setdefault(source, []).append(target)
    told: set[frozenset[str]] = set()
    for start in after:
        cycle = _way_back(start, after)
        if cycle and frozenset(cycle) not in told:
            told.add(frozenset(cycle))
            most = min(config.filters[place.partition(".")[2]].sandbox.limits.max_loops for place in cycle)
            way = " -> ".join([*cycle, start])
            who = "it sees its own messages" if len(cycle) == 1 else "they may feed each other"
            yield f"{way}: {who}; what has gone round {most} times is dropped (max_loops)."


def _way_back(start: str, after: dict[str, list[str]]) -> list[str]:
    """The shortest way from a filter back to itself; empty if there is none."""
    waiting, seen = [[start]], {start}
    while waiting:
        way = waiting.pop(0)
        for target in after.get(way[-1], []):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                waiting.append([*way, target])
    return []
