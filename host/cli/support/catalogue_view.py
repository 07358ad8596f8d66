"""The output of `hekate list`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from host.cli.support.output import console, show_config_errors, write_json
from host.config.catalogue import OptionInfo, PluginInfo, describe
from host.config.model import Stage
from host.core.errors import ConfigError


def show(stages: Sequence[str], sandbox_dir: Path | None, output_format: str) -> int:
    """Print the plugins of some stages.

    Args:
        stages: The stages to print.
        sandbox_dir: The user's own plugins.
        output_format: `text` or `json`.

    Returns:
        The exit status: not 0 if the front matter of a plugin has a fault.
    """
    errors: list[ConfigError] = []
    found = {stage: list(describe(cast("Stage", stage), sandbox_dir, errors)) for stage in stages}
    if output_format == "json":
        write_json(found)
    else:
        out = console()
        for stage, plugins in found.items():
            _show_stage(out, stage, plugins)
    if errors:
        show_config_errors(errors)
    return os.EX_CONFIG if errors else os.EX_OK


def _show_stage(out: Console, stage: str, plugins: list[PluginInfo]) -> None:
    out.print(Text(stage, style="bold underline"))
    for plugin in plugins:
        out.print(Text("  ").append(plugin.name, style="bold cyan").append(f"  {plugin.summary}"))
        for option in plugin.options:
            out.print(Text("      ").append(option.name, style="green").append(f" ({facts(option)})", style="dim"))
            if option.description:
                out.print(Text(f"          {option.description}"))
    out.print()


def facts(option: OptionInfo) -> str:
    """Return type, default and choices of an option in a few words."""
    kind = f"one of {', '.join(_shown(choice) for choice in option.choices)}" if option.choices else option.type
    if option.required:
        return f"{kind}, required"
    return kind if option.default is None else f"{kind}, default {_shown(option.default)}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
