"""What `hekate doctor` looks at for a configuration: folders, permissions, the disk, files, ports."""

import contextlib
import os
import shlex
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from host.cli.support.doctor_checks import Check, ok, wrong
from host.config.load import load_config
from host.config.model import Config, Input
from host.core import addresses, text_encoding
from host.core.errors import ConfigErrors, HekateError, StartError
from host.delivery import checkpoints
from host.inputs._file_finder import Finder
from host.inputs._file_source import open_source

_LOW_DISK_BYTES = 1 << 30
_MAX_LOOKED_AT = 20


def of_config(paths: Sequence[Path]) -> Iterator[Check]:
    """Look at all that a configuration needs."""
    shown = shlex.join(str(path) for path in paths)
    try:
        config = load_config(paths)
    except ConfigErrors as error:
        more = f" (and {len(error.errors) - 1} more)" if len(error.errors) > 1 else ""
        yield wrong("configuration", f"{error.errors[0]}{more}", f"hekate validate {shown}")
        return
    yield ok("configuration", f"{shown} is valid.")
    yield from _state(Path(config.hekate.state_dir))
    if config.hekate.sandbox_dir:
        yield _sandbox_dir(Path(config.hekate.sandbox_dir))
    yield from _inputs(config)
    yield from _outputs(config)
    yield from _ports(config, checkpoints.holder(Path(config.hekate.state_dir)))


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _fault_of_writing(folder: Path) -> str:
    """Why no file can be made in a folder, or in the one above it that is there; empty if one can. It leaves none."""
    there = _existing(folder)
    if not there.is_dir():
        return f"{there} is no folder"
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        return f"{there} cannot be written to by this user: {error.strerror}"
    return ""


def _folder(name: str, path: Path) -> Check:
    fault = _fault_of_writing(path)
    if fault:
        return wrong(name, f"{fault}.", f"sudo install -d -o {os.geteuid()} {shlex.quote(str(path))}")
    return ok(name, f"{path.absolute()} can be written to.")


def _state(path: Path) -> Iterator[Check]:
    yield _folder("state_dir", path)
    holder = checkpoints.holder(path)
    if holder:
        text = f"A host runs with it, process {holder}; a second one will not start."
        yield Check(name="state_dir", state="warning", text=text, mend=f"kill {holder}     (it drains, and ends)")
    free = shutil.disk_usage(_existing(path)).free
    text = f"{free / (1 << 30):.1f} GiB are free for {path}."
    if free < _LOW_DISK_BYTES:
        mend = f"du -sh {shlex.quote(str(_existing(path)))}/*     (what takes it)"
        yield Check(name="disk", state="warning", text=text, mend=mend)
    else:
        yield ok("disk", text)


def _sandbox_dir(path: Path) -> Check:
    if path.is_dir():
        return _folder("sandbox_dir", path)
    mend = f"mkdir -p {shlex.quote(str(path))}"
    return Check(name="sandbox_dir", state="warning", text=f"{path} is not there yet.", mend=mend)


def _inputs(config: Config) -> Iterator[Check]:
    for name, each in config.inputs.items():
        place = f"inputs.{name}"
        if each.type == "unix" and not each.options.path.startswith("@"):
            yield _folder(place, Path(each.options.path).parent)
        if each.type != "file":
            continue
        given = each.options.path
        finder = Finder(name, [given] if isinstance(given, str) else given, each.options.exclude)
        try:
            finder.check(must_exist=False)
        except StartError as error:
            folders = list(finder.look().folders)
            yield wrong(place, str(error), f"ls -ld {shlex.quote(str(folders[0] if folders else given))}")
            continue
        files = finder.files()
        closed = [file.path for file in files if not os.access(file.path, os.R_OK)]
        if closed:
            mend = f"sudo setfacl -m u:{os.geteuid()}:r {shlex.quote(closed[0])}"
            yield wrong(place, f"{closed[0]} cannot be read.", mend)
        elif not files:
            yield Check(name=place, state="warning", text=f"No file matches {given} now.", mend=f"ls -l {given}")
        else:
            yield ok(place, f"{len(files)} file{'' if len(files) == 1 else 's'}.")
            yield from _text(place, each, [file.path for file in files[-_MAX_LOOKED_AT:]])


