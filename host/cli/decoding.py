"""Decodes files for `hekate cat`: with a pipeline of its own, so that everything is as in production."""

import glob
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
import yaml

from host.cli.output import console, table
from host.delivery import dead_letters
from host.errors import ConfigErrors

_FRAME = b"\x1e"
_GZIP = b"\x1f\x8b"
_LOOK_EVERY_MS = 100
_OPTIONS = (
    (re.compile(r"inputs\.\w+\.decoder\.config\.(\w+)"), r"--config \1"),
    (re.compile(r"inputs\.\w+\.decoder"), "--decoder"),
    (re.compile(r"outputs\.cat\.message_matcher"), "--match"),
)
"""Where something stands in the configuration that is made, and by which option it came there."""


class Source(NamedTuple):
    """What is to be read, and how."""

    files: list[str]
    decoder: str | None
    options: dict[str, str]
    match: str
    sandbox_dir: str | None


def show(source: Source, to: str, *, follow: bool) -> int:
    """Decode, and print; answers the exit status."""
    paths = [path for given in source.files for path in sorted(glob.glob(given)) or [given]]  # noqa: PTH207
    for path in paths:
        if not os.access(path, os.R_OK) or not Path(path).is_file():
            click.echo(f"Error: {path} cannot be read, or is no file.", err=True)
            return os.EX_NOINPUT
    with tempfile.TemporaryDirectory(prefix="hekate-cat-") as folder:
        config = Path(folder) / "cat.yaml"
        config.write_text(yaml.safe_dump(_config(source, paths, to, folder)), encoding="utf-8")
        _check(config)
        status = _run(config, to, follow=follow)
        _tell_of_failures(Path(folder))
    return status


def _check(config: Path) -> None:
    """Say what is wrong with the configuration in the words of the command line.

    Raises:
        UsageError: Something is.
    """
    from host.config.load import load
    from host.config.lua_check import check_lua

    try:
        errors = check_lua(load([config]))
    except ConfigErrors as found:
        errors = found.errors
    if errors:
        raise click.UsageError("\n".join(f"{_option(each.path)}{each.message} {each.hint}".rstrip() for each in errors))


def _option(path: str) -> str:
    """The option that a place in the configuration comes of."""
    for pattern, option in _OPTIONS:
        if found := pattern.match(path):
            return f"{found.expand(option)}: "
    return ""


def _config(source: Source, paths: list[str], to: str, folder: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"state_dir": folder}
    if source.sandbox_dir:
        # Filters that lie there are not to run.
        settings["sandbox_dir"] = _without_filters(Path(source.sandbox_dir), Path(folder))
    encoder = "protobuf" if to == "protobuf" else "json"
    output = {"type": "console", "message_matcher": source.match, "encoder": encoder}
    return {"hekate": settings, "inputs": _inputs(source, paths), "outputs": {"cat": output}}


def _inputs(source: Source, paths: list[str]) -> dict[str, Any]:
    """An input for each kind of file, so that a thousand logs take one decoder."""
    config = {key: yaml.safe_load(value) for key, value in source.options.items()}
    kinds: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        kinds.setdefault(_how(path, source.decoder), []).append(glob.escape(str(Path(path).absolute())))
    return {
        f"files_{number}": {
            "type": "file", "path": some, "sequential": True, "splitter": splitter, "logger": decoder,
            "decoder": {"type": decoder, "config": config},
        }
        for number, ((decoder, splitter), some) in enumerate(kinds.items())
    }  # fmt: skip


def _without_filters(given: Path, folder: Path) -> str:
    made = folder / "sandboxes"
    made.mkdir()
    for part in ("decoders", "modules"):
        if (given / part).is_dir():
            (made / part).symlink_to((given / part).absolute())
    return str(made)


def _how(path: str, decoder: str | None) -> tuple[str, str]:
    """The decoder and the splitter of a file, by how it begins."""
    with Path(path).open("rb") as file:
        first = file.read(2)
    if first[:1] == _FRAME and first != _GZIP:
        return decoder or "protobuf", "heka"
    return decoder or ("json" if first[:1] == b"{" else "payload"), "token"


def _run(config: Path, to: str, *, follow: bool) -> int:
    command = [sys.executable, "-m", "host", "run", "--quiet", "--log-level", "error"]
    command += [*([] if follow else ["--once"]), str(config)]
    as_it_comes = to in {"json", "protobuf"}
    # What it says is only shown once it is known that somebody still reads what it writes.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdout=None if as_it_comes else subprocess.PIPE, stderr=None if follow else said,
            start_new_session=True,
        )  # fmt: skip
        lines = Lines(process)
        try:
            if to == "counts":
                _counts(lines)
            elif to == "text":
                for line in lines:
                    _text(orjson.loads(line))
            else:
                lines.wait()
        except BaseException:
            process.kill()  # nobody looks any more
            raise
        finally:
            status = process.wait()
        said.seek(0)
        sys.stderr.write(said.read().decode(errors="replace"))
    return status


class Lines:
    """The lines that a process writes; Ctrl-C has it drain, and what still comes is taken."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def __iter__(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        while True:
            try:
                line = self._process.stdout.readline()
            except KeyboardInterrupt:
                self._process.send_signal(signal.SIGINT)
                continue
            if not line:
                return
            yield line

    def wait(self) -> None:
        """Wait for the end of the process, which writes to our stdout.

        Raises:
            BrokenPipeError: Whoever read that has gone.
        """
        reader = select.poll()
        reader.register(sys.stdout.fileno(), 0)
        while self._process.poll() is None:
            try:
                gone = any(event & select.POLLERR for _, event in reader.poll(_LOOK_EVERY_MS))
                self._process.wait(0 if gone else _LOOK_EVERY_MS / 1000)
            except subprocess.TimeoutExpired:
                if gone:
                    raise BrokenPipeError from None
            except KeyboardInterrupt:
                self._process.send_signal(signal.SIGINT)


def _counts(lines: Lines) -> None:
    found = Counter(str(orjson.loads(line).get("Type", "")) for line in lines)
    rows: list[list[object]] = [[name or "(none)", count] for name, count in found.most_common()]
    table(["Type", "messages"], [*rows, ["all", found.total()]], numbers=1)


def _text(message: dict[str, Any]) -> None:
    from rich.text import Text

    out = console()
    head = Text(str(message.pop("Timestamp", "")), style="dim")
    out.print(head.append(f" {message.pop('Type', '') or '(no Type)'}", style="bold"))
    for name, value in _shown(message):
        out.print(Text(f"    {name}: ", style="cyan").append(str(value), style="default"))


def _shown(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in message.items():
        if value not in (None, "") and not (name == "Severity" and value == 7):
            yield name, value


def _tell_of_failures(state_dir: Path) -> None:
    reasons = Counter(str(letter.entry.get("reason")) for letter in dead_letters.read(state_dir))
    for reason, count in reasons.most_common(5):
        click.echo(f"{count} records were not decoded: {reason}", err=True)
