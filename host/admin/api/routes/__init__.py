"""The routes, a file for each part of the API."""

from host.admin.api.route_spec import Route, Routes
from host.admin.api.routes import (
    changes,
    components,
    config,
    dead_letters,
    graph,
    library,
    meta,
    queries,
    sandboxes,
    tap,
    trials,
)

PARTS: tuple[Routes, ...] = (
    meta.routes,
    sandboxes.routes,
    changes.routes,
    queries.routes,
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
