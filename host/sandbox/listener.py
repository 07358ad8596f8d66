"""Who a sandbox has to do with: who gives it work, and who gives it a process."""

from __future__ import annotations

from typing import Protocol, TypeVar

from host.packs.protocol import Report
from host.sandbox.assignment import Assignment
from host.sandbox.termination import Termination
from host.sandbox.zygote_client import Place, SandboxMember, SpawnRequest

S = TypeVar("S", contravariant=True)  # noqa: PLC0105 -- the sandbox, whose module imports this one


class SandboxListener(Protocol[S]):
    """Who gives a sandbox its work: the decoders of an input, a filter, an output."""

    def on_emit(self, sandbox: S, work: Assignment | None, report: Report) -> None:
        """The sandbox filled a slot. work is None for what a timer event made."""

    def on_done(self, sandbox: S, work: Assignment, report: Report) -> None:
        """The sandbox is done with a pack."""

    def on_failure(self, sandbox: S, text: str) -> None:
        """The first reason why a record of a pack failed."""

    def on_room(self, sandbox: S) -> None:
        """The sandbox would take more work."""

    def on_terminated(self, sandbox: S, termination: Termination) -> bool:
        """The sandbox was ended. Answers whether it is to be started again."""

    def on_quarantined(self, sandbox: S) -> None:
        """The sandbox has died too often and is not started again."""


class ProcessProvider(Protocol):
    """Where a sandbox gets a process from: `ZygoteClient`, or `Group`."""

    @property
    def gone(self) -> bool:
        """Whether nothing will start any more."""

    async def house(self, seat: SpawnRequest, tenant: SandboxMember) -> Place:
        """Put a sandbox into a process; raises SandboxError."""

    def left(self, tenant: SandboxMember) -> None:
        """A sandbox has closed its socket, as it was told to."""
