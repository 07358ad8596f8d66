"""Graphs for Graphviz and Mermaid, of a configuration or of a running host."""

from collections.abc import Iterable
from typing import NamedTuple


class Edge(NamedTuple):
    """An arrow."""

    source: str
    target: str
    label: str = ""


def dot(nodes: Iterable[tuple[str, str]], edges: Iterable[Edge]) -> str:
    """Return a graph for Graphviz. Names consist of letters, digits, `_`, `-` and `.`, so they need no escaping.

    Args:
        nodes: Pairs of name and note; the note may be empty.
        edges: Arrows between the nodes.
    """
    lines = ["digraph hekate {", "  rankdir=LR;", "  node [shape=box];"]
    for name, note in nodes:
        style = f', xlabel="{note}", style=bold' if note else ""
        lines.append(f'  "{name}" [label="{name}"{style}];')
    for edge in edges:
        label = f' [label="{edge.label}"]' if edge.label else ""
        lines.append(f'  "{edge.source}" -> "{edge.target}"{label};')
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(nodes: Iterable[tuple[str, str]], edges: Iterable[Edge]) -> str:
    """Return a graph for Mermaid; the arguments are those of `dot`."""
    named = list(nodes)
    numbers = {name: f"n{number}" for number, (name, _) in enumerate(named)}
    lines = ["flowchart LR"]
    lines += [f'  {numbers[name]}["{name}{f" ({note})" if note else ""}"]' for name, note in named]
    for edge in edges:
        arrow = f"-->|{edge.label}|" if edge.label else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow} {numbers[edge.target]}")
    return "\n".join(lines) + "\n"
