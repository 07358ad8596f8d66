"""Trying out scripts, matchers and grammars, each in a jailed process of its own that ends with the answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.admin import problems
from host.admin.problems import Fault, Problem
from host.admin.services import deploy
from host.admin.services.taps import PointError, Sighting, Taps
from host.config import model
from host.config.dropins import standalone_filter
from host.config.lua import Plugins
from host.config.model import PluginKind
from host.config.nodes import Node
from host.core.errors import ConfigError, HekateError
from host.pipeline.pipeline import Pipeline
from host.plugins import library, manifest
from host.plugins.library import KINDS, Library, Plugin
from host.trial import engine
from host.trial.model import (
    Bounds,
    Decoder,
    Encoder,
    Ending,
    Grammar,
    MessageStep,
    RecordStep,
    Step,
    Trial,
    TrialOutcome,
)

MAX_STEPS = 1000
_AT_ONCE = 2
"""Trials: they take CPU from the pipeline."""
_TIME_MS = 10_000
_MATCHER_SCRIPT = "function process_message() return 0 end"
_FRONT = re.compile(r"^(?P<key>name|kind):[ \t]*[\"']?(?P<value>\w+)", re.MULTILINE)


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A script that is to be tried."""

    source: str
    kind: PluginKind | None
    config: Mapping[str, Any]
    message_matcher: str | None


class Trials:
    """Tries things out.

    Args:
        pipeline: Provides the configuration and the zygote.
        taps: Provide records of the live stream.
    """

    def __init__(self, pipeline: Pipeline, taps: Taps) -> None:
        self._pipeline = pipeline
        self._taps = taps
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def script(self, script: Script, steps: tuple[Step, ...], input_name: str | None) -> TrialOutcome:
        """Run a script.

        Raises:
            Problem: Its header has faults, or it cannot be tried with these records.
        """
        errors: list[ConfigError] = []
        of = await asyncio.to_thread(self._described, script, errors)
        if of is None:
            raise Problem(400, "The script cannot be tried: its header has faults.", problems.of_config_errors(errors))
        wants_decoder = not isinstance(of, Decoder) and any(isinstance(step, RecordStep) for step in steps)
        return await self._run(of, steps, self.decoder(input_name) if wants_decoder else None)

    async def matcher(self, expression: str, steps: tuple[Step, ...], input_name: str | None) -> TrialOutcome:
        """Try a message matcher; that it is not valid is an outcome."""
        sandbox = self._plain("matcher", "filter", _MATCHER_SCRIPT)
        plugin = library.of_source(_MATCHER_SCRIPT.encode(), Path("filters/matcher.lua"), "filter", [])
        assert plugin is not None
        of = standalone_filter(plugin, sandbox, expression)
        wants_decoder = any(isinstance(step, RecordStep) for step in steps)
        return await self._run(of, steps, self.decoder(input_name) if wants_decoder else None)

    async def grammar(self, source: str, steps: tuple[Step, ...]) -> TrialOutcome:
        """Try a grammar; that its script does not run is an outcome."""
        return await self._run(Grammar(name="grammar", script=self._plain("grammar", "decoder", source)), steps, None)

    def _plain(self, name: str, kind: PluginKind, source: str) -> model.Sandbox:
        """A script without front matter."""
        errors: list[ConfigError] = []
        plugin = library.of_source(source.encode(), Path(f"{kind}s/{name}.lua"), kind, errors)
        if plugin is None:
            raise Problem(400, "The script has faults.", problems.of_config_errors(errors))
        sandbox = self._plugins(errors).sandbox(plugin, name, {}, Node(None, "", 0), name, keys=model.SandboxKeys())
        assert sandbox is not None
        return msgspec.structs.replace(sandbox, text=source)

    def _plugins(self, errors: list[ConfigError]) -> Plugins:
        settings = self._pipeline.config.hekate
        folder = Path(settings.sandbox_dir) if settings.sandbox_dir else None
        return Plugins(Library(folder), settings, errors)

    def _described(self, script: Script, errors: list[ConfigError]) -> Decoder | model.Filter | Encoder | None:
        kind = script.kind or kind_of(script.source)
        if kind is None:
            raise Problem(400, "Say the kind: `kind:` in the front matter, or `kind` beside the source.")
        path = Path(f"{kind}s") / f"{_front(script.source).get('name', 'trial')}.lua"
        plugin = library.of_source(script.source.encode(), path, kind, errors)
        if plugin is None:
            return None
        entries = {"config": _node(script.config, path.name)} if script.config else {}
        where = Node(None, path.name, 1)
        keys = model.SandboxKeys()
        sandbox = self._plugins(errors).sandbox(plugin, plugin.name, entries, where, plugin.name, keys=keys)
        if sandbox is None:
            return None
        return _of(plugin, msgspec.structs.replace(sandbox, text=script.source), script.message_matcher)

    def decoder(self, input_name: str | None) -> Decoder:
        """The decoders of an input, to make messages of raw records.

        Raises:
            Problem: It is not clear which.
        """
        inputs = self._pipeline.inputs
        if input_name is None and len(inputs) == 1:
            input_name = next(iter(inputs))
        if input_name not in inputs:
            names = ", ".join(inputs)
            raise Problem(400, f"Say by which input's decoders the records are decoded, with `input`: {names}.")
        config = inputs[input_name].config
        return Decoder(
            name=config.name,
            decoder_chain=config.decoder_chain,
            decoder_strategy=config.decoder_strategy,
            max_record_bytes=config.max_record_bytes,
            oversize=config.oversize,
            logger=config.logger,
            message_type=config.message_type,
        )

    async def _run(
        self, of: Decoder | model.Filter | Encoder | Grammar, steps: tuple[Step, ...], decoder: Decoder | None
    ) -> TrialOutcome:
        settings = self._pipeline.config.hekate
        trial = Trial(
            of=of,
            steps=steps,
            decoder=decoder,
            hostname=settings.hostname or "localhost",
            sandbox_dir=settings.sandbox_dir,
            allow_unjailed=settings.allow_unjailed,
            bounds=Bounds(steps=MAX_STEPS, time_ms=_TIME_MS),
        )
        async with self._free:
            try:
                return await engine.run(trial, self._pipeline.zygote)
            except HekateError as error:
                raise Problem(400, str(error)) from error

    async def live(self, point: str, matcher: str, count: int, wait_ms: int) -> list[Sighting]:
        """Records of the live stream: so many as match, or as many as come in time.

        Raises:
            Problem: There is no such point or matcher.
        """
        taps = self._taps
        try:
            tap = await taps.open(point, matcher, 2 * count)
        except PointError as error:
            raise Problem(400, str(error)) from error
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_ms / 1000):
                    await tap.full()
            return [sighting for _, sighting in tap.waiting]
        finally:
            taps.close(tap)


