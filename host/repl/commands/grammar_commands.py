"""Commands that show how a grammar works: match, trace, bench, explain, matcher, coverage."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from host.cli.support.progress_bar import BYTES, Progress
from host.config.dropins import standalone_filter
from host.plugins import library
from host.repl.commands import grammar_cost, try_lines
from host.repl.commands.commands import Document, command
from host.repl.infer import multiline
from host.repl.lua_process import script_sandbox
from host.repl.session import ReplError, ReplSession
from host.repl.ui.log_lines import LogLine, open_log, read_lines

_MATCHER_SCRIPT = "function process_message() return 0 end"
_MAX_EXAMINED = 2000
_BLOCK_LINES = 2000
_BLOCK_BYTES = 1024 * 1024
_MAX_LINE_BYTES = 64 * 1024


@command(":match [TEXT]")
async def match(session: ReplSession, argument: str) -> Document:
    """Match TEXT, or all samples again."""
    texts = [argument.encode(errors="surrogateescape")] if argument else session.samples
    if not texts:
        raise ReplError("There are no samples: `:sample LINE`, or `:load FILE`.")
    return Document("matches", {"results": [await try_lines.try_text(session, text) for text in texts]})


@command(":trace [N | TEXT]")
async def trace(session: ReplSession, argument: str) -> Document:
    """Step through a match rule by rule: of sample N (default: the first), or of TEXT."""
    return Document("trace", await session.match(_text_of(session, argument), trace=True))


def _text_of(session: ReplSession, argument: str) -> bytes:
    if argument and not argument.isdigit():
        return argument.encode(errors="surrogateescape")
    number = int(argument or 1)
    if not 1 <= number <= len(session.samples):
        raise ReplError(f"There is no sample {number}: `:sample LINE` adds one.")
    return session.samples[number - 1]


@command(":explain")
async def explain(session: ReplSession, argument: str) -> Document:
    """Print the grammar as a tree. Named parts are shown by their names."""
    answer = await session.ask("explain")
    return Document("tree", {"lines": answer["lines"], "runs_on": await session.runs_on()})


@command(":bench")
async def bench(session: ReplSession, argument: str) -> Document:
    """Measure the grammar on the samples, in both forms: as a table of captures, and declared.

    `match` is LPEG alone: `table` builds Lua values from the captures, `declared` only records the positions of the
    fields. `decoder` is the full cost of a record in a decoder's sandbox, as :save would write it. Below are the most
    expensive captures, and alternations whose first branches fail.
    """
    if not session.samples:
        raise ReplError("There are no samples: `:sample LINE`, or `:load FILE`.")
    return Document("bench", await grammar_cost.measure(session))


@command(":matcher EXPR")
async def matcher(session: ReplSession, argument: str) -> Document:
    """Test a message matcher on the messages that the decoder makes of the samples."""
    if not argument:
        raise ReplError("Give an expression: `:matcher Fields[status] >= 500`.")
    plugin = library.of_source(_MATCHER_SCRIPT.encode(), Path("filters/matcher.lua"), "filter", [])
    assert plugin is not None
    of = standalone_filter(plugin, script_sandbox("matcher", _MATCHER_SCRIPT), argument)
    outcome = await try_lines.run_filter(session, of, session.samples)
    results = [
        {"given": LogLine(text), "matched": result.matched, "failure": result.failure}
        for text, result in zip(session.samples, outcome.results, strict=False)
    ]
    return Document("matcher", {"match": argument, "results": results})


@command(":coverage FILE")
async def coverage(session: ReplSession, argument: str) -> Document:
    """Run all of FILE: show the share of lines that parse, and group the failures by where they fail.

    If :infer found multi-line records, lines are joined as the input will join them.
    """
    if not argument:
        raise ReplError("Name a file: `:coverage FILE`.")
    try_lines.build_decoder(session)
    line_coverage = _LineCoverage(session)
    log = open_log(argument)
    with log.file as file, Progress(BYTES, os.fstat(file.fileno()).st_size) as progress:
        for block in _blocks(file, session.record_start):
            await line_coverage.add(block)
            progress.show(file.tell())
    more = {"begins": session.record_start, "hint": log.advice}
    return Document("coverage", {"file": argument, **line_coverage.document(), **more})


def _blocks(file: BinaryIO, record_start: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the records with their line numbers, in blocks. Truncate a line or record that is too long."""
    block: list[tuple[int, bytes]] = []
    size = 0
    lines = (line.rstrip(b"\r\n") for line in read_lines(file, _MAX_LINE_BYTES))
    for number, record in multiline.join_lines(lines, record_start):
        block.append((number, record))
        size += len(record)
        if len(block) == _BLOCK_LINES or size > _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


class _LineCoverage:
    """Counts the lines that parse, and groups those that do not."""

    def __init__(self, session: ReplSession) -> None:
        self._session = session
        self._lines = self._parsed = self._partly = self._examined = 0
        self._groups: dict[tuple[str, str], dict[str, Any]] = {}

    async def add(self, block: list[tuple[int, bytes]]) -> None:
        self._lines += len(block)
        numbers, lines = [number for number, _ in block], [record for _, record in block]
        if self._session.script is not None:
            outcome = await try_lines.decode(self._session, lines)
            for number, result in enumerate(outcome.results):
                failure = result.failure or next(iter(result.dead_letters), "")
                if result.messages and not failure:
                    self._parsed += 1
                else:
                    self._group(failure, [], numbers[number], lines[number])
            return
        for number, end in enumerate(await self._session.match_ends(lines)):
            if end is not None:
                self._parsed += 1
                self._partly += end < len(lines[number])
            elif self._examined < _MAX_EXAMINED:
                self._examined += 1
                answer = await self._session.match(lines[number])
                path = " > ".join(answer["path"])
                self._group(path, answer["expected"], numbers[number], lines[number], answer["furthest"])

    def _group(self, path: str, expected: list[str], line: int, text: bytes, furthest: int | None = None) -> None:
        key = path, ", ".join(expected)
        if key not in self._groups:
            example = {"line": line, "text": LogLine(text), "furthest": furthest}
            self._groups[key] = {"path": path, "expected": expected, "count": 0, "example": example}
        self._groups[key]["count"] += 1

    def document(self) -> dict[str, Any]:
        failed = self._lines - self._parsed
        return {
            "lines": self._lines,
            "parsed": self._parsed,
            "partly": self._partly,
            "share": self._parsed / self._lines if self._lines else 0.0,
            "not_examined": max(0, failed - sum(group["count"] for group in self._groups.values())),
            "failures": sorted(self._groups.values(), key=lambda group: -group["count"]),
        }
