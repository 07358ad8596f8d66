"""Output of the verbs: styled on a terminal, plain in a pipe or with NO_COLOR, or JSON."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from host.cli.support.escape import visible, visible_lines
from host.core import stdout
from host.core.errors import ConfigError, ConfigErrors, HekateError

if TYPE_CHECKING:
    from rich.table import Table


class _Console(Console):
    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """Escape control characters in all printed text."""
        return super()._render_buffer(
            each if each.control else Segment(visible_lines(each.text), each.style) for each in buffer
        )

    def on_broken_pipe(self) -> None:
        """Let the command end with the status of a broken pipe; rich would use status 1."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console that neither wraps nor colours text in a pipe."""
    out = _Console(stderr=stderr, highlight=False)
    out.soft_wrap = not out.is_terminal
    return out


def write_json(document: object) -> None:
    """Write one document to stdout."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    stdout.write(text + b"\n")


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: int, styles: Sequence[str] = ()) -> None:
    """Print rows; the last `numbers` columns hold numbers. In a pipe nothing is wrapped, cut or framed."""
    out = console()
    if out.is_terminal:
        out.print(as_table(heads, rows, numbers=numbers, styles=styles), soft_wrap=False)
        return
    texts = [list(heads), *([visible(str(value)) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(heads))]
    for row in texts:
        cells = [
            text.rjust(width) if place >= len(heads) - numbers else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def as_table(
    heads: Sequence[str | Text],
    rows: Sequence[Sequence[object]],
    *,
    numbers: int,
    styles: Sequence[str] = (),
    wraps: bool = True,
) -> "Table":
    """Return the rows as a table for a terminal, each with its style."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        justify: Literal["right", "left"] = "right" if place >= len(heads) - numbers else "left"
        made.add_column(head, justify=justify, no_wrap=not wraps)
    for number, row in enumerate(rows):
        made.add_row(*(Text(visible(str(value))) for value in row), style=styles[number] if styles else "")
    return made


def show_fault(fault: HekateError) -> None:
    """Explain an error on stderr."""
    if isinstance(fault, ConfigErrors):
        show_config_errors(fault.errors)
        return
    if isinstance(fault, ConfigError):
        show_config_errors([fault])
        return
    console(stderr=True).print(Text("Error: ", style="bold red") + Text(visible_lines(str(fault))))


def show_config_errors(errors: Iterable[ConfigError]) -> None:
    """Print the faults of a configuration on stderr: place, path, fault, and hint."""
    out = console(stderr=True)
    found = list(errors)
    for error in found:
        line = Text()
        for part, style in ((error.place, "bold"), (error.path, "cyan")):
            if part:
                line.append(part, style=style).append(": ")
        out.print(line.append(error.message))
        if error.hint:
            out.print(Text(f"    {error.hint}", style="dim"))
    noun = "fault" if len(found) == 1 else "faults"
    where = "" if all(error.file.endswith(".lua") for error in found) else " in the configuration"
    out.print(Text(f"{len(found)} {noun}{where}.", style="bold red"))


def as_document(error: ConfigError) -> dict[str, Any]:
    """Return a configuration fault as data."""
    return {
        "file": error.file,
        "line": error.line,
        "path": error.path,
        "message": error.message,
        "hint": error.hint,
    }
