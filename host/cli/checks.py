"""What `hekate doctor` looks at. Each check says what it found, and what mends it."""

import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from host import addresses
from host.config.load import load_config
from host.config.model import Config
from host.errors import ConfigErrors, HekateError, StartError
from host.sandbox import lua_modules

_WATCHES = 8192
_DESCRIPTORS = 1024
_LOW_DISK_BYTES = 1 << 30


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    name: str
    state: Literal["ok", "warning", "wrong"]
    text: str
    mend: str = ""


def all_checks(config: Sequence[Path]) -> list[Check]:
    """Look at the machine, and at a configuration if there is one."""
    found = [check() for check in (_modules, _lupa, _jail, _watches, _descriptors)]
    if config:
        found += _of_config(config)
    return found


def _ok(name: str, text: str) -> Check:
    return Check(name=name, state="ok", text=text)


def _wrong(name: str, text: str, mend: str) -> Check:
    return Check(name=name, state="wrong", text=text, mend=mend)


# ---------------------------------------------------------------- the machine


def _modules() -> Check:
    absent = [module for module in lua_modules.MODULES if lua_modules.find(module.name) is None]
    if absent:
        packages = " ".join(module.debian_package for module in absent)
        names = " and ".join(module.name for module in absent)
        return _wrong("Lua modules", f"{names} for Lua 5.1 is missing.", f"sudo apt-get install -y {packages}")
    places = ", ".join(str(lua_modules.find(module.name)) for module in lua_modules.MODULES)
    return _ok("Lua modules", places)


def _lupa() -> Check:
    try:
        absent = lua_modules.missing()
    except ImportError as fault:
        return _wrong("LuaJIT", f"lupa with LuaJIT 2.1 cannot be imported: {fault}.", "pip install --upgrade lupa")
    if absent:
        names = " and ".join(module.name for module in absent)
        mend = "sudo apt-get install --reinstall -y " + " ".join(module.debian_package for module in absent)
        return _wrong("LuaJIT", f"It cannot load {names}.", mend)
    return _ok("LuaJIT", "lupa has LuaJIT 2.1, and it loads the modules.")


def _jail() -> Check:
    import asyncio

    try:
        asyncio.run(_start_a_sandbox())
    except (HekateError, OSError, ImportError) as fault:
        text = f"No jailed sandbox can be started on {platform.machine()}: {fault}"
        return _wrong(
            "jail", text, "Use a kernel with seccomp (CONFIG_SECCOMP_FILTER), and allow seccomp in containers."
        )
    return _ok("jail", "A sandbox was started with seccomp, and has ended.")


async def _start_a_sandbox() -> None:
    from host.repl.workbench import Workbench
    from host.sandbox.zygote_client import ZygoteClient
    from host.telemetry import logs

    logs.set_up("error", "text")
    zygote = ZygoteClient()
    zygote.start()
    bench = Workbench(zygote, None, {})
    try:
        await bench.start()
    finally:
        await bench.close()
        zygote.close()


def _watches() -> Check:
    path = Path("/proc/sys/fs/inotify/max_user_watches")
    if not path.exists():
        state: Literal["warning"] = "warning"
        return Check(name="inotify", state=state, text="This system has no inotify; files are looked at every second.")
    most = int(path.read_text())
    if most < _WATCHES:
        mend = f"sudo sysctl -w fs.inotify.max_user_watches={_WATCHES * 8}"
        return Check(name="inotify", state="warning", text=f"Only {most} files can be watched.", mend=mend)
    return _ok("inotify", f"{most} files can be watched.")


def _descriptors() -> Check:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _DESCRIPTORS:
        mend = f"ulimit -n {hard}     (or LimitNOFILE= in the unit of systemd)"
        return Check(name="open files", state="warning", text=f"At most {soft}.", mend=mend)
    return _ok("open files", f"At most {soft}.")


# ---------------------------------------------------------------- a configuration


def _of_config(paths: Sequence[Path]) -> Iterator[Check]:
    shown = " ".join(str(path) for path in paths)
    try:
        config = load_config(paths)
    except ConfigErrors as fault:
        yield _wrong("configuration", f"It has {len(fault.errors)} faults.", f"hekate validate {shown}")
        return
    yield _ok("configuration", f"{shown} is valid.")
    yield _folder("state_dir", Path(config.hekate.state_dir))
    yield _disk(Path(config.hekate.state_dir))
    if config.hekate.sandbox_dir and not Path(config.hekate.sandbox_dir).is_dir():
        mend = f"mkdir -p {config.hekate.sandbox_dir}"
        yield Check(name="sandbox_dir", state="warning", text="It is not there yet.", mend=mend)
    yield from _inputs(config)
    yield from _ports(config)


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _folder(name: str, path: Path) -> Check:
    there = _existing(path)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        mend = f"sudo install -d -o {os.geteuid()} {path}"
        return _wrong(name, f"{there} cannot be written to by this user.", mend)
    return _ok(name, f"{path} can be written to.")


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(_existing(path)).free
    text = f"{free / (1 << 30):.1f} GiB are free for {path}."
    if free < _LOW_DISK_BYTES:
        return Check(name="disk", state="warning", text=text, mend=f"du -sh {path}/*")
    return _ok("disk", text)


def _inputs(config: Config) -> Iterator[Check]:
    from host.inputs._file_finder import Finder

    for name, each in config.inputs.items():
        if each.type != "file":
            continue
        given = each.options.path
        finder = Finder(name, [given] if isinstance(given, str) else given, each.options.exclude)
        try:
            finder.check(must_exist=False)
        except StartError as fault:
            yield _wrong(f"inputs.{name}", str(fault), f"ls -ld {finder.folders()[0] if finder.folders() else given}")
            continue
        files = finder.files()
        closed = [file.path for file in files if not os.access(file.path, os.R_OK)]
        if closed:
            yield _wrong(
                f"inputs.{name}", f"{closed[0]} cannot be read.", f"sudo setfacl -m u:{os.geteuid()}:r {closed[0]}"
            )
        elif not files:
            yield Check(name=f"inputs.{name}", state="warning", text=f"No file matches {given} now.")
        else:
            yield _ok(f"inputs.{name}", f"{len(files)} files.")


def _ports(config: Config) -> Iterator[Check]:
    for name, each in config.inputs.items():
        address = getattr(each.options, "address", None)
        if each.type in {"tcp", "udp"} and isinstance(address, str):
            kind = socket.SOCK_STREAM if each.type == "tcp" else socket.SOCK_DGRAM
            yield _port(f"inputs.{name}", address, kind)
    if config.admin is not None and config.admin.listen is not None:
        yield _port("admin.listen", config.admin.listen, socket.SOCK_STREAM)


def _port(name: str, address: str, kind: socket.SocketKind) -> Check:
    bind: Callable[..., socket.socket] = addresses.bind
    try:
        bind(name, addresses.parse(address), kind).close()
    except (HekateError, ValueError) as fault:
        port = address.rpartition(":")[2]
        return _wrong(name, f"{fault}", f"ss -lnp | grep ':{port} '     (whoever has it: perhaps a Hekate that runs)")
    return _ok(name, f"{address} is free.")
