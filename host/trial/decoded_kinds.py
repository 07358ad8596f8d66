"""Finds the kinds of messages that a configuration's decoders produce.

Each decoder script is loaded once in a jailed process and reports its own declarations (`declare_grammar`,
`declare_json`, ...), which are exact. A script with `process_message` can produce anything, so nothing is claimed about
it.
"""

import asyncio
import itertools
from typing import Any

import msgspec

from host.config import model
from host.config.flow import script_text
from host.core.errors import HekateError
from host.inputs.generate import GenerateOptions
from host.plugins.matcher_check import MessageKind
from host.sandbox.zygote_client import ZygoteClient
from host.trial import engine
from host.trial.model import Decoder, RecordStep, Trial, TrialOutcome

_MARK = "\x01declared "
_MAX_LINES = 200
_ANY = MessageKind()

# Prepended to the script's first line: prints each declaration, then makes it.
_REPORTER = """
local cjson, lpeg = require "cjson", require "lpeg"
local function add(items, names)
  for _, item in ipairs(items) do
    if type(item) == "table" and not lpeg.type(item) then
      if item.name then names[#names + 1] = item.name end
      add(item.optional or {}, names)
      add(item.also or {}, names)
    end
  end
end
local function report(form, spec)
  local names = {}
  for _, items in ipairs(form == "grammar" and spec.alternatives or {}) do add(items, names) end
  print("\\1declared " .. cjson.encode {
    form = form, type = spec.type or "", logger = spec.logger or "", names = names,
    varies = { Type = spec.Type ~= nil, Logger = spec.Logger ~= nil },
  })
end
for _, form in ipairs { "grammar", "json", "logfmt", "payload" } do
  local name = "declare_" .. form
  local declare = _G[name]
  _G[name] = function(spec)
    report(form, spec or {})
    return declare(spec)
  end
end
"""
_PREFIX = "do " + " ".join(_REPORTER.split("\n")) + " end "


class _Declared(msgspec.Struct, kw_only=True):
    """The declaration of a script."""

    form: str
    type: str
    logger: str
    names: list[str] | dict[str, str]
    """Field names. A Lua table that is empty arrives as a mapping."""
    varies: dict[str, bool]


async def find_kinds(config: model.Config) -> dict[str, list[MessageKind]]:
    """Return the message kinds that each input's decoders produce. The kind without restrictions means unknown."""
    zygote = ZygoteClient()
    try:
        zygote.start()
        finder = _KindFinder(config.hekate, zygote)
        kinds = await asyncio.gather(*(finder.find_kinds(each) for each in config.inputs.values()))
    except (HekateError, OSError):
        return {name: [_ANY] for name in config.inputs}  # unknown; `doctor` reports the cause
    finally:
        zygote.close()
    return dict(zip(config.inputs, kinds, strict=True))


class _KindFinder:
    def __init__(self, settings: model.HostSettings, zygote: ZygoteClient) -> None:
        self._settings = settings
        self._zygote = zygote

    async def find_kinds(self, config: model.Input) -> list[MessageKind]:
        kinds = [await self._script_kinds(config, sandbox) for sandbox in config.decoder_chain]
        if not kinds or (config.decoder_strategy == "all" and len(kinds) > 1):
            return [_ANY]  # messages that several decoders build together are not analysed
        return list(dict.fromkeys(itertools.chain.from_iterable(kinds)))

    async def _script_kinds(self, config: model.Input, sandbox: model.Sandbox) -> list[MessageKind]:
        text = script_text(sandbox)
        if "process_message" in text:
            return [_ANY]
        reporting = msgspec.structs.replace(sandbox, text=_PREFIX + text)
        declared = _parse_declaration(await self._try(config, reporting, []))
        if declared is None:
            return [_ANY]
        kind = MessageKind(
            type=None if declared.varies.get("Type") else config.message_type or declared.type,
            logger=None if declared.varies.get("Logger") else declared.logger or config.logger,
            fields=None if declared.form == "json" else frozenset(declared.names),
        )
        if declared.form == "json" and _has_lines(config):
            return await self._line_kinds(config, sandbox, kind)
        return [kind]

    async def _line_kinds(self, config: model.Input, sandbox: model.Sandbox, kind: MessageKind) -> list[MessageKind]:
        """Decode the lines given in the configuration, with two different numbers as {sequence}."""
        lines = config.options.lines
        if len(lines) > _MAX_LINES:
            return [kind]
        steps = [
            RecordStep(data=line.replace("{sequence}", number).encode()) for line in lines for number in ("0", "17")
        ]
        outcome = await self._try(config, sandbox, steps)
        if outcome is None or not outcome.complete:
            return [kind]
        kinds = [[_message_kind(message) for message in result.messages] for result in outcome.results]
        if kinds[::2] != kinds[1::2]:
            return [kind]  # the kind depends on the number
        return list(dict.fromkeys(itertools.chain.from_iterable(kinds)))

    async def _try(self, config: model.Input, sandbox: model.Sandbox, steps: list[RecordStep]) -> TrialOutcome | None:
        decoder = Decoder(
            name=config.name,
            decoder_chain=(sandbox,),
            max_record_bytes=config.max_record_bytes,
            oversize=config.oversize,
            logger=config.logger,
            message_type=config.message_type,
        )
        settings = self._settings
        trial = Trial(
            of=decoder,
            steps=tuple(steps),
            sandbox_dir=settings.sandbox_dir,
            allow_unjailed=settings.allow_unjailed,
        )
        try:
            return await engine.run(trial, self._zygote)
        except (HekateError, OSError):
            return None  # unknown; `validate` and `doctor` report the cause


def _has_lines(config: model.Input) -> bool:
    """Return True if the input's records are given in the configuration, one per line."""
    splitter = config.splitter
    by_line = splitter.type == "token" and splitter.options == type(splitter.options)()
    return by_line and isinstance(config.options, GenerateOptions) and bool(config.options.lines)


def _parse_declaration(outcome: TrialOutcome | None) -> _Declared | None:
    """Return the script's declaration; None if there is not exactly one."""
    prints = [line.partition(": ")[2] for line in outcome.prints] if outcome is not None and outcome.complete else []
    reports = [line.removeprefix(_MARK) for line in prints if line.startswith(_MARK)]
    try:
        return msgspec.json.decode(reports[-1], type=_Declared) if len(reports) == 1 else None
    except msgspec.DecodeError:
        return None


def _message_kind(message: dict[str, Any]) -> MessageKind:
    return MessageKind(
        type=message["Type"],
        logger=message["Logger"],
        fields=frozenset(field["name"] for field in message["Fields"]),
    )
