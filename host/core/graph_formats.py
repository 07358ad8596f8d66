"""Draws a graph for Graphviz and Mermaid: that of a configuration, and that of a running host."""

from collections.abc import Iterable
from typing import NamedTuple


class Edge(NamedTuple):
    """An arrow."""

    source: str
    target: str
    label: str = ""


def dot(nodes: Iterable[tuple[str, str]], edges: Iterable[Edge]) -> str:
    """For Graphviz. Names consist of letters, digits, `_`, `-` and `.`, so nothing has to be escaped.

    Args:
        nodes: Each name, and what is to be said of it; empty if nothing is.
        edges: Between them.
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
    """For Mermaid; the arguments are those of `dot`."""
    named = list(nodes)
    numbers = {name: f"n{number}" for number, (name, _) in enumerate(named)}
    lines = ["flowchart LR"]
    lines += [f'  {numbers[name]}["{name}{f" ({note})" if note else ""}"]' for name, note in named]
    for edge in edges:
        arrow = f"-->|{edge.label}|" if edge.label else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow} {numbers[edge.target]}")
    return "\n".join(lines) + "\n"
