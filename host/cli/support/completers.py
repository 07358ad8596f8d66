"""Shell completion for names from a running host.

If the host does not answer within a second, there is nothing to complete and no error is shown.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.support.options import own_plugins

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_TIMEOUT_S = 1.0
_MOST = 200


def _items(ctx: click.Context, *path: str, **query: Any) -> list[dict[str, Any]]:
    from host.cli.support.admin_client import Client, path_of
    from host.core.errors import HekateError

    token_file = ctx.params.get("token_file")
    try:
        client = Client.default(ctx.params.get("api"), Path(token_file) if token_file else None, timeout_s=_TIMEOUT_S)
        found = client.ask("GET", path_of(*path), **query)
    except HekateError:
        return []
    items: list[dict[str, Any]] = found["nodes" if path == ("graph",) else "items"]
    return items


def _completed(found: list[tuple[str, str]], incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    helps = {name: text for name, text in found if name.startswith(incomplete)}
    return [CompletionItem(name, help=text) for name, text in sorted(helps.items())]


def sandboxes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete names of sandboxes, of `--kind` if given."""
    found = _items(ctx, "sandboxes", kind=ctx.params.get("kind"), limit=_MOST)
    return _completed([(each["name"], f"{each['kind']} {each['state']}") for each in found], incomplete)


def points(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the points that can be tapped."""
    nodes = [(node["id"], node["type"]) for node in _items(ctx, "graph") if node["stage"] not in {"inputs", "encoders"}]
    return _completed(nodes, incomplete)


def components(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete names of inputs, filters and outputs."""
    stages = {"inputs", "filters", "outputs"}
    found = [(node["name"], node["stage"][:-1]) for node in _items(ctx, "graph") if node["stage"] in stages]
    return _completed(found, incomplete)


def letters(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the newest dead letters."""
    query = {"component": ctx.params.get("component"), "reason": ctx.params.get("reason"), "limit": _MOST}
    found = _items(ctx, "dead-letters", **query)
    return _completed([(each["id"], f"{each['component']}: {each['reason']}") for each in found], incomplete)


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Let the shell complete files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def decoders(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete shipped decoders and those in `--sandbox-dir`."""
    from host.core import paths

    folders = [paths.shipped("sandboxes/lua")]
    own = own_plugins(ctx.params.get("sandbox_dir"))
    folders += [own] if own else []
    names = [(path.stem, "") for folder in folders for path in (folder / "decoders").glob("*.lua")]
    return _completed(names, incomplete)
