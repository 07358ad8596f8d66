"""A process that several sandboxes share, when one leaves it and it ends at the same moment."""

import asyncio

from host.sandbox.group import Group
from host.sandbox.process import Order
from host.sandbox.zygote_client import SpawnRequest


class Zygote:
    """Starts nothing, and says when a process has ended."""

    gone = False

    async def spawn(self, _seats, ended):
        self.ended = ended
        return 1


class SandboxMember:
    """A sandbox whose socket, when it is read to its end, says that it has left."""

    is_busy = False

    def __init__(self, name, leaves_group=None):
        self.name = name
        self._leaves_group = leaves_group
        self.heard = []

    def has_ended_its_process(self):
        if self._leaves_group is not None:
            self._leaves_group.left(self)
        return False

    def ended(self, status, culprit=""):
        self.heard.append((status, culprit))


def test_a_sandbox_that_leaves_while_its_process_ends_is_told_once_and_so_are_the_others():
    async def scenario():
        zygote = Zygote()
        group = Group(zygote)
        tenants = [SandboxMember("a"), SandboxMember("b", leaves_group=group), SandboxMember("c")]
        seat = SpawnRequest("filter", Order("a", 8 << 20, 1, 1, allow_unjailed=False), None, -1)
        await asyncio.gather(*(group.house(seat, tenant) for tenant in tenants))
        zygote.ended(0)
        return tenants

    assert [tenant.heard for tenant in asyncio.run(scenario())] == [[(0, "")]] * 3
