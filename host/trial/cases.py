"""Reads the cases of a plugin, from its front matter and from the file beside it, and makes a trial of each."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.config import convert, model, nodes
from host.config.dropins import standalone_filter
from host.config.lua import Plugins
from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError, HekateError
from host.plugins.case_schema import CaseKeys, CasesFile, StepKeys
from host.plugins.library import Library, Plugin
from host.trial.messages import timestamp_ns, to_message
from host.trial.model import Decoder, Encoder, Given, Record, Step, Tick, Trial

SUFFIX = ".cases.yaml"
_GIVEN = ("record", "record_base64", "message", "tick")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case, ready to be run."""

    name: str
    file: str
    line: int
    number: int
    """Of those that stand in the same file, from 0."""
    step_lines: tuple[int, ...]
    keys: CaseKeys
    trial: Trial


def _file_beside(path: Path) -> Path:
    return path.with_name(path.stem + SUFFIX)


def beside(path: Path) -> bytes | None:
    """The text of the cases that stand in a file beside a plugin; None if there is none."""
    try:
        return _file_beside(path).read_bytes()
    except FileNotFoundError:
        return None


class Cases:
    """Reads cases.

    Args:
        settings: Defaults of limits, and where the user's own plugins and modules are.
        errors: Faults are added here, with file and line.
    """

    def __init__(self, settings: model.HostSettings, errors: list[ConfigError]) -> None:
        self._settings = settings
        self._errors = errors
        folder = Path(settings.sandbox_dir) if settings.sandbox_dir else None
        self._plugins = Plugins(Library(folder), settings, errors)

    def of_plugin(self, plugin: Plugin, source: bytes) -> list[Case]:
        """The cases of a plugin; those with a fault are left out.

        Args:
            plugin: What `host.plugins.library` has read of it.
            source: Its text.
        """
        text = source.decode()
        found = [*enumerate(_listed(plugin.front_matter)), *enumerate(_listed(self._beside(Path(plugin.path))))]
        cases = [self._case(plugin, text, node, number) for number, node in found]
        return [case for case in cases if case is not None]

    def _beside(self, path: Path) -> Node | None:
        """What stands in the file beside a plugin."""
        file = str(_file_beside(path))
        try:
            source = beside(path)
            text = None if source is None else source.decode()
        except (OSError, UnicodeDecodeError) as error:
            self._errors.append(ConfigError("", file, 0, f"Cannot read the cases: {error}."))
            return None
        root = None if text is None else nodes.parse(text, file, self._errors)
        if root is None or convert.to_value(root, CasesFile, "", self._errors) is FAULTY:
            return None
        return root

    # ---------------------------------------------------------------- one case

    def _case(self, plugin: Plugin, text: str, node: Node, number: int) -> Case | None:
        before = len(self._errors)
        path = f"cases[{number}]"
        keys = convert.to_value(node, CaseKeys, path, self._errors)
        if keys is FAULTY:
            return None
        entries = node.mapping or {}
        listed = entries["steps"].value if "steps" in entries else []
        step_nodes = listed if isinstance(listed, list) else []
        steps = [self._step(plugin, step, place, path) for step, place in zip(keys.steps, step_nodes, strict=True)]
        if not steps and keys.load_failure is None:
            self._fault(path, node, "The case has no steps.", "Give it a record, a message or a tick.")
        of = self._of(plugin, text, keys, node, path)
        decoder = self._decoder(keys, entries, path)
        now_ns = self._time(keys.now, entries.get("now", node), f"{path}.now")
        if of is None or len(self._errors) > before:
            return None
        trial = Trial(
            of=of,
            steps=tuple(step for step in steps if step is not None),
            decoder=decoder,
            now_ns=now_ns,
            sandbox_dir=self._settings.sandbox_dir,
            allow_unjailed=self._settings.allow_unjailed,
        )
        lines = tuple(step.line for step in step_nodes)
        return Case(
            name=keys.name,
            file=node.file,
            line=node.line,
            number=number,
            step_lines=lines,
            keys=keys,
            trial=trial,
        )

    def _of(
        self, plugin: Plugin, text: str, keys: CaseKeys, node: Node, path: str
    ) -> Decoder | model.Filter | Encoder | None:
        entries = node.mapping or {}
        chosen = {"config": entries["config"]} if "config" in entries else {}
        sandbox = self._plugins.sandbox(plugin, plugin.name, chosen, node, path, keys=model.SandboxKeys())
        if sandbox is None:
            return None
        sandbox = msgspec.structs.replace(sandbox, text=text)
        matcher = keys.message_matcher or plugin.manifest.message_matcher or "TRUE"
        if plugin.kind == "decoder":
            return Decoder(name=plugin.name, decoder_chain=(sandbox,), logger=plugin.name)
        if plugin.kind == "encoder":
            return Encoder(name=plugin.name, encoder=sandbox, message_matcher=matcher)
        return standalone_filter(plugin, sandbox, matcher)

    def _decoder(self, keys: CaseKeys, entries: Mapping[str, Node], path: str) -> Decoder | None:
        if keys.decoder is None:
            return None
        node = entries["decoder"]
        described = node.mapping or {"type": node}
        convert.unknown_keys(described, ("type", "config"), f"{path}.decoder", self._errors)
        plugin = self._plugins.choose("decoder", "", described, node, f"{path}.decoder")
        if plugin is None:
            return None
        keys_ = model.SandboxKeys()
        sandbox = self._plugins.sandbox(plugin, plugin.name, described, node, f"{path}.decoder", keys=keys_)
        if sandbox is None:
            return None
        return Decoder(name=plugin.name, decoder_chain=(sandbox,), logger=plugin.name)

    # ---------------------------------------------------------------- one step

    def _step(self, plugin: Plugin, keys: StepKeys, node: Node, path: str) -> Step | None:
        entries = node.mapping or {}
        given = [name for name in _GIVEN if entries.get(name) is not None and entries[name].value is not None]
        if len(given) != 1:
            self._fault(path, node, "A step gives one thing.", f"Give it one of {', '.join(_GIVEN)}.")
            return None
        name, place = given[0], entries[given[0]]
        self._check_expected(plugin, keys, entries, path)
        if name in {"message", "tick"} and plugin.kind == "decoder":
            self._fault(path, place, f"A decoder is given records, no {name}.", "Give it a record.")
        elif name == "tick" and plugin.kind != "filter":
            self._fault(path, place, "Only filters have a timer_event.", "Remove the step.")
        elif name == "tick":
            now_ns = self._time(keys.tick, place, f"{path}.tick")
            return None if now_ns is None else Tick(now_ns=now_ns, shutdown=keys.shutdown)
        elif name == "message":
            return self._message(keys.message or {}, place, path)
        elif name == "record_base64":
            data = self._base64(keys.record_base64, place, path)
            return None if data is None else Record(data=data)
        else:
            return Record(data=(keys.record or "").encode())
        return None

    def _check_expected(self, plugin: Plugin, keys: StepKeys, entries: Mapping[str, Node], path: str) -> None:
        """What a plugin of this kind cannot make cannot be expected of it."""
        if plugin.kind == "encoder" and keys.messages is not None:
            self._fault(path, entries["messages"], "An encoder makes no messages.", "Say what its `output` must be.")
        for name in ("output", "output_base64"):
            if plugin.kind != "encoder" and name in entries:
                self._fault(path, entries[name], f"A {plugin.kind} has no output.", "Say what its `messages` must be.")
        self._base64(keys.output_base64, entries.get("output_base64"), path)
        listed = entries["messages"].value if keys.messages else []
        for message, node in zip(keys.messages or [], listed if isinstance(listed, list) else [], strict=True):
            self._message(_without_absent(message), node, path)

    def _message(self, message: dict[str, Any], node: Node, path: str) -> Given | None:
        try:
            to_message(message, 0)
        except HekateError as error:
            self._fault(path, node, str(error), "")
            return None
        return Given(message=message)

    def _base64(self, text: str | None, node: Node | None, path: str) -> bytes | None:
        if text is None or node is None:
            return None
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            self._fault(path, node, f"This is no base64: {error}.", "")
            return None

    def _time(self, value: int | str | None, node: Node, path: str) -> int | None:
        try:
            return timestamp_ns(value)
        except HekateError as error:
            self._fault(path, node, str(error), "")
            return None

    def _fault(self, path: str, node: Node, message: str, hint: str) -> None:
        self._errors.append(ConfigError(path, node.file, node.line, message, hint))


def _listed(root: Node | None) -> list[Node]:
    entries = root.mapping if root is not None else None
    cases = entries.get("cases") if entries else None
    return list(cases.value) if cases is not None and isinstance(cases.value, list) else []


def _without_absent(message: Mapping[str, Any]) -> dict[str, Any]:
    """What of an expected message must be a message: not fields that must be absent, or whose value is not said."""
    fields = message.get("Fields")
    if isinstance(fields, Mapping):
        fields = {name: value for name, value in fields.items() if value is not None}
    elif isinstance(fields, list):
        fields = [each for each in fields if not isinstance(each, Mapping) or each.get("value") is not None]
    return {**message, "Fields": fields}
