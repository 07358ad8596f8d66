"""Builds the bundles of the admin page for the wheel, and fails if one of them or the man page is missing."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "host/admin/page/vendor"
MAN_PAGE = "docs/hekate.1"


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Build hook of hatchling, named in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Prepare the wheel. An editable installation uses the checkout instead, where `make install` builds the page.

        Raises:
            RuntimeError: A file that belongs into the wheel is missing, with its path and the remedy.
        """
        del build_data
        if version != "standard":
            return
        root = Path(self.root)
        build_page(root)
        missing = missing_files(root)
        if missing:
            raise RuntimeError(
                f"Cannot build the wheel: missing {', '.join(missing)}. Install Node.js 18 or newer with npm, "
                "run scripts/build_page and scripts/generate in the checkout, and build again."
            )


def build_page(root: Path) -> None:
    """Build the bundles, unless they are up to date. Without npm, existing ones are used as they are.

    Raises:
        RuntimeError: The build failed. Its messages are on stderr.
    """
    if not shutil.which("npm"):
        return
    done = subprocess.run([root / "scripts" / "build_page"], check=False)
    if done.returncode:
        raise RuntimeError("Cannot build the wheel: scripts/build_page failed; its messages are above.")


def missing_files(root: Path) -> list[str]:
    """Return the paths of bundles and pages that the wheel needs and the checkout lacks or has empty."""
    needed = [f"{VENDOR}/{name}" for name in bundle_names(root)]
    needed.append(MAN_PAGE)
    return [path for path in needed if not (root / path).is_file() or not (root / path).stat().st_size]


def bundle_names(root: Path) -> list[str]:
    """Return the names of the bundles: one for each script in scripts/page_vendor, its styles, and the licences."""
    scripts = sorted(path.name for path in (root / "scripts" / "page_vendor").glob("*.js"))
    return [*scripts, "charts.css", "LICENCES.txt"]
