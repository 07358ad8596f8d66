"""The reports of `hekate test`: text, JSON and JUnit."""

import difflib
import json
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rich.text import Text

from host.cli.support.output import as_document, console, show_config_errors, write_json
from host.core.errors import ConfigError
from host.trial.compare import CaseResult, Difference
from host.trial.coverage import ScriptCoverage

_LONG = 16
"""A difference after at least this many equal characters is marked with a caret."""
_NO_XML = {number: "\ufffd" for number in range(32) if chr(number) not in "\t\n\r"}


class Report:
    """The results of all cases and tests.

    Args:
        verdicts: Results, in the order of the files.
        errors: Faults of files whose cases could not be read.
        elapsed_s: Duration of the run.
        scripts: Coverage of the scripts; empty without --coverage.
    """

    def __init__(
        self,
        verdicts: Sequence[CaseResult],
        errors: Sequence[ConfigError],
        elapsed_s: float,
        scripts: Sequence[ScriptCoverage] = (),
    ) -> None:
        self._verdicts = verdicts
        self._errors = errors
        self._elapsed_s = elapsed_s
        self._scripts = scripts

    @property
    def _failed(self) -> int:
        return sum(not verdict.passed for verdict in self._verdicts)

    def text(self) -> None:
        """Print the results as text."""
        out = console()
        for file, verdicts in groupby(self._verdicts, lambda verdict: verdict.file):
            out.print(Text(_short(file), style="bold"))
            for verdict in verdicts:
                mark = Text("  ok    ", style="green") if verdict.passed else Text("  FAIL  ", style="bold red")
                out.print(mark + Text(verdict.name) + Text(f"  {verdict.elapsed_ms:.0f} ms", style="dim"))
                for difference in verdict.differences:
                    _show(difference, verdict.file)
        if self._errors:
            show_config_errors(self._errors)
        if not self._verdicts and self._errors:
            return
        if not self._verdicts:
            out.print("There are no cases and no tests here; docs/testing.md says how to write them.")
            return
        self._show_coverage()
        counts = f"{len(self._verdicts) - self._failed} passed, {self._failed} failed"
        style = "bold red" if self._failed else "green"
        out.print(Text(counts, style=style) + Text(f" in {self._elapsed_s:.2f} s"))

    def _show_coverage(self) -> None:
        out = console()
        for script in self._scripts:
            style = "green" if not script.missed else "yellow"
            spans = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in script.ranges())
            missed = f"  lines that did not run: {spans}" if spans else ""
            line = Text(f"{script.percent:5.1f} %  ", style=style) + Text(_short(script.path), style="bold")
            out.print(line + Text(missed, style="dim"))
        if len(self._scripts) > 1:
            out.print(Text(f"{self._total().percent:5.1f} %  of {self._total().lines} lines in all", style="bold"))

    def _total(self) -> ScriptCoverage:
        missed = [line for script in self._scripts for line in script.missed]
        return ScriptCoverage("", sum(script.lines for script in self._scripts), missed)

    def json(self) -> None:
        """Print the results as JSON."""
        write_json(
            {
                "passed": len(self._verdicts) - self._failed,
                "failed": self._failed,
                "errors": [as_document(error) for error in self._errors],
                "elapsed_ms": round(self._elapsed_s * 1000, 1),
                "cases": [verdict_document(verdict) for verdict in self._verdicts],
                "coverage": [
                    {
                        "file": script.path,
                        "lines": script.lines,
                        "percent": script.percent,
                        "missed": script.missed,
                        "missed_ranges": script.ranges(),
                    }
                    for script in self._scripts
                ],
                "coverage_percent": self._total().percent if self._scripts else None,
            }
        )

    def junit(self) -> None:
        """Print the results as JUnit XML, by the schemas that Jenkins, GitLab and GitHub accept."""
        root = ET.Element("testsuites", name="hekate test")
        for file, verdicts in groupby(self._verdicts, lambda verdict: verdict.file):
            _add_suite(root, _short(file), list(verdicts), [])
        for file, errors in groupby(self._errors, lambda error: error.file):
            _add_suite(root, _short(file) or "configuration", [], list(errors))
        for name in ("tests", "failures", "errors"):
            root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
        root.set("time", f"{self._elapsed_s:.3f}")
        ET.indent(root)
        sys.stdout.write(ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n")


def _short(file: str) -> str:
    """Return a path relative to the working directory, if it is below it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _show(difference: Difference, file: str) -> None:
    out = console()
    out.print(Text(f"        {_short(file)}:{difference.line}: ", style="dim") + Text(f"{difference.where}:"))
    for mark, line in differing(difference.expected, difference.got):
        style = {"expected": "green", "got": "red", "-": "green", "+": "red"}.get(mark, "dim")
        label = mark.ljust(8) if mark in {"expected", "got"} or not mark else mark
        out.print(Text(f"          {label} ", style="dim") + Text(line, style=style))


def differing(expected: str, got: str) -> Iterator[tuple[str, str]]:
    """Compare two texts: line by line if they have several lines, else with a caret below the difference.

    Yields:
        A label and a line.
    """
    texts = _text_of(expected), _text_of(got)
    if texts[0] is not None and texts[1] is not None and "\n" in texts[0].strip("\n") + texts[1].strip("\n"):
        yield "", "- expected, + got"
        yield from _by_line(texts[0], texts[1])
        return
    yield from (("expected" if number == 0 else "", line) for number, line in enumerate(expected.splitlines()))
    yield from (("got" if number == 0 else "", line) for number, line in enumerate(got.splitlines()))
    at = next((place for place, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), 0)
    if at >= _LONG and "\n" not in expected + got:
        yield "", f"{' ' * at}^ from here on"


def _text_of(shown: str) -> str | None:
    """Return a value that is text; None if it is of another type, or was cut."""
    try:
        value = json.loads(shown)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _by_line(expected: str, got: str) -> Iterator[tuple[str, str]]:
    for line in difflib.unified_diff(expected.splitlines(), got.splitlines(), n=2, lineterm=""):
        if not line.startswith(("---", "+++")):
            yield ("", line) if line.startswith("@@") else (line[:1], line[1:])
    if expected.endswith("\n") != got.endswith("\n"):
        yield (
            "",
            f"(what was {'expected' if expected.endswith(chr(10)) else 'got'} ends in a line feed, the other does not)",
        )


def verdict_document(verdict: CaseResult) -> dict[str, Any]:
    """Return the result of a case as data."""
    return {
        "name": verdict.name,
        "file": verdict.file,
        "line": verdict.line,
        "passed": verdict.passed,
        "elapsed_ms": verdict.elapsed_ms,
        "differences": [
            {"where": each.where, "line": each.line, "expected": each.expected, "got": each.got}
            for each in verdict.differences
        ],
    }


def _add_suite(root: ET.Element, name: str, verdicts: Sequence[CaseResult], errors: Sequence[ConfigError]) -> None:
    spent_s = sum(verdict.elapsed_ms for verdict in verdicts) / 1000
    suite = ET.SubElement(
        root, "testsuite", name=_xml(name), package="hekate", id=str(len(root)), hostname=socket.gethostname(),
        timestamp=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", time=f"{spent_s:.3f}", skipped="0",
        tests=str(len(verdicts) + len(errors)), errors=str(len(errors)),
        failures=str(sum(not verdict.passed for verdict in verdicts)),
    )  # fmt: skip
    ET.SubElement(suite, "properties")
    for verdict in verdicts:
        _add_case(suite, verdict)
    for error in errors:
        case = ET.SubElement(suite, "testcase", name=_xml(error.path or "file"), classname=_xml(name), time="0")
        ET.SubElement(case, "error", message=_xml(str(error)), type="ConfigError")
    for stream in ("system-out", "system-err"):
        ET.SubElement(suite, stream)


def _add_case(suite: ET.Element, verdict: CaseResult) -> None:
    plugin = Path(verdict.file).name.partition(".")[0]
    time_s = f"{verdict.elapsed_ms / 1000:.4f}"
    case = ET.SubElement(suite, "testcase", name=_xml(verdict.name), classname=_xml(plugin), time=time_s)
    if not verdict.passed:
        first = verdict.differences[0]
        failure = ET.SubElement(case, "failure", message=_xml(str(first)), type="Difference")
        failure.text = _xml("\n".join(f"{verdict.file}:{each.line}: {each}" for each in verdict.differences))


def _xml(text: str) -> str:
    """Return a text without characters that XML forbids."""
    return text.translate(_NO_XML)
