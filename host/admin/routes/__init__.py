"""The routes, a file for each part of the API."""

from host.admin.declare import Route, Routes
from host.admin.routes import (
    changes,
    components,
    config,
    dead_letters,
    graph,
    library,
    meta,
    readouts,
    sandboxes,
    tap,
    trials,
)

PARTS: tuple[Routes, ...] = (
    meta.routes,
    sandboxes.routes,
    changes.routes,
    readouts.routes,
    config.routes,
    dead_letters.routes,
    graph.routes,
    tap.routes,
    trials.routes,
    library.routes,
    components.routes,
)


def all_routes() -> list[Route]:
    """Every route that there is."""
    return [route for part in PARTS for route in part.all]
