"""`hekate top` on a terminal: reads in the background, draws, and handles keys."""

import contextlib
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from host.cli.support.output import as_table
from host.cli.support.top_rows import COLUMNS, NUMBERS, SORTABLE, Readings, Row, View, chosen, style, troubles
from host.core.errors import HekateError

_LOOK_S = 0.1
"""Seconds between two checks of the keyboard and the terminal's size."""
_BAR_CELLS = 8
_MAX_TROUBLES = 3
"""Lines below the table with reasons of unhealthy components."""
_MIN_ROWS = 8
"""Rows of the table that take precedence over those lines."""
_LINES_AROUND = 6
"""Lines of the screen for the title, the line below it, the headings and their borders."""
_KEYS = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[5~": "page up", b"\x1b[6~": "page down", b"\x1b[H": "home",
    b"\x1b[F": "end", b"\x1b": "escape", b"\r": "enter", b"\n": "enter", b"\x7f": "back", b"\x08": "back",
}  # fmt: skip
_HELP = """\
  s         sort by the next column         r         the other way round
  {letters}
  /         show only what has a text in its name, or is in a state, as `paused`; Enter keeps it, Esc forgets it
  space     pause, and go on                ?         show and hide this
  up, down, page up, page down, home, end   move in a list that is too long
  q         quit"""


class Screen:
    """The live table.

    Args:
        readings: The source of the rows.
        view: Order and filter of the rows; keys change it.
        interval_s: Seconds between two readings.
        console: The terminal.
    """

    def __init__(self, readings: Readings, view: View, interval_s: float, console: Console) -> None:
        self._readings = readings
        self._view = view
        self._interval_s = interval_s
        self._console = console
        self._rows: list[Row] = []
        self._fault = ""
        self._news = threading.Event()
        self._ends = threading.Event()
        self._paused = threading.Event()
        self._helps = False
        self._entering: str | None = None
        self._first = 0

    def run(self) -> None:
        """Show the table until the user quits.

        Raises:
            HekateError: No host answers the first reading.
        """
        self._rows = self._readings.read()
        reader = threading.Thread(target=self._read_on, name="readings", daemon=True)
        screen = Live(console=self._console, screen=True, auto_refresh=False)
        with contextlib.suppress(KeyboardInterrupt), _keys_at_once(), screen as live:
            reader.start()
            size: Any = None
            while not self._ends.is_set():
                pressed = self._obey()
                if pressed or self._news.is_set() or size != self._console.size:
                    self._news.clear()
                    size = self._console.size
                    live.update(self._drawn(), refresh=True)

    def _read_on(self) -> None:
        while not self._ends.wait(self._interval_s):
            if self._paused.is_set():
                continue
            try:
                self._rows, self._fault = self._readings.read(), ""
            except HekateError as error:  # the host may come back; the last rows stay
                self._fault = str(error)
            self._news.set()

    # ---------------------------------------------------------------- keys

    def _obey(self) -> bool:
        """Wait a moment for keys and handle them; return True if there were any."""
        ready, _, _ = select.select([sys.stdin], [], [], _LOOK_S)
        pressed = os.read(sys.stdin.fileno(), 1024) if ready else b""
        if ready and not pressed:
            self._ends.set()  # the terminal has gone
        for key in _split(pressed):
            self._press(key)
        return bool(pressed)

    def _press(self, key: str) -> None:
        if self._entering is not None:
            self._enter(key, self._entering)
        elif key == "q":
            self._ends.set()
        elif key == " ":
            (self._paused.clear if self._paused.is_set() else self._paused.set)()
        elif key in {"?", "h"}:
            self._helps = not self._helps
        elif key == "/":
            self._entering = self._view.wanted
        elif key == "escape":
            self._view.wanted, self._helps = "", False
        elif key == "r":
            self._view.is_reversed = not self._view.is_reversed
        else:
            self._sort(key)
            self._move(key)

    def _enter(self, key: str, text: str) -> None:
        """Handle a key while the filter is entered."""
        if key == "enter":
            self._entering = None
        elif key == "escape":
            self._entering, self._view.wanted = None, ""
        elif key == "back":
            self._entering = self._view.wanted = text[:-1]
        elif len(key) == 1 and key.isprintable():
            self._entering = self._view.wanted = text + key
        self._first = 0

    def _sort(self, key: str) -> None:
        names = list(SORTABLE)
        by_letter = {column.letter: name for name, column in SORTABLE.items()}
        if key == "s":
            self._view.sort = names[(names.index(self._view.sort) + 1) % len(names)]
        elif key in by_letter:
            self._view.sort = by_letter[key]

    def _move(self, key: str) -> None:
        page = self._page()
        steps = {"up": -1, "down": 1, "page up": -page, "page down": page, "home": -len(self._rows),
                 "end": len(self._rows), "k": -1, "j": 1}  # fmt: skip
        self._first += steps.get(key, 0)

    # ---------------------------------------------------------------- what is drawn

    def _page(self) -> int:
        """Return the number of rows that fit on the screen."""
        room = self._console.size.height - _LINES_AROUND - (_HELP.count("\n") + 2 if self._helps else 0)
        return max(1, room - len(self._troubles()))

    def _troubles(self) -> list[str]:
        """Return the reasons of unhealthy components; none on a small screen."""
        room = self._console.size.height - _LINES_AROUND - _MIN_ROWS
        return troubles(self._rows)[: max(0, min(_MAX_TROUBLES, room))]

    def _drawn(self) -> Group:
        rows = chosen(self._rows, self._view)
        page = self._page()
        self._first = max(0, min(self._first, len(rows) - page))
        shown = rows[self._first : self._first + page]
        cells = [[*(column.shown(row) for column in COLUMNS[:-1]), _bar(row)] for row in shown]
        drawn = as_table(self._heads(), cells, numbers=NUMBERS, styles=[style(row) for row in shown], wraps=False)
        parts: list[RenderableType] = [self._title(len(rows), len(shown)), self._second_line(), drawn]
        parts += [_one_line(Text(line, style="red")) for line in self._troubles()]
        if self._helps:
            letters = ", ".join(f"{column.letter} {name}" for name, column in SORTABLE.items())
            parts.insert(2, Text(_HELP.format(letters=letters) + "\n", style="cyan"))
        return Group(*parts)

    def _heads(self) -> list[Text]:
        heads = []
        for column in COLUMNS:
            head = Text(column.head)
            if column.letter and column.letter in column.head:
                at = column.head.index(column.letter)
                head.stylize("underline", at, at + 1)
            if column.name == self._view.sort:
                falls = (column.name == "component") == self._view.is_reversed
                head = Text.assemble(head, " ↓" if falls else " ↑", style="reverse")
            heads.append(head)
        return heads

    def _title(self, found: int, shown: int) -> Text:
        title = Text.assemble(("hekate top", "bold"), f"  {found} of {len(self._rows)} components")
        if shown < found:
            title.append(f", {self._first + 1} to {self._first + shown} shown")
        if self._paused.is_set():
            title.append("  PAUSED", style="bold yellow")
        title.append(f"  {time.strftime('%H:%M:%S')}  {self._readings.where}")
        return _one_line(title)

    def _second_line(self) -> Text:
        if self._entering is not None:
            return _one_line(
                Text.assemble(("filter: ", "bold"), self._entering, ("█", "dim"), "  Enter keeps, Esc forgets")
            )
        if self._fault:
            return _one_line(Text(f"{self._fault}", style="bold red"))
        wanted = f"only `{self._view.wanted}`   " if self._view.wanted else ""
        return _one_line(Text(f"{wanted}? help   s sort   r reverse   / filter   space pause   q quit", style="dim"))


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _bar(row: Row) -> str:
    """Return a bar of the memory in use."""
    share = row["memory_percent"]
    if share is None:
        return "-"
    full = min(_BAR_CELLS, round(share / 100 * _BAR_CELLS))
    return f"{'█' * full}{'░' * (_BAR_CELLS - full)} {share:5.1f}"


def _split(pressed: bytes) -> Iterator[str]:
    """Yield the keys in the bytes from a terminal."""
    while pressed:
        found = next((code for code in sorted(_KEYS, key=len, reverse=True) if pressed.startswith(code)), None)
        size = len(found) if found else 1
        yield _KEYS[found] if found else pressed[:1].decode("latin-1")
        pressed = pressed[size:]


@contextlib.contextmanager
def _keys_at_once() -> Iterator[None]:
    """Let the terminal deliver each key at once, without echo."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
