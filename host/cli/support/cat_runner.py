"""Decodes files for `hekate cat` with a pipeline of its own, which behaves as in production."""

import contextlib
import glob
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec
import orjson
import yaml

from host.cli.support import cat_output, follow_runner
from host.cli.support.escape import visible
from host.core import file_patterns, stdout, text_encoding
from host.core.errors import ConfigError, ConfigErrors
from host.delivery import dead_letters, letter_files
from host.inputs._file_source import open_source
from host.packs import pack_file
from host.replay import file_arguments

if TYPE_CHECKING:
    from host.config import model
    from host.outputs.base import Output
    from host.packs.ledger import TablePack
    from host.replay.output_preview import Lines
    from host.replay.recordings import Recordings
    from host.replay.session import ReplaySession

_PACK_BYTES = 128 * 1024
_NOT_ONE = (
    "Not one record was decoded: is the decoder ({}) the right one? `hekate list decoders` shows which there are, and "
    "`hekate repl` makes one (:infer)."
)
_PACKED = (b"\x1f\x8b",)
_STDIN = "-"
_FRAME = b"\x1e"
_LETTER = re.compile(rb'[{-]"time":"[^"]*","component":')
_LETTER_TAKEN_OUT = letter_files.TAKEN_OUT.decode() + '"time":'
_OPTIONS = (
    (re.compile(r"inputs\.\w+\.decoder\.config\.(\w+)"), r"--config \1"),
    (re.compile(r"inputs\.\w+\.decoder"), "--decoder"),
    (re.compile(r"outputs\.cat\.message_matcher"), "--match"),
)
"""Maps paths in the generated configuration to the command-line options that set them."""


class Source(NamedTuple):
    """The files to read, and the options."""

    files: list[str]
    decoder: str | None
    options: dict[str, str]
    match: str
    sandbox_dir: str | None
    counting: cat_output.Counting


def show(source: Source, to: str, *, follow: bool, allow_failures: bool = False) -> int:
    """Decode and print the files; return the exit status.

    Raises:
        HekateError: A decoder or a pack file is unusable.
    """
    if to == "packs" and (follow or source.match != "TRUE"):
        raise click.UsageError("--to packs: all records are written; use --match when they are read, and no --follow.")
    if to in {"packs", "protobuf"} and sys.stdout.isatty():
        raise click.UsageError(f"--to {to} is nothing for a terminal: send it to a file or a program.")
    with tempfile.TemporaryDirectory(prefix="hekate-cat-") as folder:
        pipe = _begins_as_log_in_pipe(source.files, to)
        paths = [] if pipe else [path for given in source.files for path in _paths(given, folder)]
        _tell_of_utf16(_STDIN, pipe)
        for path in paths:
            _tell_of_utf16(_STDIN if Path(path).is_relative_to(folder) else path, _head(path))
        if follow and any(_head(path).startswith(pack_file.MAGIC) for path in paths):
            raise click.UsageError("--follow: a file of packs does not grow.")
        file = Path(folder) / "cat.yaml"
        inputs = {"stdin": _stdin(source, pipe)} if pipe else _inputs(source, paths)
        file.write_text(yaml.safe_dump(_config(source, inputs, to, folder)), encoding="utf-8")
        config = _checked(file)
        shown = _Shown(to)
        session = _following(config, shown, once=not follow) if pipe or follow else _session(config, paths, to, shown)
        _run(session)
        if to == "counts":
            cat_output.show_counts(shown.counts, source.counting)
        failures = _tell_of_failures(Path(folder))
        if session.signal is not None and not (follow and session.signal == signal.SIGINT):
            return 128 + session.signal
        if failures and not session.pipeline.metrics.total("records_sent", "decoders"):
            click.echo(_NOT_ONE.format(source.decoder or "chosen by how the file begins"), err=True)
    failed = failures or session.pipeline.terminations()
    return os.EX_DATAERR if failed and not allow_failures else os.EX_OK


def _begins_as_log_in_pipe(files: list[str], to: str) -> bytes:
    """Return the first bytes of stdin if its records can be shown as they arrive; else nothing."""
    if files != [_STDIN] or to == "packs" or follow_runner.is_regular(sys.stdin.fileno()):
        return b""
    head = follow_runner.beginning_of_stdin()
    return b"" if head.startswith((pack_file.MAGIC, *_PACKED)) else head


