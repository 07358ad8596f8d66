"""The checks of `hekate doctor` on the jail: the restrictions of a real sandbox, measured from outside."""

import os
from collections.abc import Iterator
from pathlib import Path

from host.cli.support.checks import Check, ok, warning, wrong
from host.sandbox import privileges

_PROC = Path("/proc")
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_SECCOMP_FILTER = "2"


def measure(pid: int) -> list[Check]:
    """Measure the restrictions of a jailed sandbox process."""
    status = _read_status(pid)
    return [
        *_user(status),
        _capabilities(status),
        _namespaces(pid),
        _environment(pid),
        _descriptors(pid),
        _out_of_memory(pid),
        _system_calls(status),
    ]


def _read_status(pid: int) -> dict[str, str]:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _user(status: dict[str, str]) -> Iterator[Check]:
    uids, groups = set(status["Uid"].split()), status["Groups"].split()
    own = next(iter(uids))
    if "0" in uids:
        mend = "Give Hekate CAP_SETUID and CAP_SETGID, or start it as an unprivileged user."
        yield warning("sandbox user", "Sandboxes run as root: the system does not let Hekate change their user.", mend)
    elif own == str(os.geteuid()):
        text = "Sandboxes run as the host's own user; only root can give each its own user."
        yield warning("sandbox user", text, "Start Hekate as root; it needs the right to change the user.")
    elif own == str(privileges.NOBODY):
        yield warning(
            "sandbox user",
            "All sandboxes run as the same user, nobody.",
            f"Map user ids from {privileges.FIRST_UID} on into this user namespace.",
        )
    else:
        yield ok("sandbox user", "Each sandbox has an unprivileged user of its own.")
    if groups:
        text = f"Sandboxes are in the supplementary groups {', '.join(groups)}."
        yield warning("sandbox groups", text, "Start Hekate as a user without supplementary groups, or as root.")
    else:
        yield ok("sandbox groups", "No supplementary groups.")


def _capabilities(status: dict[str, str]) -> Check:
    held = [name for name in _CAPABILITIES if int(status.get(name, "0"), 16)]
    if held:
        mend = "Start Hekate as root, or as a user without capabilities (in systemd: CapabilityBoundingSet=)."
        return warning("sandbox capabilities", f"Not empty: {', '.join(held)}.", mend)
    return ok("sandbox capabilities", "None, and none can be gained.")


def _namespaces(pid: int) -> Check:
    shared = [name for name in ("net", "ipc") if _namespace(pid, name) == _namespace(os.getpid(), name)]
    if shared:
        mend = "sudo sysctl -w kernel.unprivileged_userns_clone=1     (or give Hekate CAP_SYS_ADMIN)"
        return warning("sandbox namespaces", f"Sandboxes share the host's: {', '.join(shared)}.", mend)
    return ok("sandbox namespaces", "Network and IPC are separate and empty.")


def _namespace(pid: int, name: str) -> str:
    return os.readlink(_PROC / str(pid) / "ns" / name)  # noqa: PTH115 -- it is no path


def _environment(pid: int) -> Check:
    names = [each for each in (_PROC / str(pid) / "environ").read_bytes().split(b"\0") if each]
    if names:
        text = f"Sandboxes have {len(names)} of the host's environment variables."
        return warning("sandbox environment", text, "This is a defect; please report it.")
    return ok("sandbox environment", "Empty.")


def _descriptors(pid: int) -> Check:
    folder = _PROC / str(pid) / "fd"
    kinds = [os.readlink(each) for each in folder.iterdir()]  # noqa: PTH115 -- it is no path
    others = [kind for kind in kinds if not kind.startswith("socket:")]
    if others or len(kinds) != 1:
        text = f"Sandboxes have more than their socket: {', '.join(sorted(kinds))}."
        return warning("sandbox descriptors", text, "This is a defect; please report it.")
    return ok("sandbox descriptors", "Only its socket to the host.")


def _out_of_memory(pid: int) -> Check:
    score, own = (int((_PROC / each / "oom_score_adj").read_text()) for each in (str(pid), "self"))
    if score <= own:
        text = f"Under memory pressure the host may be killed before its sandboxes: oom_score_adj {own} and {score}."
        return warning("sandbox memory pressure", text, "Start Hekate with an OOMScoreAdjust= below 1000.")
    text = f"Sandboxes are killed before the host (oom_score_adj {score}, the host's {own})."
    return ok("sandbox memory pressure", text)


def _system_calls(status: dict[str, str]) -> Check:
    if status.get("Seccomp") != _SECCOMP_FILTER or status.get("NoNewPrivs") != "1":
        text = "The seccomp filter is not in force."
        return wrong("sandbox system calls", text, "Unset hekate.allow_unjailed.")
    return ok("sandbox system calls", "Filtered, and no program can gain privileges.")
