"""What a consumer knows of kinds of packs: which of them its matcher can match at all.

The sandbox says so itself, with the first pack of a kind that it is done with. But one that is busy for long, or dies
time and again, is not done, and what waits for it holds the inputs back. So after a while somebody else is asked, the
judge: nobody waits for a sandbox that misbehaves with packs that are none of its business.
"""

import asyncio
from collections.abc import Callable, Iterable

from host.packs.ledger import TablePack

Verdict = Callable[[TablePack, bool], None]
"""Told of a pack whether its kind can never match."""
MatchProbe = Callable[[TablePack, Verdict], None]

MAX_KEPT_SHAPES_BYTES = 16 * 1024
"""Longer descriptions of packs are not remembered: a script that makes up names must not fill the host's memory."""
_MAX_KNOWN_SHAPES = 10_000
_PATIENCE_S = 0.1


class MatchCache:
    """What is known, and who is asked.

    Args:
        waiting: The packs that wait now.
        on_never: Told of a pack whose kind turned out never to match.
    """

    def __init__(self, waiting: Callable[[], Iterable[TablePack]], on_never: Callable[[TablePack], None]) -> None:
        self._waiting = waiting
        self._on_never = on_never
        self._judge: MatchProbe | None = None
        self._never: set[bytes] = set()
        self._possible: set[bytes] = set()
        self._asking = False

    def judged_by(self, judge: MatchProbe) -> None:
        """Ask this one from now on; what is known is forgotten, since the matcher may be another one."""
        self._judge = judge
        self.forget()

    def forget(self) -> None:
        """Another sandbox, maybe with another matcher."""
        self._never.clear()
        self._possible.clear()

    def may_match(self, shapes: bytes) -> bool:
        """Whether packs of a kind may match, as far as is known."""
        return shapes not in self._never

    def learn(self, pack: TablePack, *, never: bool) -> None:
        """The sandbox is done with a pack."""
        if len(pack.shapes) > MAX_KEPT_SHAPES_BYTES:
            return
        known = self._never if never else self._possible
        if len(known) >= _MAX_KNOWN_SHAPES:
            known.clear()
        known.add(pack.shapes)
        if never:
            self._on_never(pack)

    def something_waits(self) -> None:
        """If it waits for long, ask."""
        if not self._asking and self._judge is not None:
            self._asking = True
            asyncio.get_running_loop().call_later(_PATIENCE_S, self._ask)

    def _ask(self) -> None:
        unknown = (pack for pack in self._waiting() if pack.shapes not in self._possible)
        pack = next((pack for pack in unknown if len(pack.shapes) <= MAX_KEPT_SHAPES_BYTES), None)
        judge = self._judge
        self._asking = pack is not None and judge is not None
        if pack is None or judge is None:
            return

        def verdict(judged: TablePack, never: bool) -> None:
            self._asking = False
            if judge is self._judge:  # and not another matcher meanwhile
                self.learn(judged, never=never)
            if any(True for _ in self._waiting()):
                self._asking = True
                loop.call_soon(self._ask)

        loop = asyncio.get_running_loop()
        judge(pack, verdict)
