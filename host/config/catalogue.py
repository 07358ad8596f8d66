"""Descriptions of every type a configuration can name, for `hekate list`, the JSON Schema and the reference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from host.config import convert, registry
from host.config.model import PluginKind, Stage
from host.core.errors import ConfigError
from host.plugins.library import Library, Plugin

LUA_STAGES: dict[Stage, PluginKind] = {"decoders": "decoder", "filters": "filter", "encoders": "encoder"}

_TYPE_WORDS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "any"}


class OptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One option: name, type, meaning."""

    name: str
    type: str
    description: str
    required: bool = False
    default: Any = None
    choices: list[Any] | None = None


class PluginInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One type of a stage."""

    stage: Stage
    name: str
    summary: str
    language: Literal["python", "lua"]
    options: list[OptionInfo]
    prose: str = ""
    message_matcher: str | None = None
    ticker_interval: float | None = None
    preserve_data: bool = False
    path: str | None = None


def describe(stage: Stage, sandbox_dir: Path | None, errors: list[ConfigError]) -> Iterator[PluginInfo]:
    """Yield the types of a stage, sorted by name.

    A Lua plugin with an invalid header is omitted and reported in `errors`.
    """
    if stage in LUA_STAGES:
        for plugin in Library(sandbox_dir).plugins(LUA_STAGES[stage], errors):
            yield _lua(stage, plugin)
        return
    for component in registry.types(cast("registry.Stage", stage)):
        yield PluginInfo(
            stage=stage,
            name=component.name,
            summary=component.summary,
            language="python",
            options=struct_options(component.options),
            prose=component.prose,
        )


def _lua(stage: Stage, plugin: Plugin) -> PluginInfo:
    manifest = plugin.manifest
    return PluginInfo(
        stage=stage,
        name=plugin.name,
        summary=manifest.summary,
        language="lua",
        options=[
            OptionInfo(
                name=name,
                type=option.type,
                description=option.description.strip(),
                required=option.required,
                default=option.default,
                choices=list(option.enum) if option.enum else None,
            )
            for name, option in manifest.config.items()
        ],
        prose=plugin.prose,
        message_matcher=manifest.message_matcher,
        ticker_interval=manifest.ticker_interval if stage == "filters" else None,
        preserve_data=manifest.preserve_data,
        path=plugin.path,
    )


def struct_options(struct: type[msgspec.Struct]) -> list[OptionInfo]:
    """Return the fields of a struct as options. Fields of a nested struct are named `outer.inner`."""
    hints = get_type_hints(struct, include_extras=True)
    return [option for field in msgspec.structs.fields(struct) for option in _field(field, hints[field.name])]


def _field(field: Any, annotation: Any) -> Iterator[OptionInfo]:
    nested = [member for member in convert.members(annotation) if _is_struct(member)]
    if len(nested) == 1 and not field.required:
        for option in struct_options(nested[0]):
            yield msgspec.structs.replace(option, name=f"{field.encode_name}.{option.name}")
        return
    default = field.default if field.default is not msgspec.NODEFAULT else None
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    choices = [
        choice for member in convert.members(annotation) if get_origin(member) is Literal for choice in get_args(member)
    ]
    yield OptionInfo(
        name=field.encode_name,
        type=type_name(annotation),
        description=convert.description(annotation),
        required=field.required,
        default=msgspec.to_builtins(default),
        choices=choices or None,
    )


def type_name(annotation: Any) -> str:
    """Return a type in the documentation's terms: `integer`, `list of string`, `string or list of string`."""
    names = [_member_name(member) for member in convert.members(annotation)]
    return " or ".join(dict.fromkeys(name for name in names if name != "null"))


def _member_name(member: Any) -> str:
    origin, arguments = get_origin(member), get_args(member)
    if origin is Literal:
        return _TYPE_WORDS[type(arguments[0])]
    if origin in (list, tuple):
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"mapping of {type_name(arguments[1])}"
    return "mapping" if _is_struct(member) else _TYPE_WORDS.get(member, str(member))


def _is_struct(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, msgspec.Struct)
