"""Builds the bundles of the admin page before they go into the wheel."""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling; pyproject.toml names this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundles; an editable installation uses the checkout, where `make install` makes them."""
        del build_data
        if version == "standard":
            subprocess.run([Path(self.root) / "scripts" / "build_page"], check=True)
