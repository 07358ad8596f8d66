"""Decides which input reads which file of a replay, and derives the configuration to run."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml

from host.config import convert, model
from host.config.dropins import DropIns
from host.config.load import load_config
from host.core import file_patterns
from host.core.errors import ConfigErrors, StartError
from host.packs import pack_file
from host.replay import file_arguments
from host.replay.pack_recording import PackRecording
from host.replay.recording import Recording
from host.replay.recordings import Recordings

MAX_FILES = 100
"""Each file holds some packs until its records are due."""
_MAX_FULL_SIZE = 4
"""With more files than this, packs are smaller."""
_SMALL_PACK_BYTES = 64 * 1024
_FRAME = b"\x1e"
_ROTATED = "[.-][0-9]*"
"""Suffix pattern of rotated logs: access.log.1, access.log-20240501.gz."""
_HEKA = "heka"
_MESSAGES = "replay"
"""Name of the input created for files of messages if the configuration has none for them."""


def load(paths: Iterable[Path]) -> model.Config:
    """Load a configuration for a replay: with drop-ins, without preserved state, and without the admin API.

    Raises:
        ConfigErrors: All faults of the configuration.
    """
    config = load_config(paths, {**os.environ, "HEKATE_REPLAY": "1"})
    drop_ins, errors = DropIns().filters(config)
    if errors:
        raise ConfigErrors(errors)
    filters = {
        name: msgspec.structs.replace(each, preserve_data=False, group=None)
        for name, each in {**drop_ins, **config.filters}.items()
    }
    return msgspec.structs.replace(config, filters=filters, admin=None)


def assign(config: model.Config, files: Iterable[str], default_input: str | None) -> tuple[model.Config, Recordings]:
    """Assign each file to an input.

    Args:
        config: The configuration.
        files: Paths or patterns, optionally after the name of an input: `access=old/access.log*`.
        default_input: The input of files that name none.

    Returns:
        The configuration with only the inputs that read something, and their files.

    Raises:
        HekateError: A file cannot be read, or its input is ambiguous.
    """
    inputs = dict(config.inputs)
    by_input: dict[str, list[Recording]] = {}
    packs: list[PackRecording] = []
    expanded = list(_expand(files, inputs, default_input))
    if len(expanded) > MAX_FILES:
        raise StartError(
            f"Cannot replay {len(expanded)} files at once: the maximum is {MAX_FILES}. Replay them in parts."
        )
    for order, (path, wanted) in enumerate(expanded):
        size_bytes = Path(path).stat().st_size
        if _starts_with(path, pack_file.MAGIC):
            packs.append(PackRecording(path, size_bytes, order))
        else:
            name = wanted or _input_for(path, inputs)
            by_input.setdefault(name, []).append(Recording(path, size_bytes, order))
    replayed = {name: _for_replay(inputs[name], len(some)) for name, some in by_input.items()}
    return msgspec.structs.replace(config, inputs=replayed), Recordings(by_input, packs, by_time=True)


def _starts_with(path: str, magic: bytes) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(magic)) == magic


def _expand(
    files: Iterable[str], inputs: dict[str, model.Input], default_input: str | None
) -> Iterable[tuple[str, str | None]]:
    """Yield each file with the input named for it."""
    for text in files:
        before, equals, after = text.partition("=")
        named = before if equals and not Path(text).exists() else None
        pattern, wanted = (after, named) if named else (text, default_input)
        if wanted is not None and wanted not in inputs:
            raise StartError(f"There is no input `{wanted}`. {convert.did_you_mean(wanted, inputs)}")
        for path in sorted(file_patterns.glob(pattern)) or [pattern]:
            file_arguments.check(path)
            yield path, wanted


def _input_for(path: str, inputs: dict[str, model.Input]) -> str:
    """Return the input that would read a file."""
    absolute = str(Path(path).absolute())
    for suffix in ("", _ROTATED):
        candidates = [
            name
            for name, each in inputs.items()
            if each.type == "file" and _matches(absolute, each.options.path, suffix)
        ]
        if len(candidates) == 1:
            return candidates[0]
    if _starts_with(path, _FRAME):
        framed = [name for name, each in inputs.items() if each.splitter.type == _HEKA]
        if len(framed) != 1:
            framed = [_MESSAGES]
            inputs.setdefault(_MESSAGES, _message_input())
        return framed[0]
    if len(inputs) == 1:
        return next(iter(inputs))
    names = ", ".join(inputs)
    raise StartError(f"Cannot tell which input reads {path}. Write NAME={path}, or use --input NAME. Inputs: {names}.")


def _matches(path: str, patterns: str | list[str], suffix: str) -> bool:
    some = [patterns] if isinstance(patterns, str) else patterns
    return any(file_patterns.fnmatch(path, f"{Path(pattern).absolute()}{suffix}") for pattern in some)


def _message_input() -> model.Input:
    """Return an input for Heka's framed messages."""
    described = {"type": "file", "path": "/dev/null", "splitter": _HEKA, "decoder": "protobuf"}
    console = {"type": "console", "message_matcher": "TRUE"}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump({"inputs": {_MESSAGES: described}, "outputs": {"console": console}}, file)
        file.flush()
        return load_config([file.name]).inputs[_MESSAGES]


def _for_replay(config: model.Input, files: int) -> model.Input:
    """Return an input adapted for a replay: it has one decoder, so that the order is always the same."""
    pack_bytes = config.pack_bytes if files <= _MAX_FULL_SIZE else min(config.pack_bytes, _SMALL_PACK_BYTES)
    return msgspec.structs.replace(config, decoders=1, packs=max(config.packs, 2 * files + 2), pack_bytes=pack_bytes)