def _paths(given: str, folder: str) -> list[str]:
    """Return the files that an argument matches.

    Raises:
        InputError: A file cannot be read.
    """
    if given == _STDIN:
        copy = Path(folder) / "stdin"
        if copy.exists():
            return []  # stdin has been read already
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return [str(copy)]
    paths = sorted(file_patterns.glob(given)) or [given]
    for path in paths:
        file_arguments.check(path)
    return paths


def _tell_of_utf16(named: str, head: bytes) -> None:
    advice = text_encoding.utf16_advice(head)
    if named == _STDIN:
        named, advice = "standard input", advice.replace(" FILE > FILE.utf8", "")
    if advice:
        click.echo(f"{named}: {advice.replace('FILE', named)}", err=True)


def _head(path: str) -> bytes:
    """Return the first bytes of a file's content, unpacked if it is gzip."""
    with contextlib.closing(open_source(path)) as source:
        return source.head()


def _checked(file: Path) -> "model.Config":
    """Return the configuration.

    Raises:
        UsageError: It has faults; the message names them by the options that caused them.
    """
    from host.config.load import load
    from host.config.lua_check import check_lua, sandboxes

    try:
        loaded = load([file])
        used = {sandbox.path for sandbox in sandboxes(loaded.config)}
        # Faults of other plugins in the folder do not matter here.
        errors = [each for each in check_lua(loaded) if each.path or each.file in used]
    except ConfigErrors as found:
        errors = found.errors
    if errors:
        raise click.UsageError("\n".join(f"{_where(each)}{each.message} {each.hint}".rstrip() for each in errors))
    return loaded.config


def _where(fault: ConfigError) -> str:
    """Return the option that set a path of the configuration, or else the file of a plugin."""
    for pattern, option in _OPTIONS:
        if found := pattern.match(fault.path):
            return f"{found.expand(option)}: "
    return "" if fault.path else f"{fault.place}: "


def _config(source: Source, inputs: dict[str, Any], to: str, folder: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"state_dir": folder}
    if source.sandbox_dir:
        # Filters in that folder must not run.
        settings["sandbox_dir"] = _without_filters(Path(source.sandbox_dir), Path(folder))
    fields = {"fields": [cat_output.json_name(name) for name in source.counting.by]} if to == "counts" else {}
    encoder = {"type": "protobuf" if to == "protobuf" else "json", "config": fields}
    output = {"type": "console", "message_matcher": source.match, "encoder": encoder}
    return {"hekate": settings, "inputs": inputs, "outputs": {"cat": output}}


def _inputs(source: Source, paths: list[str]) -> dict[str, Any]:
    """Return one input for each kind of file, so that a thousand logs share a decoder."""
    kinds: dict[_Kind, list[str]] = {}
    for path in paths:
        kind = _kind(_head(path), source.decoder)
        if kind is not None:
            kinds.setdefault(kind, []).append(path)
    inputs = {
        f"files_{number}": {
            "type": "file", "path": [glob.escape(str(Path(path).absolute())) for path in some], "sequential": True,
            **_decoding(source, kind),
        }
        for number, (kind, some) in enumerate(kinds.items())
    }  # fmt: skip
    return inputs or {"none": {"type": "stdin"}}


def _stdin(source: Source, begins: bytes) -> dict[str, Any]:
    kind = _kind(begins, source.decoder)
    assert kind is not None
    # Small packs: printing text is slow, and the run can stop only between packs.
    return {"type": "stdin", "pack_bytes": _PACK_BYTES, **_decoding(source, kind)}


def _decoding(source: Source, kind: "_Kind") -> dict[str, Any]:
    config = {key: yaml.load(value, yaml.CSafeLoader) for key, value in source.options.items()}
    letters = {"Timestamp": "time"} if kind.is_letters else {}
    return {
        "splitter": kind.splitter,
        "logger": kind.decoder,
        "decoder": {"type": kind.decoder, "config": letters | config},
    }


def _without_filters(given: Path, folder: Path) -> str:
    made = folder / "sandboxes"
    made.mkdir()
    for part in ("decoders", "modules"):
        if (given / part).is_dir():
            (made / part).symlink_to((given / part).absolute())
    return str(made)


class _Kind(NamedTuple):
    """The decoder and splitter for a file."""

    decoder: str
    splitter: str
    is_letters: bool = False


