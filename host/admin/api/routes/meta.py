"""Health, readiness, metrics, and the description of the API."""

from typing import Literal

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from host import __version__
from host.admin.api import openapi, reference
from host.admin.api.route_spec import Call, Response, Routes
from host.admin.services import stats
from host.config.model import Role
from host.telemetry.prometheus import RegistryCollector

routes = Routes("host", "Whether the host lives and works, its metrics, and the description of this API.")

_METRICS_TYPE = "text/plain"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The host answers."""

    status: Literal["alive"]
    version: str
    """Of Hekate."""
    started_ns: int
    """Start time of the host, in nanoseconds since 1970."""


class ComponentReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """Readiness of one component."""

    component: str
    """As `outputs.errors`."""
    ready: bool
    reason: str = ""
    """Reason why the component is not ready; empty if it is."""


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Readiness of the host."""

    ready: bool
    components: list[ComponentReadiness]


class Myself(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticated caller."""

    name: str
    """As the audit log has it."""
    role: Role
    sandboxes: list[str] | None
    """What the names of the sandboxes begin with that they may reach; null: all, and the whole host."""


@routes.get("/health", role=None, scope="open")
async def health(call: Call) -> Health:
    """Say that the host lives.

    Whoever gets no answer may take the host for dead and start it again.
    """
    return Health(status="alive", version=__version__, started_ns=call.context.started_ns)


@routes.get("/ready", role=None, scope="open", statuses=(200, 503))
async def ready(call: Call) -> Response[Readiness]:
    """Say whether every component does its work.

    503 if one does not: a sandbox that keeps dying, an input that has failed, an output that cannot deliver. What was
    paused or stopped by somebody is not ready either.
    """
    found = _readiness(call)
    return Response(found, status=200 if found.ready else 503)


@routes.get("/api/v1/readiness", role="viewer", scope="open")
async def show_readiness(call: Call) -> Readiness:
    """Show the same as `/ready`, always with 200: for whoever wants to look, and not to be alarmed."""
    return _readiness(call)


def _readiness(call: Call) -> Readiness:
    found = [
        ComponentReadiness(component=name, ready=not reason, reason=reason)
        for name, reason in stats.readiness(call.context.pipeline)
    ]
    return Readiness(ready=all(component.ready for component in found), components=found)


@routes.get("/api/v1/caller", role="viewer", scope="open")
async def show_caller(call: Call) -> Myself:
    """Say who is asking, and what they may do."""
    caller = call.caller
    assert caller.role is not None
    prefixes = None if caller.prefixes is None else list(caller.prefixes)
    return Myself(name=caller.name, role=caller.role, sandboxes=prefixes)


@routes.get("/metrics", role="viewer", scope="host", media_types=(_METRICS_TYPE,))
async def metrics(call: Call) -> bytes:
    """Show all metrics in Prometheus's text format.

    docs/metrics.md explains each. Counters end in `_total`; labels are the kind, name and type of a component, and
    reasons, which are of few fixed words.
    """
    stats.refresh(call.context.pipeline)
    registry = CollectorRegistry()
    registry.register(RegistryCollector(call.context.pipeline.metrics))
    return generate_latest(registry)


@routes.get("/openapi.json", role=None, scope="open")
async def openapi_document(call: Call) -> bytes:
    """Describe this API as an OpenAPI 3.1 document."""
    return openapi.document_bytes(tuple(call.parts))


@routes.get("/docs", role=None, scope="open", media_types=("text/html",))
async def docs(call: Call) -> Response[bytes]:
    """Describe this API for people."""
    return Response(reference.page(tuple(call.parts)), headers={"Content-Security-Policy": reference.CONTENT_POLICY})
