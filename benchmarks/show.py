"""Prints tables and writes them to RESULTS.md."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from benchmarks import machine
from benchmarks.results import Table

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

_VERDICTS = {True: "ok", False: "over", None: ""}
_STYLES = {True: "green", False: "bold red", None: ""}


def print_table(table: Table, console: Console) -> None:
    """Print a table to the terminal."""
    shown = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate((*table.headings, "")):
        shown.add_column(heading, justify="right" if number in {2, 3, 4} else "left")
    for row in table.rows:
        verdict = _VERDICTS[row.verdict]
        style = _STYLES[row.verdict]
        shown.add_row(*map(escape, row[:5]), f"[{style}]{verdict}[/]" if style else verdict)
    console.print(shown)
    for note in table.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    console.print()


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _markdown(table: Table) -> list[str]:
    lines = [f"## {table.title}", ""]
    lines += [_cells(*table.headings), "|---|---|---:|---:|---:|---|"]
    lines += [_cells(*row[:5], _VERDICTS[row.verdict]) for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return [*lines, ""]


def write(tables: list[Table], command: str) -> None:
    """Write all tables and the description of the machine."""
    lines = ["# Results", "", f"Written by `{command}`; do not edit. What the figures mean: README.md.", ""]
    lines += [_cells("", ""), "|---|---|"]
    lines += [_cells(name, value) for name, value in machine.description()]
    lines.append("")
    for table in tables:
        lines += _markdown(table)
    RESULTS.write_text("\n".join(lines))


def write_some(tables: list[Table]) -> None:
    """Replace the tables with the same titles. Add the date and version of the measurement."""
    found = dict(machine.description())
    head, *sections = RESULTS.read_text().split("\n## ")
    kept = {section.partition("\n")[0]: section for section in sections}
    for table in tables:
        note = f"Measured by itself, with Hekate {found['Hekate']}, {found['Date']}."
        lines = _markdown(table._replace(notes=[*table.notes, note]))
        kept[table.title] = "\n".join(lines).removeprefix("## ")
    RESULTS.write_text("\n## ".join([head, *kept.values()]))
