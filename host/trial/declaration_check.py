"""Loads the plugins that declare something, each in a jailed process: a declaration is checked as its script loads."""

import asyncio
from collections.abc import Iterator

from host.config import model
from host.config.flow import script_text
from host.config.load import LoadedConfig, SourcePosition
from host.core.errors import ConfigError, HekateError
from host.sandbox.zygote_client import ZygoteClient
from host.trial import engine
from host.trial.model import Bounds, Decoder, Encoder, Ending, Trial

_DECLARES = "declare_"
_MAX_AT_ONCE = 4
_LOAD_MS = 5_000


def load_faults(loaded: LoadedConfig) -> tuple[list[ConfigError], list[str]]:
    """Load every decoder and encoder whose script declares something.

    Args:
        loaded: A configuration whose plugins compile.

    Returns:
        The faults of scripts that do not load, and notes on what could not be tried.
    """
    trials = list(_trials(loaded.config))
    if not trials:
        return [], []
    try:
        endings = asyncio.run(_run(trials))
    except (HekateError, OSError) as error:
        return [], [f"Declarations were not checked: no sandbox process starts here ({error})."]
    return [_fault(loaded, owner, ending) for owner, ending in endings if ending is not None], []


def _trials(config: model.Config) -> Iterator[tuple[str, Trial]]:
    settings = config.hekate
    for name, input_ in config.inputs.items():
        if any(_DECLARES in script_text(sandbox) for sandbox in input_.decoder_chain):
            decoder = Decoder(
                name=name,
                decoder_chain=input_.decoder_chain,
                max_record_bytes=input_.max_record_bytes,
                oversize=input_.oversize,
                logger=input_.logger,
                message_type=input_.message_type,
            )
            yield f"inputs.{name}.decoder", _trial(decoder, settings)
    for name, output in config.outputs.items():
        if _DECLARES in script_text(output.encoder):
            encoder = Encoder(name=name, encoder=output.encoder)
            yield f"outputs.{name}.encoder", _trial(encoder, settings)


def _trial(of: Decoder | Encoder, settings: model.HostSettings) -> Trial:
    return Trial(
        of=of,
        steps=(),
        sandbox_dir=settings.sandbox_dir,
        allow_unjailed=settings.allow_unjailed,
        bounds=Bounds(time_ms=_LOAD_MS),
    )


async def _run(trials: list[tuple[str, Trial]]) -> list[tuple[str, Ending | None]]:
    at_once = asyncio.Semaphore(_MAX_AT_ONCE)
    zygote = ZygoteClient()
    try:
        zygote.start()

        async def ending(owner: str, trial: Trial) -> tuple[str, Ending | None]:
            async with at_once:
                return owner, (await engine.run(trial, zygote)).ending

        return await asyncio.gather(*(ending(owner, trial) for owner, trial in trials))
    finally:
        zygote.close()


def _fault(loaded: LoadedConfig, owner: str, ending: Ending) -> ConfigError:
    place = loaded.positions.get(owner) or loaded.positions.get(owner.rpartition(".")[0]) or SourcePosition("", 0)
    return ConfigError(owner, place.file, place.line, f"The plugin does not load: {ending.text}")