def _kind(head: bytes, decoder: str | None) -> _Kind | None:
    """Return the kind of a file by its first bytes; None if it holds packs, which are already decoded."""
    if head.startswith(pack_file.MAGIC):
        return None
    if head.startswith(_FRAME):
        return _Kind(decoder or "protobuf", "heka")
    if decoder is None and _LETTER.match(head):
        return _Kind("json", "token", is_letters=True)
    return _Kind(decoder or ("json" if head.startswith(b"{") else "payload"), "token")


def _session(config: "model.Config", paths: list[str], to: str, shown: "_Shown") -> "ReplaySession":
    """Return a session that shows files one after the other."""
    from host.replay.output_preview import Lines
    from host.replay.session import ReplaySession

    recordings = _recordings(config, paths)
    inputs = {name: each for name, each in config.inputs.items() if name in recordings.inputs}
    outputs = config.outputs if to != "packs" else {}
    config = msgspec.structs.replace(config, inputs=inputs, outputs=outputs)
    lines = Lines(outputs)
    new_output = partial(shown.output, lines)
    session = ReplaySession(config, recordings, begin_ns=time.time_ns(), new_output=new_output, lines=lines)
    if to == "packs":
        stdout.write(pack_file.MAGIC)
        session.pipeline.router.on_pack = lambda pack: _write_pack(pack, session.handle_write_error)
    return session


def _following(config: "model.Config", shown: "_Shown", *, once: bool) -> follow_runner.Following:
    from host.replay.output_preview import Lines

    lines = Lines(config.outputs, at_once=True)
    return follow_runner.Following(config, once=once, new_output=partial(shown.output, lines), lines=lines)


def _run(session: "ReplaySession | follow_runner.Following") -> None:
    import asyncio

    from host.plugins import lua_modules
    from host.telemetry import logs

    logs.set_up("error", "text")
    lua_modules.check_present()
    asyncio.run(session.run())
    if session.write_error:
        raise session.write_error


def _recordings(config: "model.Config", paths: list[str]) -> "Recordings":
    from host.replay.pack_recording import PackRecording
    from host.replay.recording import Recording
    from host.replay.recordings import Recordings

    input_of = {path: name for name, each in config.inputs.items() if each.type == "file" for path in each.options.path}
    inputs: dict[str, list[Recording]] = {}
    packs: list[PackRecording] = []
    for order, path in enumerate(paths):
        name = input_of.get(glob.escape(str(Path(path).absolute())))
        size_bytes = Path(path).stat().st_size
        if name is None:
            packs.append(PackRecording(path, size_bytes, order))
        else:
            inputs.setdefault(name, []).append(Recording(path, size_bytes, order))
    return Recordings(inputs, packs, by_time=False)


def _write_pack(pack: "TablePack", on_fault: Callable[[OSError], None]) -> None:
    try:
        stdout.write(b"".join(pack_file.parts(pack)))
    except OSError as error:
        stdout.discard()
        on_fault(error)


class _Shown:
    """Shows records in one format."""

    def __init__(self, to: str) -> None:
        self._line = {"text": _text_line, "counts": self._counted}.get(to, _as_it_is)
        self.counts: Counter[bytes] = Counter()
        """Number of times each record occurred, for `--to counts`."""

    def output(self, lines: "Lines", *arguments: Any, **more: Any) -> "Output":
        """Return the output that shows records."""
        from host.replay.output_preview import PreviewOutput

        return PreviewOutput(self._line, lines, *arguments, **more)

    def _counted(self, name: str, record: memoryview) -> bytes:  # noqa: ARG002 -- there is one output
        self.counts[bytes(record)] += 1
        return b""


def _as_it_is(name: str, record: memoryview) -> bytes:  # noqa: ARG001 -- there is one output
    return bytes(record)


def _text_line(name: str, record: memoryview) -> bytes:  # noqa: ARG001 -- there is one output
    cat_output.show(orjson.loads(record))
    return b""


def _tell_of_failures(state_dir: Path) -> int:
    """Print on stderr why records were not decoded; return their number.

    Dead letters that were taken out before the file was read do not count.
    """
    reasons = Counter(
        str(letter.entry.get("reason"))
        for letter in dead_letters.read(state_dir)
        if not str(letter.entry.get("record", "")).startswith(_LETTER_TAKEN_OUT)
    )
    for reason, count in reasons.most_common(5):
        records = "1 record was" if count == 1 else f"{count} records were"
        click.echo(f"{records} not decoded: {visible(reason)}", err=True)
    return reasons.total()
