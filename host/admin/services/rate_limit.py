"""Rate limit for requests: one token bucket for each caller."""

import time
from collections import OrderedDict

from host.admin.problems import Problem

_MAX_CALLERS = 10_000


class RequestLimit:
    """Counts requests by caller.

    Args:
        per_second: How fast a bucket fills.
        burst: How much is in a full one.
    """

    def __init__(self, per_second: int, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now_s: float | None = None) -> None:
        """Take one from a caller's bucket.

        Raises:
            Problem: It is empty.
        """
        now = time.monotonic() if now_s is None else now_s
        left, since = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        if left < 1:
            self._buckets[caller] = (left, now)
            wait_s = max(1, round((1 - left) / self._per_second))
            detail = f"More than {self._per_second} requests a second (admin.limits)."
            raise Problem(429, detail, headers={"Retry-After": str(wait_s)})
        self._buckets[caller] = (left - 1, now)
        while len(self._buckets) > _MAX_CALLERS:
            # Who has not asked for longest has a full bucket anyway.
            self._buckets.popitem(last=False)
