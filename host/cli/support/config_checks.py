"""The checks of `hekate doctor` on a configuration: folders, permissions, disk space, files, ports."""

import contextlib
import os
import shlex
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from host.cli.support.checks import Check, ok, warning, wrong
from host.config.load import load_config
from host.config.model import Config, Input
from host.core import addresses, text_encoding
from host.core.errors import ConfigErrors, HekateError, StartError
from host.delivery import checkpoints
from host.inputs._file_finder import Finder
from host.inputs._file_source import open_source
from host.pipeline import system_limits

_LOW_DISK_BYTES = 1 << 30
_MAX_CHECKED_FILES = 20


def check_config(paths: Sequence[Path]) -> Iterator[Check]:
    """Check everything that a configuration needs."""
    names = shlex.join(str(path) for path in paths)
    try:
        config = load_config(paths)
    except ConfigErrors as error:
        more = f" (and {len(error.errors) - 1} more)" if len(error.errors) > 1 else ""
        yield wrong("configuration", f"{error.errors[0]}{more}", f"hekate validate {names}")
        return
    yield ok("configuration", f"{names} is valid.")
    yield _check_system_limits(config)
    yield from _check_state_dir(Path(config.hekate.state_dir))
    if config.hekate.sandbox_dir:
        yield _check_sandbox_dir(Path(config.hekate.sandbox_dir))
    yield from _check_inputs(config)
    yield from _check_outputs(config)
    yield from _check_ports(config, checkpoints.holder(Path(config.hekate.state_dir)))


def _check_system_limits(config: Config) -> Check:
    """Check that descriptors and address space suffice for the configuration, as `hekate run` does."""
    try:
        system_limits.check(config)
    except StartError as error:
        is_space = "address space" in str(error)
        mend = (
            "ulimit -v unlimited     (or LimitAS=infinity in the systemd unit)"
            if is_space
            else "ulimit -n 65536     (or LimitNOFILE=65536 in the systemd unit)"
        )
        return wrong("system limits", str(error), mend)
    return ok("system limits", "File descriptors and address space suffice for this configuration.")


def _nearest_existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _find_write_fault(folder: Path) -> str:
    """Return why no file can be created in a folder, or in its nearest existing parent; empty if one can.

    No file is left behind.
    """
    existing = _nearest_existing(folder)
    if not existing.is_dir():
        return f"{existing} is not a folder"
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        return f"This user cannot write to {existing}: {error.strerror}"
    return ""


def _check_folder(name: str, path: Path) -> Check:
    fault = _find_write_fault(path)
    if fault:
        return wrong(name, f"{fault}.", f"sudo install -d -o {os.geteuid()} {shlex.quote(str(path))}")
    return ok(name, f"{path.absolute()} is writable.")


def _check_state_dir(path: Path) -> Iterator[Check]:
    yield _check_folder("state_dir", path)
    holder = checkpoints.holder(path)
    if holder:
        text = f"A running host uses it, process {holder}; a second one will not start."
        yield warning("state_dir", text, f"kill {holder}     (it drains and ends)")
    free = shutil.disk_usage(_nearest_existing(path)).free
    text = f"{free / (1 << 30):.1f} GiB are free for {path}."
    if free < _LOW_DISK_BYTES:
        mend = f"du -sh {shlex.quote(str(_nearest_existing(path)))}/*     (shows what uses the space)"
        yield warning("disk", text, mend)
    else:
        yield ok("disk", text)


def _check_sandbox_dir(path: Path) -> Check:
    if path.is_dir():
        return _check_folder("sandbox_dir", path)
    return warning("sandbox_dir", f"{path} does not exist yet.", f"mkdir -p {shlex.quote(str(path))}")


def _check_inputs(config: Config) -> Iterator[Check]:
    for name, each in config.inputs.items():
        place = f"inputs.{name}"
        if each.type == "unix" and not each.options.path.startswith("@"):
            yield _check_folder(place, Path(each.options.path).parent)
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
            yield warning(place, f"No file matches {given} now.", f"ls -l {given}")
        else:
            yield ok(place, f"{len(files)} file{'' if len(files) == 1 else 's'}.")
            yield from _check_text(place, each, [file.path for file in files[-_MAX_CHECKED_FILES:]])


