"""Requests that were refused before anything was done: counted, and summed up in the audit log.

Anybody can send them, as many as they like. One line for each would push all that was done out of the log.
"""

import asyncio
from collections import Counter
from typing import Any

from host.admin.services.audit import Audit
from host.telemetry.metrics import ComponentMetrics

PERIOD_S = 60.0
_MAX_KINDS = 20
"""Callers and operations that a summary tells apart; the rest is counted together."""
_OTHERS = ("others", "several")
_MAX_REMEMBERED = 10_000
"""Callers, operations and statuses that a period remembers, to tell the first refusal of each."""


class Refusals:
    """Sums up refused requests, and writes one line for a period in which there were any.

    Args:
        audit: Where the line is written.
        metrics: Where each is counted.
    """

    def __init__(self, audit: Audit, metrics: ComponentMetrics) -> None:
        self._audit = audit
        self._metrics = metrics
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._addresses: set[str] = set()
        self._seen: set[tuple[str, str, int]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def note(self, *, who: str, address: str, what: str, status: int) -> bool:
        """Count one. Return True if it is the first of its caller, operation and status in this period."""
        self._metrics.count_error(f"refused_{status}")
        key = (who, what, status)
        is_first = key not in self._seen and len(self._seen) < _MAX_REMEMBERED
        if is_first:
            self._seen.add(key)
        if key not in self._counts and len(self._counts) >= _MAX_KINDS:
            key = (*_OTHERS, status)
        self._counts[key] += 1
        if len(self._addresses) < _MAX_KINDS:
            self._addresses.add(address)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self.sum_up)
        return is_first

    def sum_up(self) -> None:
        """Write what was counted since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        self._seen.clear()
        addresses, self._addresses = sorted(self._addresses), set()
        facts: dict[str, Any] = {
            "count": counts.total(),
            "refused": [
                {"who": who, "what": what, "result": status, "count": count}
                for (who, what, status), count in counts.most_common()
            ],
            "addresses": addresses,
        }
        self._audit.write(who="several", address="several", what="refused_requests", target="", result=0, facts=facts)
