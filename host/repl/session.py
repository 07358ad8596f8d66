"""The state of one REPL session: definitions, the grammar, and the samples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from host.core.errors import HekateError
from host.repl.lua_process import MAX_REQUEST_BYTES, EndedError, LuaProcess
from host.repl.ui.log_lines import LogLine
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient

MAX_SAMPLES = 200
_MAX_EXAMINED = 10
_MAX_TEXTS_PER_REQUEST = 500
DEFAULT_CONFIG = {"type": "sample", "payload_keep": False}
"""Options that `read_config` returns to a decoder that is being written. `:save` declares both as options."""
_LOCAL = re.compile(r"^local[ \t]+(?=function\b|[A-Za-z_][\w, \t]*(=|$))", re.MULTILINE)
_BARE_LOCAL = re.compile(r"^local[ \t]+([A-Za-z_]\w*)[ \t]*$", re.MULTILINE)


class ReplError(HekateError):
    """A request of the user cannot be done."""

    exit_code = 1


@dataclass
class RunResult:
    """The result of a piece of Lua."""

    values: list[dict[str, str]] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    error: str = ""
    changed: bool = False
    """True if the grammar has changed."""
    line: int = 0
    """Line of the input that the error is about; 0 if unknown."""
    column: int = 0
    limit: Limit | None = None
    """The reason for the end of the sandbox; None if it did not end."""


class ReplSession:
    """One session.

    Args:
        zygote: Starts the processes.
        sandbox_dir: Directory of the user's modules, and where `:save` writes decoders.
    """

    def __init__(self, zygote: ZygoteClient, sandbox_dir: Path) -> None:
        self.zygote = zygote
        self.sandbox_dir = sandbox_dir
        self.process = LuaProcess(zygote, str(sandbox_dir), DEFAULT_CONFIG)
        self.samples: list[bytes] = []
        self.has_own_samples = False
        """True if samples were entered, not only read from a file."""
        self.definitions: list[str] = []
        """The pieces of code that define something, as entered."""
        self.expression = ""
        """The expression whose value is the grammar; empty if the grammar was assigned or declared."""
        self.script: Path | None = None
        """A loaded decoder that has no grammar. It runs as in production."""
        self.has_grammar = False
        self.declared = False
        self.saved: Path | None = None
        self.record_start = ""
        """Regular expression for the start of a multi-line record; empty if each line is a record."""
        self.crlf = False
        """True if the lines of the log end with CR LF."""
        self.options: dict[str, Any] = {}
        """Options of the loaded decoder, as in its front matter."""

    async def run(self, code: str, name: str = "repl") -> RunResult:
        """Run a piece of Lua. Its definitions, including local ones, stay available to later pieces."""
        try:
            answer = await self._ask_with_definitions("run", make_locals_global(code).encode(), name=name)
        except EndedError as error:
            return RunResult(prints=self._prints(), error=str(error), limit=error.limit)
        if not answer["ok"]:
            place = {"line": answer.get("line", 0), "column": answer.get("column", 0)}
            return RunResult(prints=self._prints(), error=answer["error"], **place)
        if answer["changed"]:
            self.script, self.declared = None, answer["declared"]
        self.has_grammar = answer["grammar"]
        result = RunResult(_list(answer["values"]), self._prints(), changed=answer["changed"])
        self._remember(code, result)
        return result

    async def replace(self, code: str) -> RunResult:
        """Replace all definitions by a piece of Lua. If it fails, keep the old definitions."""
        before = self.definitions, self.expression
        self.definitions, self.expression = [], ""
        is_replaced = False
        try:
            await self.process.restart()
            result = await self.run(code)
            is_replaced = not result.error
        finally:
            if not is_replaced:
                self.definitions, self.expression = before
                await self.process.interrupt()  # the next process restores the old definitions
        return result

    def _remember(self, code: str, result: RunResult) -> None:
        is_pattern = bool(result.values) and result.values[0]["type"] == "pattern"
        if is_pattern and result.changed and not re.match(r"\s*(local|return|[A-Za-z_]\w*\s*=[^=])", code):
            self.expression = code.strip()
            return
        if result.changed:
            self.expression = ""
        if not result.values or result.changed:
            if "declare_grammar" in code:
                self.definitions = [each for each in self.definitions if "declare_grammar" not in each]
            self.definitions.append(code.rstrip())

    async def is_incomplete(self, code: str) -> bool:
        """Return True if the Lua code needs more input."""
        try:
            answer = await self._ask_with_definitions("check", make_locals_global(code).encode())
        except EndedError:
            return False
        return bool(answer.get("incomplete"))

    def _prints(self) -> list[str]:
        prints, self.process.prints = self.process.prints, []
        return prints

    async def _ask_with_definitions(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Send a request. If the process has ended, restore the definitions in a new one first.

        Earlier requests may have used up the memory. If it runs out, repeat the request once in a new process.
        """
        is_new = not self.process.is_running
        if is_new:
            await self._restore_definitions()
        try:
            return await self.process.ask(op, text, **head)
        except EndedError as error:
            if is_new or error.limit != Limit.MEMORY:
                raise
        await self._restore_definitions()
        return await self.process.ask(op, text, **head)

    async def _restore_definitions(self) -> None:
        await self.process.start()
        for code in [*self.definitions, *([self.expression] if self.expression else [])]:
            await self.process.ask("run", make_locals_global(code).encode(), name="repl")
        self.process.prints.clear()

    async def ask(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Send a request to the sandbox and return its answer.

        Raises:
            ReplError: The request failed.
            EndedError: The sandbox ended during the request.
        """
        answer = await self._ask_with_definitions(op, text, **head)
        if not answer.get("ok"):
            raise ReplError(answer.get("error", "The answer was too long."))
        return answer

    async def match(self, text: bytes, *, trace: bool = False) -> dict[str, Any]:
        """Return the result of matching the grammar against a text."""
        answer = await self.ask("match", text, trace=trace)
        return {
            "given": LogLine(text),
            "matched": answer["matched"],
            "end": answer.get("end"),
            "furthest": answer["furthest"],
            "path": _list(answer.get("path")),
            "expected": _list(answer.get("expected")),
            "captures": [_capture(each, text) for each in _list(answer["captures"])],
            "values": _list(answer["values"]),
            **({"events": _list(answer.get("events"))} if trace else {}),
        }

    async def match_ends(self, texts: Sequence[bytes]) -> list[int | None]:
        """Return the end of the grammar's match in each of many texts; None where it does not match."""
        ends: list[int | None] = []
        for part in split_batches(texts, _MAX_TEXTS_PER_REQUEST):
            ends += await self._match_ends_in(part)
        return ends

    async def _match_ends_in(self, part: list[bytes]) -> list[int | None]:
        """Return the match ends for one request. On a CPU limit, split the request in half."""
        try:
            answer = await self.ask("cover", b"".join(part), ends=list(accumulate(map(len, part))))
        except EndedError as error:
            if error.limit != Limit.CPU or len(part) == 1:
                raise
            middle = len(part) // 2
            return await self._match_ends_in(part[:middle]) + await self._match_ends_in(part[middle:])
        return [end - 1 if end else None for end in _list(answer["ends"])]

    async def runs_on(self) -> list[str]:
        """Return the fields of a declared grammar that match into the next records and so slow a decoder down."""
        names: set[str] = set()
        for text in self.samples[:_MAX_EXAMINED] if self.declared else ():
            names.update(_list((await self.ask("runs_on", text))["names"]))
        return sorted(names)

    async def reset(self, options: dict[str, Any] | None = None) -> None:
        """Forget everything but the samples. `options` are the front-matter options of the next decoder."""
        self.definitions, self.expression, self.script = [], "", None
        self.has_grammar = self.declared = False
        self.options, self.record_start, self.crlf = options or {}, "", False
        await self.process.restart(self.config)

    @property
    def config(self) -> dict[str, Any]:
        """The options that `read_config` returns."""
        defaults = {name: option.get("default") for name, option in self.options.items()}
        return {**DEFAULT_CONFIG, **{name: value for name, value in defaults.items() if value is not None}}

    async def close(self) -> None:
        """End the process."""
        await self.process.close()


def make_locals_global(code: str) -> str:
    """Turn the local variables at the top level of the code into globals, for use in later pieces.

    Columns do not move, so errors keep their line and column.
    """
    return _LOCAL.sub(_blank, _BARE_LOCAL.sub(_set_to_nil, code))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _set_to_nil(match: re.Match[str]) -> str:
    return " " * (match.start(1) - match.start()) + f"{match[1]} = nil"


def split_batches(texts: Sequence[bytes], max_texts: int) -> list[list[bytes]]:
    """Split texts into batches for one request each, because the sandbox's CPU limit applies per request."""
    parts: list[list[bytes]] = [[]]
    size = 0
    for text in texts:
        if parts[-1] and (size + len(text) > MAX_REQUEST_BYTES or len(parts[-1]) == max_texts):
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text)
    return parts if parts[0] else []


def _list(value: Any) -> list[Any]:
    """Return a list from Lua. Lua sends an empty list as an empty table."""
    return value if isinstance(value, list) else []


def _capture(capture: dict[str, Any], text: bytes) -> dict[str, Any]:
    start, end = capture["start"], capture["end"]
    return {
        "name": capture.get("name", ""),
        "type": capture.get("type", ""),
        "start": start,
        "end": end,
        "text": text[start:end].decode(errors="backslashreplace"),
    }
