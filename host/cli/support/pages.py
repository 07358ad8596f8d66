"""All generated pages of the repository; `scripts/generate` writes them, and a test compares."""

from host.admin.api import reference as admin
from host.admin.api.routes import PARTS
from host.cli.support import reference as cli
from host.config import reference


def pages() -> dict[str, str]:
    """Make them.

    Returns:
        Text by path in the repository.

    Raises:
        ConfigErrors: The header of a shipped plugin has a fault.
    """
    return reference.pages() | {
        "docs/cli.md": cli.markdown(reference.MARK),
        "docs/hekate.1": cli.man(),
        "docs/admin-api.md": admin.markdown(PARTS, reference.MARK),
        "docs/metrics.md": admin.metrics_page(reference.MARK),
    }
