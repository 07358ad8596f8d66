"""Reads the cases of a plugin from its front matter and from its cases file, and turns each into a trial."""

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
from host.trial.model import Decoder, Encoder, MessageStep, RecordStep, Step, TickStep, Trial

SUFFIX = ".cases.yaml"
_STEP_KEYS = ("record", "record_base64", "message", "tick")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case, ready to run."""

    name: str
    file: str
    line: int
    number: int
    """Index among the cases of the same file, from 0."""
    step_lines: tuple[int, ...]
    keys: CaseKeys
    trial: Trial


def _cases_file(path: Path) -> Path:
    return path.with_name(path.stem + SUFFIX)


def read_cases_file(path: Path) -> bytes | None:
    """Return the text of the cases file next to a plugin, or None if there is no such file."""
    try:
        return _cases_file(path).read_bytes()
    except FileNotFoundError:
        return None


class CaseReader:
    """Reads cases.

    Args:
        settings: Default limits, and the directory of the user's plugins and modules.
        errors: Receives every fault, with file and line.
    """

    def __init__(self, settings: model.HostSettings, errors: list[ConfigError]) -> None:
        self._settings = settings
        self._errors = errors
        folder = Path(settings.sandbox_dir) if settings.sandbox_dir else None
        self._plugins = Plugins(Library(folder), settings, errors)

    def read_plugin(self, plugin: Plugin, source: bytes) -> list[Case]:
        """Return the cases of a plugin. Leave out cases with a fault.

        Args:
            plugin: The plugin as `host.plugins.library` read it.
            source: Text of the plugin.
        """
        text = source.decode()
        in_file = _case_nodes(self._parse_file(Path(plugin.path)))
        entries = [*enumerate(_case_nodes(plugin.front_matter)), *enumerate(in_file)]
        cases = [self._case(plugin, text, node, number) for number, node in entries]
        return [case for case in cases if case is not None]

    def _parse_file(self, path: Path) -> Node | None:
        """Return the root of the cases file next to a plugin; None if there is no valid one."""
        file = str(_cases_file(path))
        try:
            source = read_cases_file(path)
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
            self._fault(path, node, "The case has no steps.", "Add a record, a message or a tick.")
        of = self._subject(plugin, text, keys, node, path)
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

    def _subject(
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
        present = [name for name in _STEP_KEYS if entries.get(name) is not None and entries[name].value is not None]
        if len(present) != 1:
            self._fault(path, node, "A step must have exactly one input.", f"Use one of {', '.join(_STEP_KEYS)}.")
            return None
        name, place = present[0], entries[present[0]]
        self._check_expected(plugin, keys, entries, path)
        if name in {"message", "tick"} and plugin.kind == "decoder":
            self._fault(path, place, f"A decoder takes records, not a {name}.", "Use `record`.")
        elif name == "tick" and plugin.kind != "filter":
            self._fault(path, place, "Only filters have a timer_event.", "Remove the step.")
        elif name == "tick":
            now_ns = self._time(keys.tick, place, f"{path}.tick")
            return None if now_ns is None else TickStep(now_ns=now_ns, shutdown=keys.shutdown)
        elif name == "message":
            return self._message(keys.message or {}, place, path)
        elif name == "record_base64":
            data = self._base64(keys.record_base64, place, path)
            return None if data is None else RecordStep(data=data)
        else:
            return RecordStep(data=(keys.record or "").encode())
        return None

    def _check_expected(self, plugin: Plugin, keys: StepKeys, entries: Mapping[str, Node], path: str) -> None:
        """Report expectations that a plugin of this kind can never meet."""
        if plugin.kind == "encoder" and keys.messages is not None:
            self._fault(path, entries["messages"], "An encoder produces no messages.", "Expect an `output` instead.")
        for name in ("output", "output_base64"):
            if plugin.kind != "encoder" and name in entries:
                self._fault(path, entries[name], f"A {plugin.kind} has no output.", "Expect `messages` instead.")
        self._base64(keys.output_base64, entries.get("output_base64"), path)
        listed = entries["messages"].value if keys.messages else []
        for message, node in zip(keys.messages or [], listed if isinstance(listed, list) else [], strict=True):
            self._message(_without_unset_fields(message), node, path)

    def _message(self, message: dict[str, Any], node: Node, path: str) -> MessageStep | None:
        try:
            to_message(message, 0)
        except HekateError as error:
            self._fault(path, node, str(error), "")
            return None
        return MessageStep(message=message)

    def _base64(self, text: str | None, node: Node | None, path: str) -> bytes | None:
        if text is None or node is None:
            return None
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            self._fault(path, node, f"Invalid base64: {error}.", "")
            return None

    def _time(self, value: int | str | None, node: Node, path: str) -> int | None:
        try:
            return timestamp_ns(value)
        except HekateError as error:
            self._fault(path, node, str(error), "")
            return None

    def _fault(self, path: str, node: Node, message: str, hint: str) -> None:
        self._errors.append(ConfigError(path, node.file, node.line, message, hint))


def _case_nodes(root: Node | None) -> list[Node]:
    entries = root.mapping if root is not None else None
    cases = entries.get("cases") if entries else None
    return list(cases.value) if cases is not None and isinstance(cases.value, list) else []


def _without_unset_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expected message without fields that must be absent or have no given value."""
    fields = message.get("Fields")
    if isinstance(fields, Mapping):
        fields = {name: value for name, value in fields.items() if value is not None}
    elif isinstance(fields, list):
        fields = [each for each in fields if not isinstance(each, Mapping) or each.get("value") is not None]
    return {**message, "Fields": fields}
