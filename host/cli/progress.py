"""A progress bar with rate and time left on stderr, where that is a terminal."""

from types import TracebackType
from typing import Any, Self

from host.cli.output import console


class Progress:
    """Shows how far something has come.

    Args:
        what: What is counted.
        total: How many there will be; None if nobody knows.
    """

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        out = console(stderr=True)
        if out.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
            from rich.text import Text

            class Speed(ProgressColumn):
                def render(self, task: Any) -> Text:
                    return Text(f"{task.speed or 0:,.0f}/s")

            columns = (TextColumn(self._what), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=out, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def show(self, count: int) -> None:
        """Say how many there are now."""
        if self._bar is not None:
            self._bar.update(self._task, completed=count)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
