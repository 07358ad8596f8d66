"""Tells the pipeline itself that a sandbox has ended before its time: a message of Type hekate.sandbox-terminated."""

import time
import weakref
from collections.abc import Callable

from host.core.termination_message import LOGGER, MESSAGE_TYPE
from host.packs import writer
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination

_SEVERITY_ERROR = 3
_SLOT_BYTES = 64 * 1024
_SLOTS = 256
"""Each waits until all consumers have looked at it, also one that is just being ended. Unused ones take no memory."""
_MAX_PAYLOAD_CHARACTERS = 8_000
_MAX_NAME_CHARACTERS = 200
_BURST = 5
_REFILL_S = 10.0
"""A sandbox that keeps dying is told of so often after the first few times."""


class _Budget:
    """How many messages about one sandbox may still be sent."""

    __slots__ = ("left", "since_s", "suppressed")

    def __init__(self, now_s: float) -> None:
        self.left = float(_BURST)
        self.since_s = now_s
        self.suppressed = 0

    def take(self, now_s: float) -> bool:
        self.left = min(float(_BURST), self.left + (now_s - self.since_s) / _REFILL_S)
        self.since_s = now_s
        if self.left < 1:
            self.suppressed += 1
            return False
        self.left -= 1
        return True


class Terminations:
    """Makes the messages and routes them.

    They cannot go round in circles: a message about a sandbox that ended at a message is one loop deeper than that one.

    Args:
        route: Takes a pack.
    """

    def __init__(self, route: Callable[[TablePack], None]) -> None:
        self._route = route
        self._arena: Arena | None = None
        self._budgets: weakref.WeakKeyDictionary[Sandbox, _Budget] = weakref.WeakKeyDictionary()

    def report(self, sandbox: Sandbox, termination: Termination, max_loops: int) -> None:
        """Send a message about a sandbox that has just ended, unless there were too many of them."""
        now_s = time.monotonic()
        budget = self._budgets.setdefault(sandbox, _Budget(now_s))
        if termination.loop_depth > max_loops or not budget.take(now_s):
            return
        if self._arena is None:
            self._arena = Arena("terminations", _SLOT_BYTES, _SLOTS, host_writes=True)
        offset = self._arena.acquire()
        if offset is None:
            budget.suppressed += 1
            return
        slot = self._arena.view[offset : offset + self._arena.slot_bytes]
        message = _message(sandbox, termination, budget.suppressed)
        budget.suppressed = 0
        written = writer.write(slot, [message], loop_depth=termination.loop_depth, position=message.timestamp_ns)
        pack = TablePack(
            self._arena, offset, written.used_bytes, 1, written.shapes, "", termination.loop_depth, 0,
            message.timestamp_ns, None, None, self._arena.release, time.monotonic_ns(),
        )  # fmt: skip
        self._route(pack)


def _message(sandbox: Sandbox, termination: Termination, suppressed: int) -> writer.Message:
    short = slice(_MAX_NAME_CHARACTERS)
    fields: dict[str, writer.Scalar] = {
        "name": sandbox.name[short],
        "plugin": sandbox.plugin[short],
        "kind": sandbox.kind,
        "limit": termination.limit.value,
        "value": termination.value,
        "usage": termination.usage,
        "record": termination.record,
        "state": sandbox.state,
        "suppressed": suppressed,
    }
    headers: dict[str, writer.Scalar] = {
        "Payload": termination.text[:_MAX_PAYLOAD_CHARACTERS],
        "Severity": _SEVERITY_ERROR,
        "Hostname": sandbox.hostname[short],
    }
    return writer.Message(
        MESSAGE_TYPE, LOGGER, sandbox.clock(), headers, [writer.Field(*each) for each in fields.items()]
    )
