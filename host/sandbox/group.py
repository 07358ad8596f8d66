"""Sandboxes that trust each other share processes, which is what a thousand of them need.

Each still has its own Lua state, memory limit, socket, heartbeat and CPU clock. What it does not have is a wall: if one
ends its process, the others are put into a new one and go on from their state.
"""

from __future__ import annotations

import asyncio
import os
import signal

from host.core.errors import SandboxError
from host.sandbox.cpu import ProcessClock, ThreadClock
from host.sandbox.memory import max_process_bytes
from host.sandbox.process import MAX_MEMBERS, lua_bytes
from host.sandbox.termination import OUT_OF_MEMORY_STATUS
from host.sandbox.zygote_client import Place, SandboxMember, SpawnRequest, ZygoteClient

_GATHER_S = 0.02
"""How long the last one waits for others that start at the same time."""


class Group:
    """Puts sandboxes into shared processes. Those that start together get one, up to so many.

    Args:
        zygote: Starts the processes.
    """

    def __init__(self, zygote: ZygoteClient) -> None:
        self._zygote = zygote
        self._waiting: list[tuple[SpawnRequest, SandboxMember, asyncio.Future[Place]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._houses: dict[SandboxMember, _House] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def gone(self) -> bool:
        """Whether nothing will start any more."""
        return self._zygote.gone

    async def house(self, seat: SpawnRequest, tenant: SandboxMember) -> Place:
        """Put a sandbox into a process.

        Raises:
            SandboxError: There is no process.
        """
        placed: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append((seat, tenant, placed))
        if self._timer is not None:
            self._timer.cancel()
        if len(self._waiting) == MAX_MEMBERS:
            self._fill_house()
        else:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_S, self._fill_house)
        return await placed

    def left(self, tenant: SandboxMember) -> None:
        """A sandbox has closed its socket, as it was told to; its process may go on."""
        house = self._houses.pop(tenant, None)
        # If the process has ended, it is about to be told: that it closed its socket was heard only now.
        if house is not None and tenant in house.tenants:
            house.tenants.remove(tenant)
            tenant.ended(0)

    def _fill_house(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        if batch:
            task = asyncio.get_running_loop().create_task(self._start(batch), name="group")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _start(self, batch: list[tuple[SpawnRequest, SandboxMember, asyncio.Future[Place]]]) -> None:
        house = _House([tenant for _, tenant, _ in batch])
        self._houses.update(dict.fromkeys(house.tenants, house))
        try:
            pid = await self._zygote.spawn([seat for seat, _, _ in batch], house.ended)
        except SandboxError as error:
            for _, _, placed in batch:
                if not placed.done():
                    placed.set_exception(error)
            return
        max_bytes = max_process_bytes([lua_bytes(seat.order) for seat, _, _ in batch])
        alone = len(batch) == 1
        for index, (_, _, placed) in enumerate(batch):
            if not placed.done():
                clock = ProcessClock(pid) if alone else ThreadClock(pid, index)
                placed.set_result(Place(pid, clock, len(batch), max_bytes))


class _House:
    """One process, and who is in it."""

    def __init__(self, tenants: list[SandboxMember]) -> None:
        self.tenants = tenants

    def ended(self, status: int) -> None:
        """The process is gone: only for those whose fault it is that is a death."""
        tenants, self.tenants = self.tenants, []
        guilty = [tenant for tenant in tenants if tenant.has_ended_its_process()]
        if not guilty and os.waitstatus_to_exitcode(status) == OUT_OF_MEMORY_STATUS:
            guilty = [tenant for tenant in tenants if tenant.is_busy]
            if len(guilty) != 1:  # nobody knows whose memory it was
                guilty, status = [], signal.SIGKILL
        for tenant in tenants:
            tenant.ended(status, "" if tenant in guilty or not guilty else guilty[0].name)