def _text(place: str, config: Input, paths: Sequence[str]) -> Iterator[Check]:
    """Whether files are text as decoders want it, by how they begin."""
    splitter = config.splitter
    splits_lines = splitter.type == "token" and splitter.options.delimiter == "\n"
    for path in paths if splitter.type in {"token", "regex"} else ():
        head = _head(path)
        if advice := text_encoding.encoding_advice(head):
            text, _, command = advice.replace("FILE", shlex.quote(path)).partition(": `")
            yield Check(name=place, state="warning", text=f"{path}: {text}.", mend=command.rstrip("`."))
        elif text_encoding.ends_lines_with_crlf(head) and splits_lines:
            text = f"{path}: its lines end with CR LF, and the CR becomes a part of each record."
            mend = f'splitter: {{type: token, delimiter: "\\r\\n"}}     (in {place})'
            yield Check(name=place, state="warning", text=text, mend=mend)
        else:
            continue
        return


def _head(path: str) -> bytes:
    try:
        with contextlib.closing(open_source(path)) as source:
            return source.head()
    except OSError:
        return b""  # it has just gone


def _outputs(config: Config) -> Iterator[Check]:
    for name, each in config.outputs.items():
        if each.type == "file":
            yield _output_file(f"outputs.{name}", Path(each.options.path))


def _output_file(place: str, path: Path) -> Check:
    if path.exists() and not path.is_dir():
        if os.access(path, os.W_OK):
            return ok(place, f"{path} can be written to.")
        return wrong(place, f"{path} cannot be written to.", f"sudo chown {os.geteuid()} {shlex.quote(str(path))}")
    if path.is_dir():
        return wrong(place, f"{path} is a folder, and should be a file.", f"ls -ld {shlex.quote(str(path))}")
    above = path.parent
    while "%" in str(above):
        above = above.parent  # a name made of the time
    return _folder(place, above)


def _ports(config: Config, holder: int) -> Iterator[Check]:
    """Whether ports are free; holder: the host that has them now, or 0."""
    for name, each in config.inputs.items():
        address = getattr(each.options, "address", None)
        if each.type in {"tcp", "udp"} and isinstance(address, str):
            kind = socket.SOCK_STREAM if each.type == "tcp" else socket.SOCK_DGRAM
            yield _port(f"inputs.{name}", address, kind, holder)
    if config.admin is not None and config.admin.listen is not None:
        yield _port("admin.listen", config.admin.listen, socket.SOCK_STREAM, holder)


def _port(name: str, address: str, kind: socket.SocketKind, holder: int) -> Check:
    parsed = addresses.parse(address)
    try:
        with contextlib.closing(addresses.bind(name, parsed, kind)) as bound:
            if kind == socket.SOCK_STREAM:
                bound.listen()
    except (HekateError, OSError) as error:
        process = _who_has(parsed.port)
        if process is not None and process.pid == holder:
            return ok(name, f"{address} is that of the host that runs, process {holder}.")
        who = f" Process {process.pid} has it: {process.name()}." if process is not None else ""
        flag = "t" if kind == socket.SOCK_STREAM else "u"
        told = str(error).removeprefix(f"{name}: ")
        return wrong(name, f"{told}{who}", f"sudo ss -l{flag}np 'sport = :{parsed.port}'")
    return ok(name, f"{address} is free.")


def _who_has(port: int) -> psutil.Process | None:
    """The process that has a port, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("inet"):
            if each.laddr and each.laddr.port == port and each.pid and each.status in {"LISTEN", "NONE"}:
                return psutil.Process(each.pid)
    return None
