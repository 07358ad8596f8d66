"""What one session of the REPL has come to: definitions, the grammar, the samples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from host.core.errors import HekateError
from host.repl.ui.line import Line
from host.repl.workbench import MAX_ASKED_BYTES, EndedError, Workbench
from host.sandbox.termination import Limit
from host.sandbox.zygote_client import ZygoteClient

MAX_SAMPLES = 200
_MAX_EXAMINED = 10
_MAX_AT_ONCE = 500
DEFAULT_CONFIG = {"type": "sample", "payload_keep": False}
"""What `read_config` answers to a decoder that is being written; `:save` makes options of both."""
_LOCAL = re.compile(r"^local[ \t]+(?=function\b|[A-Za-z_][\w, \t]*(=|$))", re.MULTILINE)
_BARE_LOCAL = re.compile(r"^local[ \t]+([A-Za-z_]\w*)[ \t]*$", re.MULTILINE)


class ReplError(HekateError):
    """Something cannot be done as it was asked for."""

    exit_code = 1


@dataclass
class Ran:
    """What came of a piece of Lua."""

    values: list[dict[str, str]] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    error: str = ""
    changed: bool = False
    """Whether there is another grammar now."""
    line: int = 0
    """Of what was entered, that the error is about; 0 if nobody knows."""
    column: int = 0
    limit: Limit | None = None
    """The reason for the end of the sandbox; None if it did not end."""


class Session:
    """A session.

    Args:
        zygote: Starts the processes.
        sandbox_dir: Where the user's own modules are, and where `:save` puts decoders.
    """

    def __init__(self, zygote: ZygoteClient, sandbox_dir: Path) -> None:
        self.zygote = zygote
        self.sandbox_dir = sandbox_dir
        self.bench = Workbench(zygote, str(sandbox_dir), DEFAULT_CONFIG)
        self.samples: list[bytes] = []
        self.has_own_samples = False
        """Whether some were entered, and not just read from a file."""
        self.definitions: list[str] = []
        """What was entered that defines something, as it was entered."""
        self.expression = ""
        """The expression whose value is the grammar; empty if that was assigned or declared."""
        self.script: Path | None = None
        """A decoder that was loaded and is no grammar: it is run as in production."""
        self.has_grammar = False
        self.declared = False
        self.saved: Path | None = None
        self.begins = ""
        """With what records of several lines begin; empty if each line is one."""
        self.crlf = False
        """Whether the lines of the log end as on Windows."""
        self.options: dict[str, Any] = {}
        """Those that a loaded decoder takes, as its front matter has them."""

    async def run(self, code: str, name: str = "repl") -> Ran:
        """Run a piece of Lua; what it defines is there for the next one, also what is `local`."""
        try:
            said = await self._ask_again("run", globals_of(code).encode(), name=name)
        except EndedError as error:
            return Ran(prints=self._prints(), error=str(error), limit=error.limit)
        if not said["ok"]:
            place = {"line": said.get("line", 0), "column": said.get("column", 0)}
            return Ran(prints=self._prints(), error=said["error"], **place)
        if said["changed"]:
            self.script, self.declared = None, said["declared"]
        self.has_grammar = said["grammar"]
        ran = Ran(_list(said["values"]), self._prints(), changed=said["changed"])
        self._remember(code, ran)
        return ran

    async def replace(self, code: str) -> Ran:
        """Run a piece of Lua in the place of all that was defined; if it fails, that stays."""
        before = self.definitions, self.expression
        self.definitions, self.expression = [], ""
        is_replaced = False
        try:
            await self.bench.restart()
            ran = await self.run(code)
            is_replaced = not ran.error
        finally:
            if not is_replaced:
                self.definitions, self.expression = before
                await self.bench.interrupt()  # the next one knows what was defined before
        return ran

    def _remember(self, code: str, ran: Ran) -> None:
        is_pattern = bool(ran.values) and ran.values[0]["type"] == "pattern"
        if is_pattern and ran.changed and not re.match(r"\s*(local|return|[A-Za-z_]\w*\s*=[^=])", code):
            self.expression = code.strip()
            return
        if ran.changed:
            self.expression = ""
        if not ran.values or ran.changed:
            if "declare_grammar" in code:
                self.definitions = [each for each in self.definitions if "declare_grammar" not in each]
            self.definitions.append(code.rstrip())

    async def is_incomplete(self, code: str) -> bool:
        """Whether Lua expects more."""
        try:
            said = await self._ask_again("check", globals_of(code).encode())
        except EndedError:
            return False
        return bool(said.get("incomplete"))

    def _prints(self) -> list[str]:
        prints, self.bench.prints = self.bench.prints, []
        return prints

    async def _ask_again(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Ask; if the process has ended before, what was defined is defined again first.

        What was tried before may have used the memory up, so if there is none left it is asked once more of a new one.
        """
        is_new = not self.bench.is_running
        if is_new:
            await self._define_again()
        try:
            return await self.bench.ask(op, text, **head)
        except EndedError as error:
            if is_new or error.limit != Limit.MEMORY:
                raise
        await self._define_again()
        return await self.bench.ask(op, text, **head)

    async def _define_again(self) -> None:
        await self.bench.start()
        for code in [*self.definitions, *([self.expression] if self.expression else [])]:
            await self.bench.ask("run", globals_of(code).encode(), name="repl")
        self.bench.prints.clear()

    async def ask(self, op: str, text: bytes = b"", **head: Any) -> dict[str, Any]:
        """Ask something of the sandbox.

        Raises:
            ReplError: It cannot be done.
            EndedError: The sandbox has ended over it.
        """
        said = await self._ask_again(op, text, **head)
        if not said.get("ok"):
            raise ReplError(said.get("error", "The answer was too long."))
        return said

    async def match(self, text: bytes, *, trace: bool = False) -> dict[str, Any]:
        """What the grammar makes of a text."""
        said = await self.ask("match", text, trace=trace)
        return {
            "given": Line(text),
            "matched": said["matched"],
            "end": said.get("end"),
            "furthest": said["furthest"],
            "path": _list(said.get("path")),
            "expected": _list(said.get("expected")),
            "captures": [_capture(each, text) for each in _list(said["captures"])],
            "values": _list(said["values"]),
            **({"events": _list(said.get("events"))} if trace else {}),
        }

    async def ends(self, texts: Sequence[bytes]) -> list[int | None]:
        """Where the grammar's match ends in each of many texts; None where it does not match."""
        found: list[int | None] = []
        for part in in_parts(texts, _MAX_AT_ONCE):
            found += await self._ends_of(part)
        return found

    async def _ends_of(self, part: list[bytes]) -> list[int | None]:
        """Of texts that one question may have; if they take too long together, of one half and then of the other."""
        try:
            said = await self.ask("cover", b"".join(part), ends=list(accumulate(map(len, part))))
        except EndedError as error:
            if error.limit != Limit.CPU or len(part) == 1:
                raise
            middle = len(part) // 2
            return await self._ends_of(part[:middle]) + await self._ends_of(part[middle:])
        return [end - 1 if end else None for end in _list(said["ends"])]

    async def runs_on(self) -> list[str]:
        """The fields of a declared grammar that go on into the records behind the samples: they make a decoder slow."""
        names: set[str] = set()
        for text in self.samples[:_MAX_EXAMINED] if self.declared else ():
            names.update(_list((await self.ask("runs_on", text))["names"]))
        return sorted(names)

    async def reset(self, options: dict[str, Any] | None = None) -> None:
        """Forget all but the samples; options: those of the decoder that comes next, as its front matter has them."""
        self.definitions, self.expression, self.script = [], "", None
        self.has_grammar = self.declared = False
        self.options, self.begins, self.crlf = options or {}, "", False
        await self.bench.restart(self.config)

    @property
    def config(self) -> dict[str, Any]:
        """What `read_config` answers."""
        defaults = {name: option.get("default") for name, option in self.options.items()}
        return {**DEFAULT_CONFIG, **{name: value for name, value in defaults.items() if value is not None}}

    async def close(self) -> None:
        """End the process."""
        await self.bench.close()


def globals_of(code: str) -> str:
    """The code with the local variables of its outermost level made global, so that the next piece has them too.

    Everything stays in its place: errors tell lines and columns.
    """
    return _LOCAL.sub(_blank, _BARE_LOCAL.sub(_set_to_nil, code))


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _set_to_nil(found: re.Match[str]) -> str:
    return " " * (found.start(1) - found.start()) + f"{found[1]} = nil"


def in_parts(texts: Sequence[bytes], most: int) -> list[list[bytes]]:
    """Texts in parts that one question may have: the sandbox has little time for each."""
    parts: list[list[bytes]] = [[]]
    size = 0
    for text in texts:
        if parts[-1] and (size + len(text) > MAX_ASKED_BYTES or len(parts[-1]) == most):
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text)
    return parts if parts[0] else []


def _list(value: Any) -> list[Any]:
    """A list as Lua gives it: an empty one comes as an empty table."""
    return value if isinstance(value, list) else []


def _capture(said: dict[str, Any], text: bytes) -> dict[str, Any]:
    start, end = said["start"], said["end"]
    return {
        "name": said.get("name", ""),
        "type": said.get("type", ""),
        "start": start,
        "end": end,
        "text": text[start:end].decode(errors="backslashreplace"),
    }
