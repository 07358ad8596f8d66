"""What `hekate doctor` looks at. Each check says what it found, and what mends it."""

import platform
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from host.core.errors import HekateError
from host.plugins import lua_modules

_WATCHES = 8192
_DESCRIPTORS = 1024
_INSTANCES = 16
_PROC = Path("/proc")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    name: str
    state: Literal["ok", "warning", "wrong"]
    text: str
    mend: str = ""


def all_checks(config: Sequence[Path]) -> list[Check]:
    """Look at the machine, and at a configuration if there is one."""
    found = [_modules(), _lupa(), *_jail(), *_watches(), *_resources()]
    if config:
        from host.cli.support.config_checks import of_config

        found += of_config(config)
    return found


def ok(name: str, text: str) -> Check:
    """All is well."""
    return Check(name=name, state="ok", text=text)


def wrong(name: str, text: str, mend: str) -> Check:
    """Something is not."""
    return Check(name=name, state="wrong", text=text, mend=mend)


# ---------------------------------------------------------------- the machine


def _modules() -> Check:
    absent = [module for module in lua_modules.MODULES if lua_modules.find(module.name) is None]
    if absent:
        packages = " ".join(module.debian_package for module in absent)
        names = " and ".join(module.name for module in absent)
        return wrong("Lua modules", f"{names} for Lua 5.1 is missing.", f"sudo apt-get install -y {packages}")
    places = ", ".join(str(lua_modules.find(module.name)) for module in lua_modules.MODULES)
    return ok("Lua modules", places)


def _lupa() -> Check:
    try:
        absent = lua_modules.missing()
    except ImportError as error:
        return wrong("LuaJIT", f"lupa with LuaJIT 2.1 cannot be imported: {error}.", "pip install --upgrade lupa")
    if absent:
        names = " and ".join(module.name for module in absent)
        mend = "sudo apt-get install --reinstall -y " + " ".join(module.debian_package for module in absent)
        return wrong("LuaJIT", f"It cannot load {names}.", mend)
    return ok("LuaJIT", "lupa has LuaJIT 2.1, and it loads the modules.")


def _jail() -> list[Check]:
    """Start a sandbox, and look at it from outside."""
    import asyncio

    try:
        walls = asyncio.run(_look_at_a_sandbox())
    except (HekateError, OSError, ImportError) as error:
        text = f"No jailed sandbox can be started on {platform.machine()}: {error}"
        mend = "grep Seccomp /proc/self/status     (in a container: docker run --security-opt seccomp=unconfined)"
        return [wrong("jail", text, mend)]
    return [ok("jail", "A sandbox was started with seccomp, and has ended."), *walls]


async def _look_at_a_sandbox() -> list[Check]:
    import psutil

    from host.cli.support import wall_checks
    from host.repl.lua_process import LuaProcess
    from host.sandbox.zygote_client import ZygoteClient
    from host.telemetry import logs

    logs.set_up("error", "text")
    zygote = ZygoteClient()
    zygote.start()
    bench = LuaProcess(zygote, None, {})
    try:
        await bench.start()
        try:
            return [check for each in psutil.Process(zygote.pid).children() for check in wall_checks.measure(each.pid)]
        except (OSError, psutil.Error) as error:
            text = f"What stands behind the jail could not be measured: {error}."
            return [
                Check(name="sandbox walls", state="warning", text=text, mend="Mount /proc so that this user sees it.")
            ]
    finally:
        await bench.close()
        zygote.close()


def _watches() -> list[Check]:
    """How many files, and by how many processes, can be watched; and whether one more can."""
    most = _number(_PROC / "sys/fs/inotify/max_user_watches")
    instances = _number(_PROC / "sys/fs/inotify/max_user_instances")
    if most is None or instances is None:
        text = "This system has no inotify; files are looked at every second."
        return [Check(name="inotify", state="warning", text=text, mend="Nothing has to be done; on Linux it is there.")]
    found = []
    if most < _WATCHES:
        mend = f"sudo sysctl -w fs.inotify.max_user_watches={_WATCHES * 8}"
        found.append(Check(name="inotify", state="warning", text=f"Only {most} files can be watched.", mend=mend))
    if instances < _INSTANCES or not _can_watch():
        mend = f"sudo sysctl -w fs.inotify.max_user_instances={_INSTANCES * 8}"
        text = f"All programs of this user together have at most {instances} inotify instances"
        text += "." if _can_watch() else ", and all are taken."
        found.append(Check(name="inotify", state="warning", text=text, mend=mend))
    return found or [ok("inotify", f"{most} files can be watched.")]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _can_watch() -> bool:
    from inotify_simple import INotify  # type: ignore[import-untyped]

    try:
        INotify().close()
    except OSError:
        return False
    return True


def _resources() -> Iterator[Check]:
    """What the shell, or systemd, lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _DESCRIPTORS:
        most = "unlimited" if hard == resource.RLIM_INFINITY else max(hard, _DESCRIPTORS)
        mend = f"ulimit -n {most}     (or LimitNOFILE= in the unit of systemd)"
        yield Check(name="open files", state="warning", text=f"At most {soft}.", mend=mend)
    else:
        yield ok("open files", f"At most {soft}.")
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        text = f"At most {space >> 30} GiB; sandboxes map shared memory with 8 GiB of nothing before and behind it."
        yield wrong("address space", text, "ulimit -v unlimited     (or LimitAS=infinity in the unit of systemd)")
    else:
        yield ok("address space", "Without limit.")
