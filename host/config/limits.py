"""Limits of sandboxes: the requested value, the host's maximum, and the effective value."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from host.config.model import HostSettings, Limits, Sandbox, SandboxMaximums

NAMES = tuple(field.name for field in msgspec.structs.fields(SandboxMaximums))
"""The names of all limits."""


class Limit(NamedTuple):
    """One limit of a sandbox."""

    name: str
    default: int
    """The host's value for a sandbox that requests none."""
    requested: int | None
    maximum: int
    effective: int

    @property
    def capped(self) -> bool:
        """True if the requested value exceeds the maximum."""
        return self.requested is not None and self.requested > self.effective


def resolve(settings: HostSettings, *requests: Any) -> dict[str, Limit]:
    """Return all limits of a sandbox by name.

    Args:
        settings: Defaults and maximums. A default above the maximum raises the maximum.
        requests: Structs with some of the limits as attributes, in order of precedence. None requests nothing.
    """
    limits = {}
    for name in NAMES:
        default = getattr(settings, name)
        maximum = max(default, getattr(settings.sandbox_maximums, name))
        requested = next((value for struct in requests if (value := getattr(struct, name, None)) is not None), None)
        value = min(default if requested is None else requested, maximum)
        limits[name] = Limit(name, default, requested, maximum, value)
    return limits


def effective(settings: HostSettings, *requests: Any) -> Limits:
    """Return the effective limits of a sandbox. For the arguments see `resolve`."""
    limits = resolve(settings, *requests)
    capped = {limit.name: limit.requested for limit in limits.values() if limit.requested is not None and limit.capped}
    return Limits(requested=capped, **{limit.name: limit.effective for limit in limits.values()})


def notes(sandboxes: Iterable[Sandbox]) -> list[str]:
    """Return a sentence for each limit that was reduced to the host's maximum."""
    return [
        f"{sandbox.kind} {sandbox.name}: {name} {requested} was reduced to {getattr(sandbox.limits, name)},"
        " the maximum in hekate.sandbox_maximums."
        for sandbox in sandboxes
        for name, requested in sandbox.limits.requested.items()
    ]