def _front(source: str) -> dict[str, str]:
    found = _FRONT.finditer(source) if manifest.has_front_matter(source) else ()
    return {each["key"]: each["value"] for each in found}


def kind_of(source: str) -> PluginKind | None:
    """The kind that the front matter of a script names, as far as can be told without reading it properly."""
    return next((kind for kind in KINDS if kind == _front(source).get("kind")), None)


def _of(plugin: Plugin, sandbox: model.Sandbox, matcher: str | None) -> Decoder | model.Filter | Encoder:
    matcher = matcher or plugin.manifest.message_matcher or "TRUE"
    if plugin.kind == "decoder":
        return Decoder(name=plugin.name, decoder_chain=(sandbox,), logger=plugin.name)
    if plugin.kind == "encoder":
        return Encoder(name=plugin.name, encoder=sandbox, message_matcher=matcher)
    return standalone_filter(plugin, sandbox, matcher)


def _node(value: Any, file: str) -> Node:
    """Plain data as if it stood in a file."""
    if isinstance(value, Mapping):
        return Node({str(key): _node(child, file) for key, child in value.items()}, file, 1)
    if isinstance(value, list):
        return Node([_node(child, file) for child in value], file, 1)
    return Node(value, file, 1)


def fault_of(ending: Ending) -> Fault:
    """Return the error that ended a script, with its line."""
    return deploy.faults_of(ending.text, Path("trial.lua"))[0]


def steps_of(sightings: list[Sighting], *, raw: bool) -> tuple[Step, ...]:
    """Return tapped records or messages as the steps of a trial."""
    if raw:
        return tuple(RecordStep(data=sighting.raw) for sighting in sightings if sighting.raw)
    return tuple(MessageStep(message=sighting.message) for sighting in sightings)
