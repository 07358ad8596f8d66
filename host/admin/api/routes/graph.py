"""The pipeline as a graph, with what flows through it just now."""

from __future__ import annotations

from typing import Literal

import msgspec

from host.admin.api import streams
from host.admin.api.handler import RouteHandler
from host.admin.api.route_spec import Call, Response, Routes, StreamedResponse
from host.admin.problems import Problem
from host.admin.services import graph
from host.admin.services.graph import Graph

routes = Routes("graph", "The pipeline as a graph, with what flows through it just now.")

_DOT, _MERMAID = "text/vnd.graphviz", "text/vnd.mermaid"


class FormatQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is written."""

    format: Literal["json", "dot", "mermaid"] = "json"


@routes.get(
    "/api/v1/graph", role="viewer", scope="host", media_types=("application/json", _DOT, _MERMAID)
)  # fmt: skip
async def show_graph(call: Call, query: FormatQuery) -> Response[Graph]:
    """Show the pipeline: its components, their states, and the rates between them over the last five seconds.

    As JSON, for Graphviz (`format=dot`) or for Mermaid (`format=mermaid`).
    """
    shown = call.context.graph()
    if query.format == "dot":
        return Response(graph.dot(shown), media_type=_DOT)  # type: ignore[arg-type]  # text goes out as it is
    if query.format == "mermaid":
        return Response(graph.mermaid(shown), media_type=_MERMAID)  # type: ignore[arg-type]
    return Response(shown)


class Warnings(msgspec.Struct, frozen=True, kw_only=True):
    """Suspicious parts of a valid configuration."""

    warnings: list[str]


@routes.get("/api/v1/graph/warnings", role="viewer", scope="host", problems=(409,))
async def graph_warnings(call: Call) -> Warnings:
    """Tell of matchers that nothing can satisfy, messages that nobody sees, and filters that may feed each other.

    This is what `hekate graph` warns of: it looks at the files of the configuration as they are now, in a process of
    its own, which takes about a second.
    """
    _, output = await call.context.reloader.flow()
    try:
        return msgspec.json.decode(output.encode(), type=Warnings)
    except msgspec.DecodeError as error:
        detail = "The files of the configuration are not valid as they are now: `hekate validate` says why."
        raise Problem(409, detail) from error


@routes.get("/api/v1/graph/stream", role="viewer", scope="host", media_types=("text/event-stream",))
async def stream_graph(call: Call, handler: RouteHandler) -> StreamedResponse:
    """Follow the graph: a server-sent event `graph` each second, made once for all who follow it.

    Its data is that of `GET /api/v1/graph`. This is what a page should show that is open all day.
    """
    await streams.follow(call.context.live_graph, handler, call.context.graph_event)
    return StreamedResponse()
