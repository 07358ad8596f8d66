"""Which walls stand behind the jail of a sandbox, measured at a real one from outside."""

import os
from collections.abc import Iterator
from pathlib import Path

from host.cli.support.doctor_checks import Check, ok
from host.sandbox import privileges

_PROC = Path("/proc")
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_SECCOMP_FILTER = "2"


def measure(pid: int) -> list[Check]:
    """Look at a process that is a sandbox and has been jailed."""
    status = _status(pid)
    return [
        *_user(status),
        _capabilities(status),
        _namespaces(pid),
        _environment(pid),
        _descriptors(pid),
        _out_of_memory(pid),
        _system_calls(status),
    ]


def _status(pid: int) -> dict[str, str]:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _note(name: str, text: str, mend: str) -> Check:
    return Check(name=name, state="warning", text=text, mend=mend)


def _user(status: dict[str, str]) -> Iterator[Check]:
    uids, groups = set(status["Uid"].split()), status["Groups"].split()
    own = next(iter(uids))
    if "0" in uids:
        mend = "Give Hekate CAP_SETUID and CAP_SETGID, or start it as a user without rights."
        yield _note("sandbox user", "Sandboxes run as root: the system does not let Hekate change their user.", mend)
    elif own == str(os.geteuid()):
        text = "Sandboxes run as the host's own user; only root can give them users of their own."
        yield _note("sandbox user", text, "Start Hekate as root; it needs the right to change the user.")
    elif own == str(privileges.NOBODY):
        yield _note(
            "sandbox user",
            "All sandboxes run as the same user, nobody.",
            f"Map user ids from {privileges.FIRST_UID} on into this user namespace.",
        )
    else:
        yield ok("sandbox user", "Each sandbox has a user of its own, without rights.")
    if groups:
        text = f"Sandboxes are in the supplementary groups {', '.join(groups)}."
        yield _note("sandbox groups", text, "Start Hekate by a user without supplementary groups, or as root.")
    else:
        yield ok("sandbox groups", "No supplementary groups.")


def _capabilities(status: dict[str, str]) -> Check:
    held = [name for name in _CAPABILITIES if int(status.get(name, "0"), 16)]
    if held:
        mend = "Start Hekate as root, or as a user without capabilities (in systemd: CapabilityBoundingSet=)."
        return _note("sandbox capabilities", f"Not empty: {', '.join(held)}.", mend)
    return ok("sandbox capabilities", "None, and none can be had.")


def _namespaces(pid: int) -> Check:
    shared = [name for name in ("net", "ipc") if _namespace(pid, name) == _namespace(os.getpid(), name)]
    if shared:
        mend = "sudo sysctl -w kernel.unprivileged_userns_clone=1     (or give Hekate CAP_SYS_ADMIN)"
        return _note("sandbox namespaces", f"Sandboxes share the host's: {', '.join(shared)}.", mend)
    return ok("sandbox namespaces", "Network and IPC are separate, and empty.")


def _namespace(pid: int, name: str) -> str:
    return os.readlink(_PROC / str(pid) / "ns" / name)  # noqa: PTH115 -- it is no path


def _environment(pid: int) -> Check:
    names = [each for each in (_PROC / str(pid) / "environ").read_bytes().split(b"\0") if each]
    if names:
        text = f"Sandboxes have {len(names)} of the host's environment variables."
        return _note("sandbox environment", text, "This is a defect; please report it.")
    return ok("sandbox environment", "Empty.")


def _descriptors(pid: int) -> Check:
    folder = _PROC / str(pid) / "fd"
    kinds = [os.readlink(each) for each in folder.iterdir()]  # noqa: PTH115 -- it is no path
    others = [kind for kind in kinds if not kind.startswith("socket:")]
    if others or len(kinds) != 1:
        text = f"Sandboxes have more than their socket: {', '.join(sorted(kinds))}."
        return _note("sandbox descriptors", text, "This is a defect; please report it.")
    return ok("sandbox descriptors", "Nothing but its socket to the host.")


def _out_of_memory(pid: int) -> Check:
    score, own = (int((_PROC / each / "oom_score_adj").read_text()) for each in (str(pid), "self"))
    if score <= own:
        text = f"Under memory pressure sandboxes do not end before the host: {score} and {own}."
        return _note("sandbox memory pressure", text, "Start Hekate with a lower OOMScoreAdjust= than 1000.")
    return ok("sandbox memory pressure", f"Sandboxes end before the host (oom_score_adj {score}, the host's {own}).")


def _system_calls(status: dict[str, str]) -> Check:
    if status.get("Seccomp") != _SECCOMP_FILTER or status.get("NoNewPrivs") != "1":
        text = "The filter of system calls is not in force."
        return Check(name="sandbox system calls", state="wrong", text=text, mend="Unset hekate.allow_unjailed.")
    return ok("sandbox system calls", "Filtered, and no program can give new rights.")
