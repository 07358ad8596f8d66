"""Limits of the operating system under which a configuration cannot run."""

from __future__ import annotations

import resource

from host.config import model
from host.core.errors import StartError
from host.telemetry.logs import get_logger

_LOG = get_logger("host.pipeline")

_GIBIBYTE = 1 << 30
_ARENA_BYTES = 19 * _GIBIBYTE
"""Address space of one arena in a sandbox: 8 GiB of guard on each side, and the largest arenas themselves."""
_BASE_BYTES = 4 * _GIBIBYTE
_WANTED_DESCRIPTORS = 1 << 20
_BASE_DESCRIPTORS = 48
"""Those of the host itself: logs, databases, dead letters, the zygote, the judge."""
_SANDBOX_DESCRIPTORS = 5
_UNIT_DESCRIPTORS = 6
"""Those of an input, filter or output beside its sandboxes: arenas, files or sockets."""


def check(config: model.Config) -> None:
    """Raise the soft limits as far as may be, and see that they suffice.

    Raises:
        StartError: A limit is too low for this configuration.
    """
    decoders = sum(input_.decoders for input_ in config.inputs.values())
    sandboxes = decoders + len(config.filters) + len(config.outputs)
    # A filter or an output maps all that the inputs, decoders and filters write, and its own.
    arenas = len(config.inputs) + decoders + len(config.filters) + 1
    needed_bytes = _BASE_BYTES + arenas * _ARENA_BYTES
    found_bytes = _raised(resource.RLIMIT_AS, needed_bytes)
    if found_bytes < needed_bytes:
        raise StartError(
            f"The address space is limited to {found_bytes / _GIBIBYTE:.1f} GiB (ulimit -v), and a sandbox of this "
            f"configuration reserves up to {needed_bytes / _GIBIBYTE:.0f} GiB of it, so that no damaged pack can make "
            "it read foreign memory. That is address space, not memory. Remove the limit: `ulimit -v unlimited`, or "
            "LimitAS=infinity in a systemd unit; limit memory with a cgroup (MemoryMax=) instead."
        )
    units = len(config.inputs) + len(config.filters) + len(config.outputs)
    needed = _BASE_DESCRIPTORS + sandboxes * _SANDBOX_DESCRIPTORS + units * _UNIT_DESCRIPTORS
    found = _raised(resource.RLIMIT_NOFILE, _WANTED_DESCRIPTORS)
    if found < needed:
        raise StartError(
            f"Only {found} file descriptors may be open (ulimit -n), and this configuration needs about {needed}, "
            "besides one for each followed file and each connection. Raise the limit: `ulimit -n 65536`, or "
            "LimitNOFILE=65536 in a systemd unit."
        )


def _raised(which: int, wanted: int) -> float:
    """Raise a soft limit to what is wanted, as far as the hard limit allows; return what it is now."""
    soft, hard = resource.getrlimit(which)
    if soft == resource.RLIM_INFINITY:
        return float("inf")
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if target > soft:
        try:
            resource.setrlimit(which, (target, hard))
        except (OSError, ValueError) as error:
            _LOG.warning("A limit of the operating system could not be raised.", reason=str(error))
    now = resource.getrlimit(which)[0]
    return float("inf") if now == resource.RLIM_INFINITY else now
