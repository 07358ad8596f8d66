"""A progress bar on stderr with rate and time left, if stderr is a terminal."""

import time
from types import TracebackType
from typing import Any, Self

from host.cli.support.output import console

_PATIENCE_S = 0.5
"""Shorter work shows no bar."""
BYTES = "bytes"
"""A unit that is shown as MB and GB."""


class Progress:
    """Shows the progress of some work.

    Args:
        what: The unit of the count.
        total: The final count; None if unknown.
    """

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._begun_s = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        self._begun_s = time.monotonic()
        return self

    def show(self, count: int) -> None:
        """Show the current count."""
        self._count = count
        if self._bar is not None:
            self._bar.update(self._task, completed=count)
        elif time.monotonic() - self._begun_s > _PATIENCE_S:
            self._begin()

    def step(self) -> None:
        """Increase the count by one."""
        self.show(self._count + 1)

    def _begin(self) -> None:
        out = console(stderr=True)
        if not out.is_terminal:
            return
        from rich import progress as bars
        from rich.filesize import decimal
        from rich.text import Text

        begun_s, is_bytes = self._begun_s, self._what == BYTES

        class Speed(bars.ProgressColumn):
            def render(self, task: Any) -> Text:
                rate = task.completed / (time.monotonic() - begun_s)
                return Text(f"{decimal(int(rate)) if is_bytes else f'{rate:,.0f}'}/s")

        done = bars.DownloadColumn() if is_bytes else bars.MofNCompleteColumn()
        columns = (bars.TextColumn(self._what), bars.BarColumn(), done, Speed(), bars.TimeRemainingColumn())
        self._bar = bars.Progress(*columns, console=out, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._what, total=self._total, completed=self._count)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
