"""How a route is declared: once, and the router, the OpenAPI document and the pages are made from it.

    routes = Routes("filters")

    @routes.get("/api/v1/filters/{name}", role="viewer", scope="sandbox", problems=(404,))
    async def show_filter(call: Call, path: NamePath) -> FilterDetail:
        '''Show a filter.'''

The types of `path`, `query` and `body` and of the answer are those of the function's annotations. The first line of the
docstring is the summary, the rest the description, the function's name the operation's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, get_type_hints

import msgspec

from host.admin.services.context import AdminContext
from host.admin.types import Caller
from host.config.model import Role

T = TypeVar("T")
Method = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]
Scope = Literal["host", "sandbox", "open"]
"""Who may call it of those who are bound to prefixes of sandboxes' names: nobody; those to whom the sandbox belongs
(lists show them what is theirs); all."""

_PARAMETER = re.compile(r"\{(\w+)\}")


class LuaText(bytes):
    """A body that is a script."""

    MEDIA_TYPE = "text/x-lua"


Parameters = dict[str, str]
"""A query that may have any parameters."""


class StreamedResponse:
    """The answer of a route that goes on and on; see `host.admin.api.streams`."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list."""

    items: list[T]
    next_cursor: str | None = None
    """Give it as `cursor` to get what follows; null at the end."""


class Response(Generic[T]):
    """An answer with another status, other headers, or another media type than the route has by default."""

    def __init__(
        self, value: T, *, status: int = 200, headers: dict[str, str] | None = None, media_type: str = ""
    ) -> None:
        self.value = value
        self.status = status
        self.headers = headers or {}
        self.media_type = media_type


@dataclass
class Call:
    """One request, after it was let in."""

    context: AdminContext
    caller: Caller
    parts: Sequence[Routes]
    """All parts of the API, for its description."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts about the change, for the audit log."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation."""

    method: Method
    path: str
    tag: str
    name: str
    summary: str
    description: str
    role: Role | None
    """The least role that may call it; None: anybody."""
    scope: Scope
    statuses: tuple[int, ...]
    """Of answers that are not problems."""
    problems: tuple[int, ...]
    """Beside those that any route may have."""
    media_types: tuple[str, ...]
    path_type: Any
    query_type: Any
    body_type: Any
    answer_type: Any
    handler: Callable[..., Any]

    @property
    def pattern(self) -> str:
        """The path as a regular expression, a group for each parameter."""
        return _PARAMETER.sub(r"(?P<\1>[^/]+)", self.path)

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters in the path."""
        return _PARAMETER.findall(self.path)

    @property
    def is_stream(self) -> bool:
        """True if the response is a stream."""
        return self.answer_type is StreamedResponse

    @property
    def changes(self) -> bool:
        """True if the audit log records calls of the route."""
        return self.method != "GET"


Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])


class Routes:
    """The routes of one part of the API.

    Args:
        tag: What they are about.
        about: The same in a sentence.
    """

    def __init__(self, tag: str, about: str) -> None:
        self.tag = tag
        self.about = about
        self.all: list[Route] = []

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a route that changes nothing."""
        return self._declare("GET", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a route that makes or replaces something."""
        return self._declare("PUT", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a route that does something."""
        return self._declare("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a route that changes parts of something."""
        return self._declare("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a route that removes something."""
        return self._declare("DELETE", path, **options)

    def _declare(
        self,
        method: Method,
        path: str,
        *,
        role: Role | None,
        scope: Scope,
        problems: tuple[int, ...] = (),
        statuses: tuple[int, ...] = (),
        media_types: tuple[str, ...] = ("application/json",),
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            summary, _, description = (inspect.getdoc(handler) or "").partition("\n\n")
            answer = hints["return"]
            route = Route(
                method=method,
                path=path,
                tag=self.tag,
                name=handler.__name__,
                summary=summary.replace("\n", " "),
                description=description,
                role=role,
                scope=scope,
                statuses=statuses or ((204,) if answer is type(None) else (200,)),
                problems=problems,
                media_types=media_types,
                path_type=hints.get("path"),
                query_type=hints.get("query"),
                body_type=hints.get("body"),
                answer_type=answer,
                handler=handler,
            )
            self.all.append(route)
            return handler

        return declare
