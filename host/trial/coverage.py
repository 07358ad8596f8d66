"""Records which lines of scripts, and of the user's modules that they require, have run in trials."""

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from host.config import model

_CLOSING = frozenset({"end", "end,", "end)", "end})", "}", "})", ")", "else", "end;"})
"""Lines that only close a function or block. Lua may give them code although a return before them ends the function."""


class ScriptCoverage(NamedTuple):
    """Line coverage of one script."""

    path: str
    lines: int
    """Number of lines that can run."""
    missed: list[int]
    """Lines that can run but did not."""

    @property
    def share(self) -> float:
        """The share of lines that have run, from 0 to 1."""
        return 1 - len(self.missed) / self.lines if self.lines else 1.0

    @property
    def percent(self) -> float:
        """The share in percent, rounded down, so that 100 means that no line is missed."""
        return math.floor(self.share * 1000) / 10

    def ranges(self) -> list[tuple[int, int]]:
        """Return the missed lines as ranges of first and last line."""
        runs = groupby(enumerate(self.missed), lambda each: each[1] - each[0])
        spans = [[line for _, line in run] for _, run in runs]
        return [(span[0], span[-1]) for span in spans]


class Coverage:
    """Collects the coverage reports of the sandboxes of many trials.

    Args:
        sandbox_dir: Directory with the user's `modules`; by default the parent of each script's own directory.
    """

    def __init__(self, sandbox_dir: Path | None = None) -> None:
        self._sandbox_dir = sandbox_dir
        self._can: dict[str, set[int]] = {}
        self._ran: dict[str, set[int]] = {}

    def new_listener(self, sandboxes: Iterable[model.Sandbox]) -> Callable[[str], None]:
        """Return the callback that receives the coverage reports of the process of these sandboxes."""
        paths = {Path(sandbox.path).name: sandbox.path for sandbox in sandboxes}
        folders = [Path(sandbox.path).parent.parent for sandbox in sandboxes]
        modules = [folder / "modules" for folder in ([self._sandbox_dir] if self._sandbox_dir else folders)]

        def path_of(name: str) -> str | None:
            relative = name.replace(".", "/") + ".lua"
            own = (str(folder / relative) for folder in modules if (folder / relative).is_file())
            return paths.get(f"{name}.lua") or next(own, None)

        def record(text: str) -> None:
            state, _, rest = text.partition(" ")
            name, _, numbers = rest.rpartition(".lua ")
            path = path_of(name)
            if path is not None and all(number.isdecimal() for number in numbers.split()):
                lines = self._can if state == "can" else self._ran
                lines.setdefault(path, set()).update(map(int, numbers.split()))

        return record

    def scripts(self) -> list[ScriptCoverage]:
        """Return the coverage of all scripts that ran, by path."""
        return [self._of(path) for path in sorted(self._can)]

    def _of(self, path: str) -> ScriptCoverage:
        texts = Path(path).read_text(encoding="utf-8").splitlines()
        can = {line for line in self._can[path] if 0 < line <= len(texts) and texts[line - 1].strip() not in _CLOSING}
        return ScriptCoverage(path, len(can), sorted(can - self._ran.get(path, set())))