def _check_text(place: str, config: Input, paths: Sequence[str]) -> Iterator[Check]:
    """Check by their first bytes that files are UTF-8 with the line endings that the splitter expects."""
    splitter = config.splitter
    splits_lines = splitter.type == "token" and splitter.options.delimiter == "\n"
    for path in paths if splitter.type in {"token", "regex"} else ():
        head = _read_head(path)
        if advice := text_encoding.encoding_advice(head):
            text, _, command = advice.replace("FILE", shlex.quote(path)).partition(": `")
            yield warning(place, f"{path}: {text}.", command.rstrip("`."))
        elif text_encoding.ends_lines_with_crlf(head) and splits_lines:
            text = f"{path}: its lines end with CR LF, and the CR becomes part of each record."
            mend = f'splitter: {{type: token, delimiter: "\\r\\n"}}     (in {place})'
            yield warning(place, text, mend)
        else:
            continue
        return


def _read_head(path: str) -> bytes:
    try:
        with contextlib.closing(open_source(path)) as source:
            return source.head()
    except OSError:
        return b""  # the file has just vanished


def _check_outputs(config: Config) -> Iterator[Check]:
    for name, each in config.outputs.items():
        if each.type == "file":
            yield _check_output_file(f"outputs.{name}", Path(each.options.path))


def _check_output_file(place: str, path: Path) -> Check:
    if path.exists() and not path.is_dir():
        if os.access(path, os.W_OK):
            return ok(place, f"{path} is writable.")
        return wrong(place, f"{path} is not writable.", f"sudo chown {os.geteuid()} {shlex.quote(str(path))}")
    if path.is_dir():
        return wrong(place, f"{path} is a folder, but must be a file.", f"ls -ld {shlex.quote(str(path))}")
    folder = path.parent
    while "%" in str(folder):
        folder = folder.parent  # its name contains the time
    return _check_folder(place, folder)


def _check_ports(config: Config, holder: int) -> Iterator[Check]:
    """Check that ports are free.

    Args:
        config: The configuration that names them.
        holder: Process id of the host that runs with this `state_dir`, or 0.
    """
    for name, each in config.inputs.items():
        address = getattr(each.options, "address", None)
        if each.type in {"tcp", "udp"} and isinstance(address, str):
            kind = socket.SOCK_STREAM if each.type == "tcp" else socket.SOCK_DGRAM
            yield _check_port(f"inputs.{name}", address, kind, holder)
    if config.admin is not None and config.admin.listen is not None:
        yield _check_port("admin.listen", config.admin.listen, socket.SOCK_STREAM, holder)


def _check_port(name: str, address: str, kind: socket.SocketKind, holder: int) -> Check:
    parsed = addresses.parse(address)
    try:
        with contextlib.closing(addresses.bind(name, parsed, kind)) as bound:
            if kind == socket.SOCK_STREAM:
                bound.listen()
    except (HekateError, OSError) as error:
        process = _find_listener(parsed.port)
        if process is not None and process.pid == holder:
            return ok(name, f"The running host, process {holder}, listens on {address}.")
        owner = f" Process {process.pid} uses it: {process.name()}." if process is not None else ""
        flag = "t" if kind == socket.SOCK_STREAM else "u"
        text = str(error).removeprefix(f"{name}: ")
        return wrong(name, f"{text}{owner}", f"sudo ss -l{flag}np 'sport = :{parsed.port}'")
    return ok(name, f"{address} is free.")


def _find_listener(port: int) -> psutil.Process | None:
    """Return the process that listens on a port; None if this user may not see it."""
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("inet"):
            if each.laddr and each.laddr.port == port and each.pid and each.status in {"LISTEN", "NONE"}:
                return psutil.Process(each.pid)
    return None
