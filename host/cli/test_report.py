"""How `hekate test` shows what came of the cases."""

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rich.text import Text

from host.cli.output import as_document, console, show_config_errors, write_json
from host.errors import ConfigError
from host.trial.compare import Difference, Verdict
from host.trial.coverage import Covered

_NO_XML = {number: "\ufffd" for number in range(32) if chr(number) not in "\t\n\r"}


class Report:
    """What came of all cases and tests.

    Args:
        verdicts: In the order in which they were found.
        errors: Of files whose cases could not be read.
        elapsed_s: How long it took.
        scripts: What has run of them, if somebody wants to know.
    """

    def __init__(
        self,
        verdicts: Sequence[Verdict],
        errors: Sequence[ConfigError],
        elapsed_s: float,
        scripts: Sequence[Covered] = (),
    ) -> None:
        self._verdicts = verdicts
        self._errors = errors
        self._elapsed_s = elapsed_s
        self._scripts = scripts

    @property
    def _failed(self) -> int:
        return sum(not verdict.passed for verdict in self._verdicts)

    def text(self) -> None:
        """For people."""
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
        for script in self._scripts:
            missed = f"  lines that did not run: {script.ranges()}" if script.missed else ""
            out.print(
                Text(f"{script.share:5.0%}  ") + Text(_short(script.path), style="bold") + Text(missed, style="dim")
            )
        counts = f"{len(self._verdicts) - self._failed} passed, {self._failed} failed"
        style = "bold red" if self._failed else "green"
        out.print(Text(counts, style=style) + Text(f" in {self._elapsed_s:.2f} s"))

    def json(self) -> None:
        """For programs."""
        write_json(
            {
                "passed": len(self._verdicts) - self._failed,
                "failed": self._failed,
                "errors": [as_document(error) for error in self._errors],
                "elapsed_ms": round(self._elapsed_s * 1000, 1),
                "cases": [verdict_document(verdict) for verdict in self._verdicts],
                "coverage": [
                    {"file": script.path, "lines": script.lines, "missed": script.missed} for script in self._scripts
                ],
            }
        )

    def junit(self) -> None:
        """For CI."""
        root = ET.Element("testsuites", tests=str(len(self._verdicts)), failures=str(self._failed))
        for file, verdicts in groupby(self._verdicts, lambda verdict: verdict.file):
            suite = ET.SubElement(root, "testsuite", name=_short(file))
            for verdict in verdicts:
                _add_case(suite, verdict)
            suite.set("tests", str(len(suite)))
            suite.set("failures", str(len(suite.findall("testcase/failure"))))
        for error in self._errors:
            suite = ET.SubElement(root, "testsuite", name=_short(error.file), tests="1", errors="1")
            case = ET.SubElement(suite, "testcase", name=error.path or "file", classname=_short(error.file))
            ET.SubElement(case, "error", message=_xml(str(error)))
        ET.indent(root)
        sys.stdout.write(ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n")


def _short(file: str) -> str:
    """A path as the user would write it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _show(difference: Difference, file: str) -> None:
    out = console()
    out.print(Text(f"        {_short(file)}:{difference.line}: ", style="dim") + Text(f"{difference.where}:"))
    out.print(Text("          expected ", style="dim") + Text(_indented(difference.expected), style="green"))
    out.print(Text("          got      ", style="dim") + Text(_indented(difference.got), style="red"))


def _indented(text: str) -> str:
    return text.replace("\n", "\n                   ")


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict as data."""
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


def _add_case(suite: ET.Element, verdict: Verdict) -> None:
    plugin = Path(verdict.file).name.partition(".")[0]
    time_s = f"{verdict.elapsed_ms / 1000:.4f}"
    case = ET.SubElement(suite, "testcase", name=_xml(verdict.name), classname=plugin, time=time_s)
    if not verdict.passed:
        first = verdict.differences[0]
        failure = ET.SubElement(case, "failure", message=_xml(str(first)))
        failure.text = _xml("\n".join(f"{verdict.file}:{each.line}: {each}" for each in verdict.differences))


def _xml(text: str) -> str:
    """A text without what no XML may hold."""
    return text.translate(_NO_XML)
