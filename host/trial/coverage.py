"""Which lines of scripts have run in trials, and of the user's own modules that they require."""

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from host.config import model

_CLOSING = frozenset({"end", "end,", "end)", "end})", "}", "})", ")", "else", "end;"})
"""Where a function or a block only ends, code stands that a return before it does without."""


class Covered(NamedTuple):
    """One script."""

    path: str
    lines: int
    """Lines that can run."""
    missed: list[int]
    """Those that did not."""

    @property
    def share(self) -> float:
        """How much of it has run."""
        return 1 - len(self.missed) / self.lines if self.lines else 1.0

    @property
    def percent(self) -> float:
        """The same in percent; 100 only if nothing is missed."""
        return math.floor(self.share * 1000) / 10

    def ranges(self) -> list[tuple[int, int]]:
        """The lines that did not run: the first and the last of each stretch."""
        runs = groupby(enumerate(self.missed), lambda each: each[1] - each[0])
        spans = [[line for _, line in run] for _, run in runs]
        return [(span[0], span[-1]) for span in spans]


class Coverage:
    """Collects what the sandboxes of many trials say.

    Args:
        sandbox_dir: Where the modules are that scripts require; by default in the folder in which a script's folder is.
    """

    def __init__(self, sandbox_dir: Path | None = None) -> None:
        self._sandbox_dir = sandbox_dir
        self._can: dict[str, set[int]] = {}
        self._ran: dict[str, set[int]] = {}

    def listener(self, sandboxes: Iterable[model.Sandbox]) -> Callable[[str], None]:
        """What is told what the process of these sandboxes says."""
        paths = {Path(sandbox.path).name: sandbox.path for sandbox in sandboxes}
        folders = [Path(sandbox.path).parent.parent for sandbox in sandboxes]
        modules = [folder / "modules" for folder in ([self._sandbox_dir] if self._sandbox_dir else folders)]

        def path_of(name: str) -> str | None:
            relative = name.replace(".", "/") + ".lua"
            own = (str(folder / relative) for folder in modules if (folder / relative).is_file())
            return paths.get(f"{name}.lua") or next(own, None)

        def told(text: str) -> None:
            what, _, rest = text.partition(" ")
            name, _, numbers = rest.rpartition(".lua ")
            path = path_of(name)
            if path is not None and all(number.isdecimal() for number in numbers.split()):
                lines = self._can if what == "can" else self._ran
                lines.setdefault(path, set()).update(map(int, numbers.split()))

        return told

    def scripts(self) -> list[Covered]:
        """All scripts that were tried, by path."""
        return [self._of(path) for path in sorted(self._can)]

    def _of(self, path: str) -> Covered:
        texts = Path(path).read_text(encoding="utf-8").splitlines()
        can = {line for line in self._can[path] if 0 < line <= len(texts) and texts[line - 1].strip() not in _CLOSING}
        return Covered(path, len(can), sorted(can - self._ran.get(path, set())))
