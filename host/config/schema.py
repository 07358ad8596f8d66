"""Generates the JSON Schema of the configuration, for editors and other tools.

It is derived from the structs and manifests that the loader uses. It is slightly more lenient than the loader: JSON
Schema cannot express references by name, or types that default to an entry's name.
"""

from typing import Any, cast

import msgspec

from host.config import catalogue, model, registry
from host.config.catalogue import LUA_STAGES, OptionInfo, PluginInfo
from host.config.files import SECTIONS
from host.config.model import STAGES, Stage
from host.config.test_keys import TestKeys
from host.core.errors import ConfigError
from host.plugins.case_schema import CasesFile

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INTERPOLATED: Schema = {"type": "string", "pattern": r"\$\{"}
SHARED: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "inputs": (model.InputParts, model.InputKeys),
    "splitters": (model.SplitterParts,),
    "decoders": (model.SandboxParts, model.SandboxKeys),
    "filters": (model.SandboxParts, model.FilterKeys),
    "encoders": (model.SandboxParts, model.SandboxKeys),
    "outputs": (model.OutputParts, model.OutputKeys),
}
_MANIFEST_TYPES: dict[str, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
    "table": {"type": ["object", "array"]},
}


def config_schema() -> Schema:
    """Return the schema of a configuration with the shipped plugins."""
    definitions: dict[str, Schema] = {}
    sections: Schema = {"hekate": _object(_properties(model.HostSettings, definitions), [])}
    access = _object(_properties(model.Admin, definitions), [])
    sections["admin"] = access | {"type": ["object", "null"]}
    for stage in STAGES:
        sections[stage] = _section(stage, definitions)
    test = _object(_properties(TestKeys, definitions), _required(TestKeys))
    sections["tests"] = {"type": ["object", "null"], "additionalProperties": test}
    schema: Schema = {
        "$schema": _DIALECT,
        "title": "Hekate configuration",
        "type": "object",
        "properties": {section: sections[section] for section in SECTIONS},
        "patternProperties": {"^x-": {"description": "Ignored; a place for anchors."}},
        "additionalProperties": False,
        "$defs": definitions,
    }
    return schema


def cases_schema() -> Schema:
    """Return the schema of a file of cases. Front matter has the same structure under `cases`."""
    schema = msgspec.json.schema(CasesFile)
    return {"$schema": _DIALECT, "title": "Cases of a Hekate plugin", **schema}


def _section(stage: Stage, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a stage: entries by name. An entry that has the name of a type may omit `type`."""
    errors: list[ConfigError] = []
    entries: dict[str, Schema] = {}
    for plugin in catalogue.describe(stage, None, errors):
        name = f"{stage}.{plugin.name}"
        definitions[name] = _entry(stage, plugin, definitions)
        entries[plugin.name] = {"$ref": f"#/$defs/{name}"}
    choices = [{"allOf": [entry], "required": ["type"]} for entry in entries.values()]
    if stage in LUA_STAGES:
        definitions[f"{stage}.filename"] = _from_file(stage, definitions)
        choices.append({"$ref": f"#/$defs/{stage}.filename"})
    named = {name: {"anyOf": [entry, {"type": "null"}, *choices]} for name, entry in entries.items()}
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "properties": named,
        "additionalProperties": {"anyOf": choices} if choices else False,
    }


def _entry(stage: Stage, plugin: PluginInfo, definitions: dict[str, Schema]) -> Schema:
    properties, required = _shared(stage, definitions)
    properties["type"] = {"const": plugin.name, "description": plugin.summary}
    if stage in LUA_STAGES:
        properties.pop("filename")
        properties["config"] = _lua_options(plugin.options)
        needs_config = any(option.required for option in plugin.options)
        required = required + (["config"] if needs_config else [])
    else:
        component = registry.find(cast("registry.Stage", stage), plugin.name)
        assert component is not None
        properties |= _properties(component.options, definitions, f"{stage}.{plugin.name}.")
        required = required + _required(component.options)
    return _object(properties, required) | {"description": plugin.summary}


def _from_file(stage: Stage, definitions: dict[str, Schema]) -> Schema:
    properties, required = _shared(stage, definitions)
    properties.pop("type")
    return _object(properties, ["filename", *required])


def _shared(stage: Stage, definitions: dict[str, Schema]) -> tuple[Schema, list[str]]:
    properties: Schema = {}
    required: list[str] = []
    for struct in SHARED[stage]:
        properties |= _properties(struct, definitions)
        required += _required(struct)
    return properties, required


def _properties(struct: type[msgspec.Struct], definitions: dict[str, Schema], prefix: str = "") -> Schema:
    """Return the fields of a struct. Nested structs become definitions; the prefix makes their names unique."""
    (root,), nested = msgspec.json.schema_components([struct], ref_template=f"#/$defs/{prefix}{{name}}")
    name = root["$ref"].rpartition("/")[2].removeprefix(prefix)
    definitions.update({prefix + other: _lenient(schema) for other, schema in nested.items() if other != name})
    properties: Schema = _lenient(nested[name])["properties"]
    return properties


def _required(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct) if field.required]


def _lua_options(options: list[OptionInfo]) -> Schema:
    properties: Schema = {}
    for option in options:
        schema = dict(_MANIFEST_TYPES[option.type])
        if option.choices:
            schema = {"enum": option.choices}
        if option.default is not None:
            schema["default"] = option.default
        properties[option.name] = _or_interpolated(schema) | {"description": option.description}
    return _object(properties, [option.name for option in options if option.required])


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": sorted(set(required))} if required else schema


def _lenient(schema: Any) -> Any:
    """Allow `${...}` in place of every number, boolean and enumerated value."""
    if isinstance(schema, list):
        return [_lenient(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number", "boolean") or "enum" in schema:
        return _or_interpolated(schema)
    return {key: value if key in ("default", "title") else _lenient(value) for key, value in schema.items()}


def _or_interpolated(schema: Schema) -> Schema:
    if schema.get("type") == "string":
        return schema
    outside = {key: schema[key] for key in ("description", "default") if key in schema}
    inside = {key: value for key, value in schema.items() if key not in outside}
    return {"anyOf": [inside, _INTERPOLATED]} | outside
