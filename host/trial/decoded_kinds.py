"""What the decoders of a configuration make, asked of their scripts: each is loaded once in a jailed process.

What a script declares (`declare_grammar`, `declare_json`, ...) is known for certain. Of a script with
`process_message` nothing is known, and nothing is said.
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
from host.trial.model import Decoder, Outcome, Record, Trial

_MARK = "\x01declared "
_MAX_LINES = 200
_ANY = MessageKind()

# Stands before the script, on its first line: what it declares is told, and then declared.
_TELLS = """
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
local function told(form, spec)
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
    told(form, spec or {})
    return declare(spec)
  end
end
"""
_PREFIX = "do " + " ".join(_TELLS.split("\n")) + " end "


class _Declared(msgspec.Struct, kw_only=True):
    """What a script has declared."""

    form: str
    type: str
    logger: str
    names: list[str] | dict[str, str]
    """Lua has one kind of empty table."""
    varies: dict[str, bool]


async def of_inputs(config: model.Config) -> dict[str, list[MessageKind]]:
    """The kinds of messages that the decoders of each input make; a kind of which nothing is known stands for any."""
    zygote = ZygoteClient()
    try:
        zygote.start()
        asker = _Asker(config.hekate, zygote)
        kinds = await asyncio.gather(*(asker.of_input(each) for each in config.inputs.values()))
    except (HekateError, OSError):
        return {name: [_ANY] for name in config.inputs}  # what cannot be asked is not known; `doctor` says why
    finally:
        zygote.close()
    return dict(zip(config.inputs, kinds, strict=True))


class _Asker:
    def __init__(self, settings: model.HostSettings, zygote: ZygoteClient) -> None:
        self._settings = settings
        self._zygote = zygote

    async def of_input(self, config: model.Input) -> list[MessageKind]:
        kinds = [await self._of_script(config, sandbox) for sandbox in config.decoder_chain]
        if not kinds or (config.decoder_strategy == "all" and len(kinds) > 1):
            return [_ANY]  # what several make of one record together is not looked into
        return list(dict.fromkeys(itertools.chain.from_iterable(kinds)))

    async def _of_script(self, config: model.Input, sandbox: model.Sandbox) -> list[MessageKind]:
        text = script_text(sandbox)
        if "process_message" in text:
            return [_ANY]
        telling = msgspec.structs.replace(sandbox, text=_PREFIX + text)
        declared = _declared(await self._tried(config, telling, []))
        if declared is None:
            return [_ANY]
        kind = MessageKind(
            type=None if declared.varies.get("Type") else config.message_type or declared.type,
            logger=None if declared.varies.get("Logger") else declared.logger or config.logger,
            fields=None if declared.form == "json" else frozenset(declared.names),
        )
        if declared.form == "json" and _has_lines(config):
            return await self._of_lines(config, sandbox, kind)
        return [kind]

    async def _of_lines(self, config: model.Input, sandbox: model.Sandbox, kind: MessageKind) -> list[MessageKind]:
        """Of lines that stand in the configuration: they are decoded, with two numbers in the place of {sequence}."""
        lines = config.options.lines
        if len(lines) > _MAX_LINES:
            return [kind]
        steps = [Record(data=line.replace("{sequence}", number).encode()) for line in lines for number in ("0", "17")]
        outcome = await self._tried(config, sandbox, steps)
        if outcome is None or not outcome.complete:
            return [kind]
        kinds = [[_of_message(message) for message in result.messages] for result in outcome.results]
        if kinds[::2] != kinds[1::2]:
            return [kind]  # the number decides what a message is
        return list(dict.fromkeys(itertools.chain.from_iterable(kinds)))

    async def _tried(self, config: model.Input, sandbox: model.Sandbox, steps: list[Record]) -> Outcome | None:
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
            return None  # what cannot be tried is not known; `validate` and `doctor` say why


def _has_lines(config: model.Input) -> bool:
    """Whether its records stand in the configuration, one a line."""
    splitter = config.splitter
    by_line = splitter.type == "token" and splitter.options == type(splitter.options)()
    return by_line and isinstance(config.options, GenerateOptions) and bool(config.options.lines)


def _declared(outcome: Outcome | None) -> _Declared | None:
    """What was declared last: that is what counts."""
    told = [line.partition(": ")[2] for line in outcome.prints] if outcome is not None and outcome.complete else []
    said = [line.removeprefix(_MARK) for line in told if line.startswith(_MARK)]
    try:
        return msgspec.json.decode(said[-1], type=_Declared) if len(said) == 1 else None
    except msgspec.DecodeError:
        return None


def _of_message(message: dict[str, Any]) -> MessageKind:
    return MessageKind(
        type=message["Type"],
        logger=message["Logger"],
        fields=frozenset(field["name"] for field in message["Fields"]),
    )
