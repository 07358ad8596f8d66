"""Static analysis of a configuration: which producer can reach which consumer, and which links look wrong.

A producer reaches a consumer unless the consumer's matcher cannot match any message that the producer may make.
Decoders declare what they produce (host/trial/decoded_kinds.py). A filter injects messages with its own Logger and a
Type that begins with `heka.sandbox.`; the rest of the Type must be a literal in its script, or one of its options.
A value that cannot be determined may be anything, so a valid configuration never causes a warning.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from host.config import model
from host.config.convert import did_you_mean
from host.config.model import Config
from host.core.termination_message import FIELDS, LOGGER, MESSAGE_TYPE
from host.plugins import matcher_check
from host.plugins.matcher_check import MessageKind, Reach

HOST = "hekate"
"""The host as a producer: it reports terminated sandboxes."""
_FILTER_TYPE = "heka.sandbox."
_PAYLOAD = "heka.sandbox-output"
_PAYLOAD_FIELDS = frozenset({"payload_type", "payload_name"})
_LITERAL = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
_COMPUTED_TYPE = re.compile(r"\bType\s*=\s*(?![\s\"'=])(?!nil\b)")
_COPIED_TYPE = re.compile(r"decode|encode_message|[\"'](raw|framed|Type)[\"']")
"""Matches code that can copy a Type from other data, so that it is not a literal in the script."""
_HEADER = re.compile(r"\A\s*--\[(=*)\[.*?\]\1\]", re.DOTALL)
_COMMENT = re.compile(r"^\s*--(?!\[=*\[).*$", re.MULTILINE)
_REQUIRE = re.compile(r"\brequire\b")
_REQUIRED = re.compile(r"\brequire\s*\(?\s*[\"']([\w.-]+)[\"']")


class Producer(NamedTuple):
    """A source of messages: the decoders of an input, or a filter."""

    component: str
    kinds: list[MessageKind]

    @property
    def types(self) -> set[str] | None:
        """The Types of its messages; None if they are not known."""
        types = [kind.type for kind in self.kinds]
        return None if None in types else {type_ for type_ in types if type_ is not None}


class FlowConsumer(NamedTuple):
    """A receiver of messages: a filter or an output."""

    component: str
    message_matcher: str


class Flow(NamedTuple):
    """The message flow of a configuration."""

    producers: list[Producer]
    consumers: list[FlowConsumer]
    edges: list[tuple[str, str]]
    """Pairs of a producer and a consumer that it may reach."""
    warnings: list[str]


def flow(config: Config, decoded: Mapping[str, Sequence[MessageKind]], read_module: Callable[[str], str]) -> Flow:
    """Analyse the message flow.

    Args:
        config: The configuration, including drop-in filters.
        decoded: The kinds of messages that the decoders of each input produce.
        read_module: Returns the text of a Lua module; raises KeyError if there is none.
    """
    producers = [Producer(f"inputs.{name}", list(kinds)) for name, kinds in decoded.items()]
    filters = [Producer(f"filters.{name}", _injected(each, read_module)) for name, each in config.filters.items()]
    producers += [each for each in filters if each.kinds]
    consumers = [FlowConsumer(f"filters.{name}", each.message_matcher) for name, each in config.filters.items()]
    consumers += [FlowConsumer(f"outputs.{name}", each.message_matcher) for name, each in config.outputs.items()]
    everything = [*producers, _host()]
    edges: list[tuple[str, str]] = []
    certain_edges: list[tuple[str, str]] = []
    warnings: list[str] = []
    for consumer in consumers:
        sources, certain, reach = _find_sources(consumer, everything)
        in_pipeline = [source for source in sources if source != HOST]
        edges += [(source, consumer.component) for source in in_pipeline or sources]
        certain_edges += [(source, consumer.component) for source in certain]
        if not sources and reach is not None:
            warnings.append(f"{consumer.component}: {_explain_no_source(consumer, reach, everything)}")
    warnings += [*_warn_unread(producers, edges), *_warn_cycles(certain_edges, config)]
    return Flow(producers if all(source != HOST for source, _ in edges) else everything, consumers, edges, warnings)


def _host() -> Producer:
    return Producer(
        HOST,
        [
            MessageKind(
                type=MESSAGE_TYPE,
                logger=LOGGER,
                fields=FIELDS,
            )
        ],
    )


# ---------------------------------------------------------------- messages of filters


def script_text(sandbox: model.Sandbox) -> str:
    """Return the script of a sandbox."""
    return sandbox.text or Path(sandbox.path).read_text(encoding="utf-8", errors="replace")


def _injected(config: model.Filter, read_module: Callable[[str], str]) -> list[MessageKind]:
    """Return the kinds of messages that a filter may inject."""
    text = _with_modules(_strip_comments(script_text(config.sandbox)), read_module)
    kinds = []
    if text is None or re.search(r"\binject_payload\b", text):
        kinds.append(MessageKind(type=_PAYLOAD, logger=config.name, fields=_PAYLOAD_FIELDS))
    if text is None or _COMPUTED_TYPE.search(text) or _COPIED_TYPE.search(text):
        if text is None or re.search(r"\binject_message\b", text):
            kinds.append(MessageKind(prefix=_FILTER_TYPE, logger=config.name))
    elif re.search(r"\binject_message\b", text):
        options = [value for value in config.sandbox.config.values() if isinstance(value, str)]
        names = dict.fromkeys(["", *_LITERAL.findall(text), *options])
        kinds += [MessageKind(type=_FILTER_TYPE + name, logger=config.name) for name in names]
    return kinds


def _strip_comments(text: str) -> str:
    """Return a script without its header and without comment lines."""
    return _COMMENT.sub("", _HEADER.sub("", text))


def _with_modules(text: str, read_module: Callable[[str], str]) -> str | None:
    """Return a script and all modules it requires; None if a module name is not a literal."""
    texts, waiting, seen = [text], [text], set[str]()
    while waiting:
        text = waiting.pop()
        names = _REQUIRED.findall(text)
        if len(names) != len(_REQUIRE.findall(text)):
            return None
        for name in set(names) - seen:
            seen.add(name)
            try:
                waiting.append(_strip_comments(read_module(name)))
            except (KeyError, OSError, UnicodeDecodeError):
                continue  # built in, such as lpeg, or missing, which `validate` reports
            texts.append(waiting[-1])
    return "\n".join(texts)


# ---------------------------------------------------------------- sources of a consumer


def _find_sources(consumer: FlowConsumer, producers: Sequence[Producer]) -> tuple[list[str], list[str], Reach | None]:
    """Return the producers that may reach a consumer, and those of them that certainly do."""
    kinds = [kind for producer in producers for kind in producer.kinds]
    components = [producer.component for producer in producers for _ in producer.kinds]
    reach = matcher_check.reach(consumer.message_matcher, kinds)
    if reach is None:
        return [], [], None  # the matcher is not valid, which `validate` reports
    # A link is certain only if it does not depend on a field that may be absent.
    bare = [
        kind if kind.fields is not None else MessageKind(kind.type, kind.prefix, kind.logger, frozenset())
        for kind in kinds
    ]
    without_fields = matcher_check.reach(consumer.message_matcher, bare)
    sources, certain = dict[str, None](), dict[str, None]()
    for number, (kind, component) in enumerate(zip(kinds, components, strict=True)):
        if reach.never or not reach.matches[number]:
            continue
        sources[component] = None
        is_named = kind.type in reach.types or kind.logger in reach.loggers
        is_known = kind.type is not None or not reach.passes[number]
        if is_named or (is_known and without_fields is not None and without_fields.matches[number]):
            certain[component] = None
    return list(sources), list(certain), reach


def _explain_no_source(consumer: FlowConsumer, reach: Reach, producers: Sequence[Producer]) -> str:
    """Explain an unreachable consumer: name the first of Type, Logger and fields that no producer satisfies."""
    matcher = f"`{consumer.message_matcher}`"
    if reach.never:
        return f"no message can ever match {matcher}."
    kinds = [kind for producer in producers for kind in producer.kinds]
    by_type = matcher_check.reach(consumer.message_matcher, [MessageKind(kind.type, kind.prefix) for kind in kinds])
    types = {kind.type for kind in kinds if kind.type}
    inputs = [producer for producer in producers if producer.component.startswith("inputs.")]
    decoded = {kind.type for producer in inputs for kind in producer.kinds}
    if by_type is None or not any(by_type.matches):
        missing = sorted(reach.types - types)
        prefixed = [_FILTER_TYPE + name for name in missing if _FILTER_TYPE + name in types]
        hint = (
            f"Types of injected messages begin with `{_FILTER_TYPE}`. Did you mean `{prefixed[0]}`?"
            if prefixed
            else " ".join(did_you_mean(name, sorted(filter(None, decoded))) for name in missing[:1])
        )
        return f"no producer has a Type that {matcher} accepts. {hint}".rstrip()
    loggers = {kind.logger for kind in kinds if kind.logger}
    by_logger = matcher_check.reach(
        consumer.message_matcher, [MessageKind(kind.type, kind.prefix, kind.logger) for kind in kinds]
    )
    if by_logger is None or not any(by_logger.matches):
        hint = " ".join(did_you_mean(name, sorted(loggers)) for name in sorted(reach.loggers - loggers)[:1])
        return f"no producer with such a Type has a Logger that {matcher} accepts. {hint}".rstrip()
    fields = {
        name
        for kind, may in zip(kinds, by_logger.matches, strict=True)
        if may and kind.fields is not None
        for name in kind.fields
    }
    missing = sorted(reach.fields - fields)
    hint = " ".join(did_you_mean(name, sorted(fields)) for name in missing[:1])
    names = ": " + ", ".join(f"`{name}`" for name in missing) if missing else ""
    return f"no matching producer has all fields that {matcher} requires{names}. {hint}".rstrip()


# ---------------------------------------------------------------- warnings


def _warn_unread(producers: Sequence[Producer], edges: Sequence[tuple[str, str]]) -> Iterator[str]:
    sources = {source for source, _ in edges}
    for producer in producers:
        if producer.kinds and producer.component not in sources:
            yield f"{producer.component}: no filter and no output receives its messages."


def _warn_cycles(edges: Sequence[tuple[str, str]], config: Config) -> Iterator[str]:
    """Yield one warning for each cycle of filters that feed each other."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        if source.startswith("filters.") and target.startswith("filters."):
            after.setdefault(source, []).append(target)
    reported: set[frozenset[str]] = set()
    for start in after:
        cycle = _find_cycle(start, after)
        if cycle and frozenset(cycle) not in reported:
            reported.add(frozenset(cycle))
            max_loops = min(config.filters[name.partition(".")[2]].sandbox.limits.max_loops for name in cycle)
            path = " -> ".join([*cycle, start])
            problem = "the filter receives its own messages" if len(cycle) == 1 else "the filters feed each other"
            yield f"{path}: {problem}; a message is dropped after {max_loops} rounds (max_loops)."


def _find_cycle(start: str, after: dict[str, list[str]]) -> list[str]:
    """Return the shortest path from a filter back to itself; empty if there is none."""
    waiting, seen = [[start]], {start}
    while waiting:
        path = waiting.pop(0)
        for target in after.get(path[-1], []):
            if target == start:
                return path
            if target not in seen:
                seen.add(target)
                waiting.append([*path, target])
    return []
