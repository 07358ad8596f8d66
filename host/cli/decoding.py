"""Decodes files for `hekate cat`: with a pipeline of its own, so that everything is as in production."""

import glob
import os
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

_FRAME = b"\x1e"
_GZIP = b"\x1f\x8b"


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
        status = _run(config, to, follow=follow)
        _tell_of_failures(Path(folder))
    return status


def _config(source: Source, paths: list[str], to: str, folder: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"state_dir": folder}
    if source.sandbox_dir:
        # Filters that lie there are not to run.
        settings["sandbox_dir"] = _without_filters(Path(source.sandbox_dir), Path(folder))
    inputs: dict[str, Any] = {}
    for path in paths:
        decoder, splitter = _how(path, source.decoder)
        described = {"type": decoder, "config": {key: yaml.safe_load(value) for key, value in source.options.items()}}
        name = f"file_{len(inputs)}"
        inputs[name] = {"type": "file", "path": glob.escape(str(Path(path).absolute())), "decoder": described,
                        "logger": Path(path).name, **splitter}  # fmt: skip
    encoder = "protobuf" if to == "protobuf" else "json"
    output = {"type": "console", "message_matcher": source.match, "encoder": encoder}
    return {"hekate": settings, "inputs": inputs, "outputs": {"cat": output}}


def _without_filters(given: Path, folder: Path) -> str:
    made = folder / "sandboxes"
    made.mkdir()
    for part in ("decoders", "modules"):
        if (given / part).is_dir():
            (made / part).symlink_to((given / part).absolute())
    return str(made)


def _how(path: str, decoder: str | None) -> tuple[str, dict[str, Any]]:
    """The decoder and the splitter of a file, by how it begins."""
    with Path(path).open("rb") as file:
        first = file.read(2)
    if first[:1] == _FRAME and first != _GZIP:
        return decoder or "protobuf", {"splitter": "heka"}
    return decoder or ("json" if first[:1] == b"{" else "payload"), {}


def _run(config: Path, to: str, *, follow: bool) -> int:
    command = [sys.executable, "-m", "host", "run", "--quiet", "--log-level", "error"]
    command += [*([] if follow else ["--once"]), str(config)]
    as_it_comes = to in {"json", "protobuf"}
    process = subprocess.Popen(command, stdout=None if as_it_comes else subprocess.PIPE, start_new_session=True)
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
        """Wait for the end."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()


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
