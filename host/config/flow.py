"""What flows where in a configuration, as far as can be told without running it, and what is suspicious about that.

A consumer is reached by a producer unless its matcher needs Types that the producer cannot make. What a script makes is
known from its text: a Type that stands in it, or in its options, may be made; whatever cannot be told is taken for any.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from host.config import model
from host.config.model import Config
from host.router import matcher_check
from host.router.needs import Need

ANY = None
"""Types that cannot be told."""
_OWN = ("hekate.", "heka.")
"""Types of what the host itself has to say, or what inject_payload makes."""
_READS_TYPE = re.compile(r"type\s*=\s*read_config\s*\(?\s*[\"']type[\"']")
_LITERAL = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
_COMPUTED_TYPE = re.compile(r"\bType\s*=\s*(?![\s\"'=])(?!nil\b)")
_INJECTS = re.compile(r"\binject_(message|payload)\b|\badd_to_payload\b")

Types = frozenset[str] | None


class Producer(NamedTuple):
    """What makes messages: the decoders of an input, or a filter."""

    place: str
    types: Types


class Consumer(NamedTuple):
    """What sees messages: a filter or an output."""

    place: str
    message_matcher: str
    needs: tuple[Need, ...] | None


class Flow(NamedTuple):
    """The whole."""

    producers: list[Producer]
    consumers: list[Consumer]
    edges: list[tuple[str, str]]
    """From a producer to a consumer that it may reach."""
    warnings: list[str]


def flow(config: Config) -> Flow:
    """Find out."""
    producers = [Producer(f"inputs.{name}", _decoded(each)) for name, each in config.inputs.items()]
    injected = {f"filters.{name}": _injected(each.sandbox) for name, each in config.filters.items()}
    producers += [Producer(place, types) for place, types in injected.items() if types != frozenset()]
    consumers = [_consumer(f"filters.{name}", each.message_matcher) for name, each in config.filters.items()]
    consumers += [_consumer(f"outputs.{name}", each.message_matcher) for name, each in config.outputs.items()]
    edges = [
        (producer.place, consumer.place)
        for producer in producers
        for consumer in consumers
        if producer.place != consumer.place and _reaches(producer, consumer)
    ]
    warnings = [*_unreached(consumers, edges), *_cycles(edges, config)]
    return Flow(producers, consumers, edges, warnings)


def _consumer(place: str, expression: str) -> Consumer:
    return Consumer(place, expression, matcher_check.needs(expression))


def _text(sandbox: model.Sandbox) -> str:
    return sandbox.text or Path(sandbox.path).read_text(encoding="utf-8", errors="replace")


def _decoded(config: model.Input) -> Types:
    """The Types that the decoders of an input make."""
    if config.message_type:
        return frozenset({config.message_type})
    types: set[str] = set()
    for sandbox in config.decoder_chain:
        text, given = _text(sandbox), sandbox.config.get("type")
        if not _READS_TYPE.search(text) or "process_message" in text or not isinstance(given, str):
            return ANY
        types.add(given)
    return frozenset(types)


def _injected(sandbox: model.Sandbox) -> Types:
    """The Types that a filter may inject; empty if it injects nothing."""
    text = _text(sandbox)
    if "require" not in text and not _INJECTS.search(text):
        return frozenset()
    if _COMPUTED_TYPE.search(text):
        return ANY
    options = [value for value in sandbox.config.values() if isinstance(value, str)]
    return frozenset(_LITERAL.findall(text)) | frozenset(options)


def _reaches(producer: Producer, consumer: Consumer) -> bool:
    if consumer.needs is None:
        return True
    return any(_fits(need, producer) for need in consumer.needs)


def _fits(need: Need, producer: Producer) -> bool:
    if need.types is None or producer.types is ANY:
        return True
    wanted = {name.decode(errors="replace") for name in need.types}
    from_filter = producer.place.startswith("filters.")
    return bool(wanted & producer.types) or (from_filter and any(name.startswith(_OWN) for name in wanted))


def _is_of_the_host(consumer: Consumer) -> bool:
    """Whether it waits for what the host itself has to say."""
    names = [name.decode(errors="replace") for need in consumer.needs or () for name in need.types or ()]
    return any(name.startswith(_OWN) for name in names)


def _unreached(consumers: list[Consumer], edges: list[tuple[str, str]]) -> Iterator[str]:
    reached = {target for _, target in edges}
    for consumer in consumers:
        if consumer.place in reached or _is_of_the_host(consumer):
            continue
        if consumer.needs == ():
            yield f"{consumer.place}: no message can ever match `{consumer.message_matcher}`."
        else:
            yield f"{consumer.place}: nothing here makes messages that `{consumer.message_matcher}` asks for."


def _cycles(edges: list[tuple[str, str]], config: Config) -> Iterator[str]:
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
            yield f"{way}: they may feed each other; what has gone round {most} times is dropped (max_loops)."


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
