"""Resolves the merged tree to the model: looks up names, checks every key, and fills in defaults."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from host.config import convert, lua, model, registry
from host.config.files import Sections
from host.config.lua import Plugins
from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError, StartError

T = TypeVar("T")
StructT = TypeVar("StructT", bound=msgspec.Struct)


class Resolver:
    """Resolves one configuration. Every method appends its errors and continues."""

    def __init__(self, sections: Sections, plugins: Plugins, errors: list[ConfigError]) -> None:
        self._sections = sections
        self._plugins = plugins
        self._errors = errors
        self._splitters = self._each("splitters", self._splitter)
        self._decoders = self._each("decoders", lambda *at: self._sandbox("decoder", *at))
        self._encoders = self._each("encoders", lambda *at: self._sandbox("encoder", *at))

    def inputs(self) -> dict[str, model.Input]:
        """Return the valid inputs by name."""
        return _valid(self._each("inputs", self._input))

    def filters(self) -> dict[str, model.Filter]:
        """Return the valid filters by name."""
        return _valid(self._each("filters", self._filter))

    def outputs(self) -> dict[str, model.Output]:
        """Return the valid outputs by name."""
        return _valid(self._each("outputs", self._output))

    def _each(
        self, section: str, resolve: Callable[[str, dict[str, Node], Node, str], T | None]
    ) -> dict[str, T | None]:
        resolved: dict[str, T | None] = {}
        for name, node in self._sections[section].items():
            path = f"{section}.{name}"
            entries = self._entries(name, node, path)
            resolved[name] = None if entries is None else resolve(name, entries, node, path)
        return resolved

    def _entries(self, name: str, node: Node, path: str) -> dict[str, Node] | None:
        if not model.NAME.fullmatch(name):
            self._fault(path, node, f"`{name}` is not a valid name.", "Use up to 64 letters, digits, `_` and `-`.")
            return None
        if node.value is None:
            return {}
        if node.mapping is None and node.value is not FAULTY:
            self._fault(path, node, "Expected a mapping of keys to values.", "Indent the options below the name.")
        return node.mapping

    def _input(self, name: str, entries: dict[str, Node], where: Node, path: str) -> model.Input | None:
        component = self._component("inputs", name, entries, where, path)
        keys = convert.to_struct(where, entries, model.InputKeys, path, self._errors)
        splitter = self._splitter_of(entries, where, path)
        chain = self._chain_of(entries, where, path)
        options = self._options(component, (model.InputParts, model.InputKeys), entries, where, path)
        if component is None or keys is None or splitter is None or chain is None or options is None:
            return None
        if keys.max_record_bytes > keys.pack_bytes // 2:
            node = entries.get("max_record_bytes", entries.get("pack_bytes", where))
            message = f"max_record_bytes ({keys.max_record_bytes}) is more than half of pack_bytes ({keys.pack_bytes})."
            self._fault(
                f"{path}.max_record_bytes", node, message, "Raise pack_bytes: a pack must hold at least two records."
            )
            return None
        given = msgspec.structs.asdict(keys)
        given |= {"logger": keys.logger or name, "message_type": keys.message_type or ""}
        return model.Input(
            name=name, type=component.name, options=options, splitter=splitter, decoder_chain=chain, **given
        )

    def _filter(self, name: str, entries: dict[str, Node], where: Node, path: str) -> model.Filter | None:
        known = (*lua.PARTS, *_fields(model.FilterKeys))
        plugin = self._plugins.choose("filter", name, entries, where, path)
        self._plugins.unknown_keys(plugin, entries, known, path)
        keys = convert.to_struct(where, entries, model.FilterKeys, path, self._errors)
        sandbox = None if plugin is None else self._plugins.sandbox(plugin, name, entries, where, path, keys=keys)
        if plugin is None or keys is None or sandbox is None:
            return None
        manifest = plugin.manifest
        matcher = keys.message_matcher or manifest.message_matcher
        if not matcher:
            self._fault(path, where, "`message_matcher` is missing.", "Set it to select messages; TRUE selects all.")
            return None
        return model.Filter(
            name=name,
            sandbox=sandbox,
            message_matcher=matcher,
            ticker_interval=_first(keys.ticker_interval, manifest.ticker_interval),
            queue=keys.queue,
            preserve_data=_first(keys.preserve_data, manifest.preserve_data),
            group=keys.group or manifest.group,
            on_terminate=keys.on_terminate,
        )

    def _output(self, name: str, entries: dict[str, Node], where: Node, path: str) -> model.Output | None:
        component = self._component("outputs", name, entries, where, path)
        keys = convert.to_struct(where, entries, model.OutputKeys, path, self._errors)
        encoder_node = entries.get("encoder", Node("payload", where.file, where.line))
        encoder = self._sandbox_reference("encoder", encoder_node, f"{path}.encoder")
        options = self._options(component, (model.OutputParts, model.OutputKeys), entries, where, path)
        if component is None or keys is None or encoder is None or options is None:
            return None
        return model.Output(
            name=name,
            type=component.name,
            options=options,
            encoder=encoder,
            message_matcher=keys.message_matcher,
            queue=keys.queue,
            retries=keys.retries,
            on_open_failure=keys.on_open_failure,
        )

    def _component(
        self, stage: registry.Stage, name: str, entries: Mapping[str, Node], where: Node, path: str
    ) -> registry.ComponentType | None:
        """Return the Python type that an entry selects by `type` or by its own name."""
        node = entries.get("type", where)
        chosen = self._word(node, f"{path}.type") if "type" in entries else name
        if chosen is FAULTY:
            return None
        try:
            component = registry.find(stage, chosen)
        except StartError as error:
            self._fault(f"{path}.type", node, str(error))
            return None
        if component is None:
            hint = convert.did_you_mean(chosen, registry.names(stage))
            message = f"There is no type `{chosen}` in {stage}."
            if "type" not in entries:
                message = f"`type` is missing, and the name `{chosen}` is not a type of {stage}."
            self._fault(f"{path}.type", node, message, hint)
        return component

    def _word(self, node: Node, path: str) -> Any:
        """Return a type as text. YAML reads the type name `null` as a null value."""
        return "null" if node.value is None else convert.to_value(node, str, path, self._errors)

    def _options(
        self,
        component: registry.ComponentType | None,
        shared: tuple[type[msgspec.Struct], ...],
        entries: Mapping[str, Node],
        where: Node,
        path: str,
    ) -> Any:
        """Return the options of a Python type. Keys that neither the type nor the shared structs have are errors."""
        if component is None:
            return None
        known = [name for struct in (*shared, component.options) for name in _fields(struct)]
        before = len(self._errors)
        convert.unknown_keys(entries, known, path, self._errors)
        options = convert.to_struct(where, entries, component.options, path, self._errors)
        return options if len(self._errors) == before else None

    def _splitter_of(self, entries: Mapping[str, Node], where: Node, path: str) -> model.Splitter | None:
        node, path = entries.get("splitter", Node("token", where.file, where.line)), f"{path}.splitter"
        if node.mapping is not None:
            if "type" not in node.mapping:
                self._fault(path, node, "`type` is missing.", convert.did_you_mean("", registry.names("splitters")))
                return None
            return self._splitter("", node.mapping, node, path)
        name = self._word(node, path)
        if name is FAULTY:
            return None
        if name in self._splitters:
            return self._splitters[name]
        entry = Node({"type": node}, node.file, node.line)
        return self._splitter(name, {"type": node}, entry, path)

    def _splitter(self, name: str, entries: dict[str, Node], where: Node, path: str) -> model.Splitter | None:
        component = self._component("splitters", name, entries, where, path)
        options = self._options(component, (model.SplitterParts,), entries, where, path)
        if component is None or options is None:
            return None
        return model.Splitter(name=name or component.name, type=component.name, options=options)

    def _chain_of(self, entries: Mapping[str, Node], where: Node, path: str) -> tuple[model.Sandbox, ...] | None:
        node, path = entries.get("decoder", Node("payload", where.file, where.line)), f"{path}.decoder"
        if not isinstance(node.value, list):
            decoder = self._sandbox_reference("decoder", node, path)
            return None if decoder is None else (decoder,)
        if not node.value:
            self._fault(path, node, "The list of decoders is empty.", "Remove `decoder` to pass records unchanged.")
        links = [self._sandbox_reference("decoder", item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        chain = tuple(link for link in links if link is not None)
        return chain if chain and len(chain) == len(links) else None

    def _sandbox_reference(self, kind: model.PluginKind, node: Node, path: str) -> model.Sandbox | None:
        """Return a decoder or encoder, referenced by name or defined inline."""
        if node.mapping is not None:
            if not node.mapping.keys() & {"type", "filename"}:
                self._fault(path, node, "`type` is missing.", f"Name a {kind}; `hekate list {kind}s` shows them.")
                return None
            return self._sandbox(kind, "", node.mapping, node, path)
        name = convert.to_value(node, str, path, self._errors)
        if name is FAULTY:
            return None
        defined = self._decoders if kind == "decoder" else self._encoders
        if name in defined:
            return defined[name]
        if self._plugins.library.path(kind, name) is None:
            self._plugins.miss(kind, name, node, path, defined)
            return None
        plugin = self._plugins.named(kind, name, node, path)
        return None if plugin is None else self._plugins.sandbox(plugin, name, {}, node, path, keys=model.SandboxKeys())

    def _sandbox(
        self, kind: model.PluginKind, name: str, entries: dict[str, Node], where: Node, path: str
    ) -> model.Sandbox | None:
        plugin = self._plugins.choose(kind, name, entries, where, path)
        self._plugins.unknown_keys(plugin, entries, (*lua.PARTS, *lua.LIMITS), path)
        keys = convert.to_struct(where, entries, model.SandboxKeys, path, self._errors)
        if plugin is None:
            return None
        return self._plugins.sandbox(plugin, name or plugin.name, entries, where, path, keys=keys)

    def _fault(self, path: str, node: Node, message: str, hint: str = "") -> None:
        self._errors.append(ConfigError(path, node.file, node.line, message, hint))


def _valid(resolved: dict[str, T | None]) -> dict[str, T]:
    return {name: component for name, component in resolved.items() if component is not None}


def _fields(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def _first(*values: T | None) -> T:
    return next(value for value in values if value is not None)
