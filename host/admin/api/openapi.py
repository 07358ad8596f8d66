"""The OpenAPI 3.1 document, made from the declared routes and their types."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, get_args, get_origin

import msgspec
import orjson

from host import __version__
from host.admin import problems
from host.admin.api.route_spec import LuaText, Parameters, Response, Route, Routes, StreamedResponse
from host.admin.problems import ProblemDetails

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ABOUT = """Watch and manage a running Hekate.

Names, units and states are those of the configuration and the metrics. Lists come in pages: ask for what follows with
the `next_cursor` of the page before. Errors are problem details (RFC 9457). Times are RFC 3339, or nanoseconds
since 1970 where the name ends in `_ns`."""


@functools.cache
def document_bytes(parts: tuple[Routes, ...]) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(document(parts))


def document(parts: Iterable[Routes]) -> Schema:
    """Make the document of the routes of some parts."""
    parts = list(parts)
    routes = [route for part in parts for route in part.all]
    schemas = _Schemas(routes)
    paths: Schema = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hekate admin API", "version": __version__, "description": _ABOUT},
        "tags": [{"name": part.tag, "description": part.about} for part in parts],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of `admin.tokens`."}
            },
        },
        "security": [{"token": []}],
    }


class _Schemas:
    """The schemas of all types that the routes use."""

    def __init__(self, routes: Iterable[Route]) -> None:
        types: list[Any] = [ProblemDetails]
        for route in routes:
            types += [kind for kind in (_answer_type(route), route.body_type) if _has_schema(kind)]
            types += [kind for kind in (route.path_type, route.query_type) if kind not in (None, Parameters)]
        unique = list({str(kind): kind for kind in types}.values())
        found, self.components = msgspec.json.schema_components(unique, ref_template=_REF)
        self._by_type = dict(zip(map(str, unique), found, strict=True))
        for struct in _structs(unique):
            _describe(struct, self.components)
        self._parameters = {str(kind): self._inline(kind) for kind in unique}
        for route in routes:
            for kind in (route.path_type, route.query_type):
                if kind not in (None, Parameters):
                    self.components.pop(kind.__name__, None)

    def of(self, kind: Any) -> Schema:
        """The schema of a type, or a reference to it."""
        return self._by_type[str(kind)]

    def properties(self, kind: type[msgspec.Struct]) -> tuple[Schema, list[str]]:
        """The fields of a struct, and which of them are required."""
        schema = self._parameters[str(kind)]
        return schema["properties"], schema.get("required", [])

    def _inline(self, kind: Any) -> Schema:
        schema: Schema = self._by_type[str(kind)]
        reference = schema.get("$ref", "").rpartition("/")[2]
        found: Schema = self.components.get(reference, schema)
        return found


def _operation(route: Route, schemas: _Schemas) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": "\n\n".join(part for part in (route.description, _who(route)) if part),
        "parameters": [
            *_parameters(route.path_type, "path", schemas),
            *_parameters(route.query_type, "query", schemas),
        ],
        "responses": _responses(route, schemas),
    }
    if route.role is None:
        operation["security"] = []
    if route.body_type is LuaText:
        operation["requestBody"] = {"required": True, "content": {LuaText.MEDIA_TYPE: {"schema": {"type": "string"}}}}
    elif route.body_type is not None:
        optional = type(None) in get_args(route.body_type)
        body = {"schema": schemas.of(route.body_type)}
        operation["requestBody"] = {"required": not optional, "content": {"application/json": body}}
    return operation


def _who(route: Route) -> str:
    if route.role is None:
        return "Needs no token."
    scope = {
        "host": "Not for tokens that are bound to sandboxes.",
        "sandbox": "Tokens that are bound to sandboxes reach only these.",
        "open": "",
    }[route.scope]
    return f"Needs the role `{route.role}`. {scope}".strip()


def _parameters(kind: Any, place: str, schemas: _Schemas) -> Iterator[Schema]:
    if kind is None:
        return
    if kind == Parameters:
        anything = {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 20}
        yield {
            "name": "arguments",
            "in": place,
            "required": False,
            "style": "form",
            "explode": True,
            "schema": anything,
        }
        return
    properties, required = schemas.properties(kind)
    for name, schema in properties.items():
        shown = {key: value for key, value in schema.items() if key != "description"}
        described = {"description": schema["description"]} if "description" in schema else {}
        yield {
            "name": name, "in": place, "required": place == "path" or name in required, "schema": shown, **described,
        }  # fmt: skip


def _responses(route: Route, schemas: _Schemas) -> Schema:
    responses: Schema = {}
    for status in route.statuses:
        phrase = HTTPStatus(status).phrase
        content = {media_type: {"schema": _content(route, media_type, schemas)} for media_type in route.media_types}
        responses[str(status)] = {"description": phrase} | ({} if status == 204 else {"content": content})
    problem = {problems.MEDIA_TYPE: {"schema": schemas.of(ProblemDetails)}}
    for status in sorted(problem_statuses(route)):
        if str(status) in responses:
            responses[str(status)]["content"] |= problem
        else:
            responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return responses


def _content(route: Route, media_type: str, schemas: _Schemas) -> Schema:
    kind = _answer_type(route)
    if media_type == "application/json" and _has_schema(kind):
        return schemas.of(kind)
    return {} if media_type == "application/json" else {"type": "string"}


def problem_statuses(route: Route) -> set[int]:
    """Return the problem statuses that a route may answer."""
    statuses = {400, 403, 421, 429, 503, *route.problems}
    if route.path_type is not None:
        statuses.add(404)
    if route.role is not None:
        statuses.add(401)
    if route.body_type is not None:
        statuses |= {413, 415}
    return statuses


def _answer_type(route: Route) -> Any:
    kind = route.answer_type
    return get_args(kind)[0] if get_origin(kind) is Response else kind


def _has_schema(kind: Any) -> bool:
    return kind not in (None, type(None), LuaText, StreamedResponse, bytes, str)


def _structs(types: Iterable[Any]) -> Iterator[type[msgspec.Struct]]:
    """All structs that some types consist of."""
    seen: set[Any] = set()
    waiting = list(types)
    while waiting:
        kind = waiting.pop()
        if str(kind) in seen:
            continue
        seen.add(str(kind))
        waiting += get_args(kind)
        struct = get_origin(kind) or kind
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            waiting += [field.type for field in msgspec.structs.fields(kind)]
            yield struct


def _describe(struct: type[msgspec.Struct], components: Schema) -> None:
    """Put the texts that stand below the fields in the source into the schema."""
    texts = _field_texts(struct)
    for name, schema in components.items():
        if name == struct.__name__ or name.startswith(f"{struct.__name__}_"):
            for field, text in texts.items():
                if field in schema.get("properties", {}):
                    schema["properties"][field].setdefault("description", text)


def _field_texts(struct: type[msgspec.Struct]) -> dict[str, str]:
    try:
        source = inspect.getsource(struct)
    except (OSError, TypeError):
        return {}  # it was made of other things, and carries its texts itself
    body = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for base in struct.__mro__[1:]:
        if base is not msgspec.Struct and issubclass(base, msgspec.Struct):
            texts |= _field_texts(base)
    for statement, following in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and is_text:
            assert isinstance(following, ast.Expr)
            assert isinstance(following.value, ast.Constant)
            texts[statement.target.id] = inspect.cleandoc(str(following.value.value)).replace("\n", " ")
    return texts
