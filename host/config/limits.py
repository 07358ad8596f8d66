"""What a sandbox may use: what is asked for, what the host allows at most, and what comes of both."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from host.config.model import HostSettings, Limits, Sandbox, SandboxMaximums

NAMES = tuple(field.name for field in msgspec.structs.fields(SandboxMaximums))
"""Of all limits."""


class Limit(NamedTuple):
    """One limit of a sandbox."""

    name: str
    default: int
    """Of the host, for who asks for nothing."""
    asked: int | None
    maximum: int
    effective: int

    @property
    def capped(self) -> bool:
        """Whether more was asked for than may be had."""
        return self.asked is not None and self.asked > self.effective


def of(settings: HostSettings, *asking: Any) -> dict[str, Limit]:
    """All limits of a sandbox.

    Args:
        settings: Defaults and maximums. A default above the maximum is one that the host itself grants.
        asking: Structs with some of the limits as attributes, the most important one first; None asks for nothing.

    Returns:
        By name.
    """
    found = {}
    for name in NAMES:
        default = getattr(settings, name)
        maximum = max(default, getattr(settings.sandbox_maximums, name))
        asked = next((value for struct in asking if (value := getattr(struct, name, None)) is not None), None)
        found[name] = Limit(name, default, asked, maximum, min(default if asked is None else asked, maximum))
    return found


def effective(settings: HostSettings, *asking: Any) -> Limits:
    """What a sandbox gets; see `of`."""
    limits = of(settings, *asking)
    asked = {limit.name: limit.asked for limit in limits.values() if limit.asked is not None and limit.capped}
    return Limits(asked=asked, **{limit.name: limit.effective for limit in limits.values()})


def notes(sandboxes: Iterable[Sandbox]) -> list[str]:
    """A sentence for each limit of which less is granted than was asked for."""
    return [
        f"{sandbox.kind} {sandbox.name}: {name} is {getattr(sandbox.limits, name)}, as"
        f" hekate.sandbox_maximums says, and not {asked}."
        for sandbox in sandboxes
        for name, asked in sandbox.limits.asked.items()
    ]
