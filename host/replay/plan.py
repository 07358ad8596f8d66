"""Which file of a replay goes to which input, and the configuration that is run."""

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
"""Each holds some packs until its turn has come."""
_FEW_FILES = 4
_PACK_BYTES_OF_MANY = 64 * 1024
_FRAME = b"\x1e"
_ROTATED = "[.-][0-9]*"
"""What stands behind the name of a log that was put aside: access.log.1, access.log-20240501.gz."""
_HEKA = "heka"
_MESSAGES = "replay"
"""Name of the input that is made for files of messages, where the configuration has none for them."""


def load(paths: Iterable[Path]) -> model.Config:
    """Load a configuration for a replay: drop-ins run too, nothing is preserved, nobody administers it.

    Raises:
        ConfigErrors: All that is wrong with it.
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


def assign(config: model.Config, files: Iterable[str], given: str | None) -> tuple[model.Config, Recordings]:
    """Say which input reads which file.

    Args:
        config: The configuration.
        files: Paths or patterns, maybe behind the name of an input: `access=old/access.log*`.
        given: The input of those that name none.

    Returns:
        The configuration with just the inputs that read something, and their files.

    Raises:
        HekateError: A file cannot be read, or it is not clear which input it is for.
    """
    inputs = dict(config.inputs)
    found: dict[str, list[Recording]] = {}
    packs: list[PackRecording] = []
    expanded = list(_expanded(files, inputs, given))
    if len(expanded) > MAX_FILES:
        raise StartError(
            f"{len(expanded)} files are too many at once: {MAX_FILES} are read side by side. Replay them in parts."
        )
    for order, (path, wanted) in enumerate(expanded):
        size_bytes = Path(path).stat().st_size
        if _begins_with(path, pack_file.MAGIC):
            packs.append(PackRecording(path, size_bytes, order))
        else:
            name = wanted or _input_for(path, inputs)
            found.setdefault(name, []).append(Recording(path, size_bytes, order))
    reading = {name: _reading(inputs[name], len(some)) for name, some in found.items()}
    return msgspec.structs.replace(config, inputs=reading), Recordings(found, packs, by_time=True)


def _begins_with(path: str, magic: bytes) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(magic)) == magic


def _expanded(
    files: Iterable[str], inputs: dict[str, model.Input], given: str | None
) -> Iterable[tuple[str, str | None]]:
    """Each file, and the input that it is said to be for."""
    for text in files:
        before, equals, after = text.partition("=")
        named = before if equals and not Path(text).exists() else None
        pattern, wanted = (after, named) if named else (text, given)
        if wanted is not None and wanted not in inputs:
            raise StartError(f"There is no input `{wanted}`. {convert.did_you_mean(wanted, inputs)}")
        for path in sorted(file_patterns.glob(pattern)) or [pattern]:
            file_arguments.check(path)
            yield path, wanted


def _input_for(path: str, inputs: dict[str, model.Input]) -> str:
    """The input that would read a file."""
    absolute = str(Path(path).absolute())
    for suffix in ("", _ROTATED):
        reads = [
            name
            for name, each in inputs.items()
            if each.type == "file" and _matches(absolute, each.options.path, suffix)
        ]
        if len(reads) == 1:
            return reads[0]
    if _begins_with(path, _FRAME):
        framed = [name for name, each in inputs.items() if each.splitter.type == _HEKA]
        if len(framed) != 1:
            framed = [_MESSAGES]
            inputs.setdefault(_MESSAGES, _input_of_messages())
        return framed[0]
    if len(inputs) == 1:
        return next(iter(inputs))
    names = ", ".join(inputs)
    raise StartError(
        f"It is not clear which input {path} is for. Write NAME={path}, or --input NAME; there is: {names}."
    )


def _matches(path: str, patterns: str | list[str], suffix: str) -> bool:
    some = [patterns] if isinstance(patterns, str) else patterns
    return any(file_patterns.fnmatch(path, f"{Path(pattern).absolute()}{suffix}") for pattern in some)


def _input_of_messages() -> model.Input:
    """An input for Heka's frames."""
    described = {"type": "file", "path": "/dev/null", "splitter": _HEKA, "decoder": "protobuf"}
    console = {"type": "console", "message_matcher": "TRUE"}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump({"inputs": {_MESSAGES: described}, "outputs": {"console": console}}, file)
        file.flush()
        return load_config([file.name]).inputs[_MESSAGES]


def _reading(config: model.Input, files: int) -> model.Input:
    """An input as it reads files for a replay: one decoder, so that it always sees the same in the same order."""
    pack_bytes = config.pack_bytes if files <= _FEW_FILES else min(config.pack_bytes, _PACK_BYTES_OF_MANY)
    return msgspec.structs.replace(config, decoders=1, packs=max(config.packs, 2 * files + 2), pack_bytes=pack_bytes)
