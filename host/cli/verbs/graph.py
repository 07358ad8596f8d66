"""`hekate graph`: the topology of a configuration or of a running host."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.support.admin_options import admin_options
from host.cli.support.did_you_mean import OneOf
from host.cli.support.escape import visible
from host.cli.support.exit_codes import exits

if TYPE_CHECKING:
    from host.config.flow import Flow

_FAILED = 1


@click.command(
    name="graph",
    short_help="Show the topology of a configuration, and warn of suspicious parts.",
    epilog=exits(os.EX_CONFIG, because={1: "something is suspicious"}, asks_a_host=True),
)
@click.argument("config", nargs=-1, type=click.Path(path_type=Path))
@admin_options
@click.option(
    "--format",
    "output_format",
    type=OneOf(["text", "dot", "mermaid", "json"]),
    default="text",
    show_default=True,
    help="Text for people, a graph for Graphviz or Mermaid, or JSON for programs.",
)
def command(config: tuple[Path, ...], api: str | None, token_file: Path | None, output_format: str) -> int:
    """Show which inputs and filters of CONFIG can reach which filters and outputs.

    It warns on stderr of matchers that no message can satisfy (by known Types, Loggers and fields), of messages that
    no consumer receives, and of filters that may feed each other. Without CONFIG it shows the graph of a running host
    with its rates, and warns about the host's configuration files.

    \b
        hekate graph hekate.yaml
        hekate graph hekate.yaml --format dot | dot -Tsvg > hekate.svg
        hekate graph --api /run/hekate/admin.sock
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    if not config:
        return _warn(_show_running(api, token_file, output_format))
    found = _flow(config)
    _show(found, output_format)
    return _warn(found.warnings)


def _warn(warnings: Sequence[str]) -> int:
    """Print warnings; return the exit status."""
    for warning in warnings:
        click.echo(visible(f"Warning: {warning}"), err=True)
    return _FAILED if warnings else os.EX_OK


def _flow(config: Sequence[Path]) -> "Flow":
    import asyncio

    import msgspec

    from host.config import lua_check
    from host.config.dropins import DropIns
    from host.config.flow import flow
    from host.config.load import load
    from host.core.errors import ConfigErrors
    from host.pipeline import specs
    from host.telemetry import logs
    from host.trial import decoded_kinds

    logs.set_up("error", "text")
    loaded = load(config)
    filters, _ = DropIns().filters(loaded.config)
    faults = lua_check.check_lua(loaded)
    if faults:
        raise ConfigErrors(faults)
    whole = msgspec.structs.replace(loaded.config, filters={**filters, **loaded.config.filters})
    return flow(whole, asyncio.run(decoded_kinds.find_kinds(whole)), specs.module_reader(whole.hekate.sandbox_dir))


def _show_running(api: str | None, token_file: Path | None, output_format: str) -> list[str]:
    """Show the graph of a running host; return the warnings about its configuration."""
    from host.cli.support.admin_client import ApiError, Client, path_of
    from host.cli.support.output import write_json

    asked = output_format if output_format in {"dot", "mermaid"} else "json"
    client = Client.default(api, token_file)
    found = client.ask("GET", path_of("graph"), format=asked)
    warnings: list[str]
    try:
        warnings = client.ask("GET", path_of("graph", "warnings"))["warnings"]
    except ApiError as error:  # the files are not valid as they are now, and the graph is that of what runs
        warnings = [str(error)]
    if output_format == "json":
        write_json(found | {"warnings": warnings})
    else:
        sys.stdout.write(found if isinstance(found, str) else _running_text(found))
    return warnings


def _running_text(graph: dict[str, Any]) -> str:
    lines = []
    for node in graph["nodes"]:
        state = node["state"] if node["health"] == "ok" else f"{node['state']} ({node['health']}): {node['reason']}"
        lines.append(f"{node['id']}  {state}")
        lines += [
            f"  -> {edge['target']}  {edge['records_per_second']:g}/s"
            for edge in graph["edges"]
            if edge["source"] == node["id"]
        ]
    return "\n".join(lines) + "\n"


def _show(found: "Flow", output_format: str) -> None:
    from host.cli.support.output import write_json
    from host.core import graph_formats

    if output_format == "json":
        edges = [{"source": source, "target": target} for source, target in found.edges]
        write_json({"nodes": _nodes(found), "edges": edges, "warnings": found.warnings})
    elif output_format == "text":
        sys.stdout.write(_text(found))
    else:
        draw = graph_formats.dot if output_format == "dot" else graph_formats.mermaid
        nodes = [(place, "") for place in _nodes(found)]
        sys.stdout.write(draw(nodes, [graph_formats.Edge(*edge) for edge in found.edges]))


def _nodes(found: "Flow") -> list[str]:
    places = [producer.component for producer in found.producers] + [consumer.component for consumer in found.consumers]
    return list(dict.fromkeys(places))


def _text(found: "Flow") -> str:
    matchers = {consumer.component: consumer.message_matcher for consumer in found.consumers}
    lines = []
    for producer in found.producers:
        types = "any Type" if producer.types is None else ", ".join(sorted(producer.types)) or "no Type"
        shown = "" if producer.component.startswith("filters.") else f" ({types})"
        lines.append(f"{producer.component}{shown}")
        for source, target in found.edges:
            if source == producer.component:
                lines.append(f"  -> {target}  [{matchers[target]}]")
    return "\n".join(lines) + "\n"
