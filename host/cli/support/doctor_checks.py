"""The checks of `hekate doctor` on the machine: libraries, jail, limits. Each finding names its remedy."""

import platform
import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from host.cli.support.checks import Check, ok, warning, wrong
from host.core.errors import HekateError
from host.plugins import lua_modules

if TYPE_CHECKING:
    from host.sandbox.zygote_client import ZygoteClient

_MIN_WATCHES = 8192
_MIN_DESCRIPTORS = 1024
_MIN_INSTANCES = 16
_PROC = Path("/proc")


class SandboxProcess(Protocol):
    """A jailed process without a script."""

    async def start(self) -> None:
        """Start it."""

    async def close(self) -> None:
        """End it."""


NewProcess = Callable[["ZygoteClient"], SandboxProcess]


def check_all(config: Sequence[Path], new_process: NewProcess) -> list[Check]:
    """Check the machine, and the configuration if there is one.

    Args:
        config: Paths of the configuration; may be empty.
        new_process: Makes the sandbox process whose jail is measured.
    """
    findings = [_check_modules(), _check_lupa(), *_check_jail(new_process), *_check_inotify(), *_check_limits()]
    if config:
        from host.cli.support.config_checks import check_config

        findings += check_config(config)
    return findings


# ---------------------------------------------------------------- the machine


def _check_modules() -> Check:
    absent = [module for module in lua_modules.MODULES if lua_modules.find(module.name) is None]
    if absent:
        packages = " ".join(module.debian_package for module in absent)
        names = " and ".join(module.name for module in absent)
        return wrong("Lua modules", f"{names} for Lua 5.1 is missing.", f"sudo apt-get install -y {packages}")
    places = ", ".join(str(lua_modules.find(module.name)) for module in lua_modules.MODULES)
    return ok("Lua modules", places)


def _check_lupa() -> Check:
    try:
        absent = lua_modules.missing()
    except ImportError as error:
        return wrong("LuaJIT", f"lupa with LuaJIT 2.1 cannot be imported: {error}.", "pip install --upgrade lupa")
    if absent:
        names = " and ".join(module.name for module in absent)
        mend = "sudo apt-get install --reinstall -y " + " ".join(module.debian_package for module in absent)
        return wrong("LuaJIT", f"It cannot load {names}.", mend)
    return ok("LuaJIT", "lupa has LuaJIT 2.1, and it loads the modules.")


def _check_jail(new_process: NewProcess) -> list[Check]:
    """Start a sandbox and measure its jail from outside."""
    import asyncio

    try:
        jail = asyncio.run(_measure_sandbox(new_process))
    except (HekateError, OSError, ImportError) as error:
        text = f"No jailed sandbox can be started on {platform.machine()}: {error}"
        mend = "grep Seccomp /proc/self/status     (in a container: docker run --security-opt seccomp=unconfined)"
        return [wrong("jail", text, mend)]
    return [ok("jail", "A sandbox with seccomp started and ended."), *jail]


async def _measure_sandbox(new_process: NewProcess) -> list[Check]:
    import psutil

    from host.cli.support import jail_checks
    from host.sandbox.zygote_client import ZygoteClient
    from host.telemetry import logs

    logs.set_up("error", "text")
    zygote = ZygoteClient()
    zygote.start()
    process = new_process(zygote)
    try:
        await process.start()
        try:
            return [check for each in psutil.Process(zygote.pid).children() for check in jail_checks.measure(each.pid)]
        except (OSError, psutil.Error) as error:
            text = f"The restrictions of the jail could not be measured: {error}."
            return [warning("sandbox jail", text, "Mount /proc so that this user can read it.")]
    finally:
        await process.close()
        zygote.close()


def _check_inotify() -> list[Check]:
    """Check how many files and instances inotify allows, and that one more instance can be made."""
    max_watches = _read_number(_PROC / "sys/fs/inotify/max_user_watches")
    max_instances = _read_number(_PROC / "sys/fs/inotify/max_user_instances")
    if max_watches is None or max_instances is None:
        text = "This system has no inotify; Hekate checks files every second instead."
        return [warning("inotify", text, "Nothing has to be done; Linux has inotify.")]
    findings = []
    if max_watches < _MIN_WATCHES:
        mend = f"sudo sysctl -w fs.inotify.max_user_watches={_MIN_WATCHES * 8}"
        findings.append(warning("inotify", f"Only {max_watches} files can be watched.", mend))
    if max_instances < _MIN_INSTANCES or not _can_watch():
        mend = f"sudo sysctl -w fs.inotify.max_user_instances={_MIN_INSTANCES * 8}"
        text = f"All programs of this user together have at most {max_instances} inotify instances"
        text += "." if _can_watch() else ", and all are taken."
        findings.append(warning("inotify", text, mend))
    return findings or [ok("inotify", f"{max_watches} files can be watched.")]


def _read_number(path: Path) -> int | None:
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


def _check_limits() -> Iterator[Check]:
    """Check the limits that the shell or systemd sets for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _MIN_DESCRIPTORS:
        wanted = "unlimited" if hard == resource.RLIM_INFINITY else max(hard, _MIN_DESCRIPTORS)
        mend = f"ulimit -n {wanted}     (or LimitNOFILE= in the systemd unit)"
        yield warning("open files", f"At most {soft}.", mend)
    else:
        yield ok("open files", f"At most {soft}.")
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        text = f"At most {space >> 30} GiB; sandboxes reserve 8 GiB of it on each side of every arena as a guard."
        yield wrong("address space", text, "ulimit -v unlimited     (or LimitAS=infinity in the systemd unit)")
    else:
        yield ok("address space", "Unlimited.")
