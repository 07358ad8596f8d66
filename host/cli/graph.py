"""`hekate graph`: what flows where in a configuration."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli.statuses import exits

if TYPE_CHECKING:
    from host.config.flow import Flow

_FAILED = 1


@click.command(
    name="graph",
    short_help="Show what flows where in a configuration, and what is suspicious.",
    epilog=exits(os.EX_CONFIG, because={1: "something is suspicious"}),
)
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "dot", "mermaid", "json"]),
    default="text",
    show_default=True,
    help="Text for people, a graph for Graphviz or Mermaid, or JSON for programs.",
)
def command(config: tuple[Path, ...], output_format: str) -> int:
    """Show which inputs and filters reach which filters and outputs in CONFIG, as far as can be told from the text.

    It warns, on stderr, of matchers that nothing can satisfy, of outputs that nobody reaches, and of filters that may
    feed each other. A running host's graph with its rates is shown by `hekate top`.

    \b
        hekate graph hekate.yaml
        hekate graph hekate.yaml --format dot | dot -Tsvg > hekate.svg
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.output import write_json
    from host.config.dropins import DropIns
    from host.config.flow import flow
    from host.config.load import load_config
    from host.errors import ConfigErrors

    loaded = load_config(config)
    filters, faults = DropIns().filters(loaded)
    if faults:
        raise ConfigErrors(faults)
    import msgspec

    found = flow(msgspec.structs.replace(loaded, filters={**filters, **loaded.filters}))
    if output_format == "json":
        edges = [{"source": source, "target": target} for source, target in found.edges]
        write_json({"nodes": _nodes(found), "edges": edges, "warnings": found.warnings})
    else:
        sys.stdout.write({"text": _text, "dot": _dot, "mermaid": _mermaid}[output_format](found))
    for warning in found.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return _FAILED if found.warnings else 0


def _nodes(found: "Flow") -> list[str]:
    places = [producer.place for producer in found.producers] + [consumer.place for consumer in found.consumers]
    return list(dict.fromkeys(places))


def _text(found: "Flow") -> str:
    matchers = {consumer.place: consumer.message_matcher for consumer in found.consumers}
    lines = []
    for producer in found.producers:
        types = "any Type" if producer.types is None else ", ".join(sorted(producer.types))
        shown = f" ({types})" if producer.place.startswith("inputs.") else ""
        lines.append(f"{producer.place}{shown}")
        for source, target in found.edges:
            if source == producer.place:
                lines.append(f"  -> {target}  [{matchers[target]}]")
    return "\n".join(lines) + "\n"


def _dot(found: "Flow") -> str:
    lines = ["digraph hekate {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f'  "{place}";' for place in _nodes(found)]
    lines += [f'  "{source}" -> "{target}";' for source, target in found.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid(found: "Flow") -> str:
    numbers = {place: f"n{number}" for number, place in enumerate(_nodes(found))}
    lines = ["flowchart LR", *(f'  {number}["{place}"]' for place, number in numbers.items())]
    lines += [f"  {numbers[source]} --> {numbers[target]}" for source, target in found.edges]
    return "\n".join(lines) + "\n"
