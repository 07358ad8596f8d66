"""Runs the input piece by piece and shows the results."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from host.cli.support.output import console
from host.core import stdout
from host.core.errors import HekateError
from host.plugins import lua_modules
from host.repl.commands import help_topics, try_lines
from host.repl.commands.commands import Document, load_commands, run_command
from host.repl.session import ReplSession
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry import logs


class Repl:
    """Runs input and shows the results.

    Args:
        session: The session.
        output_format: `text` or `json`.
    """

    def __init__(self, session: ReplSession, output_format: str) -> None:
        self.session = session
        self.failed = False
        self.to_edit = ""
        """Text for the next prompt."""
        self._json = output_format == "json"
        self._out: Console = console()

    async def enter(self, text: str, *, is_edit: bool = False) -> None:
        """Run a piece of Lua or a command. Lua that is an edit replaces all definitions."""
        self.to_edit = ""
        if not text.strip():
            return
        try:
            document = await self._execute(text, is_edit=is_edit)
        except HekateError as error:
            document = Document("error", {"error": str(error)}, failed=True)
        self.failed = self.failed or document.failed
        self._show(text, document)

    async def _execute(self, text: str, *, is_edit: bool) -> Document:
        if text.lstrip().startswith(":"):
            document = await run_command(self.session, text)
            self.to_edit = document.data["source"] if document.kind == "edit" else ""
            return document
        result = await (self.session.replace(text) if is_edit else self.session.run(text))
        self.to_edit = text if is_edit and result.error else ""
        results = await try_lines.try_samples(self.session) if result.changed and not result.error else []
        data = {"values": result.values, "prints": result.prints, "error": result.error, "results": results}
        if result.error:
            data |= {
                "line": result.line,
                "column": result.column,
                "hint": help_topics.hint(result.error, result.limit, self.session.sandbox_dir),
            }
        data["runs_on"] = await self.session.runs_on() if results else []
        return Document("ran", data, failed=bool(result.error))

    def _show(self, text: str, document: Document) -> None:
        if self._json:
            line: dict[str, Any] = {"input": text, "kind": document.kind, **document.data}
            stdout.write(orjson.dumps(line) + b"\n")
            return
        from host.repl.ui.show import show

        show(self._out, document, text)

    async def enter_all(self, lines: Sequence[str]) -> None:
        """Run the lines of a script. A piece of Lua may span several lines."""
        waiting = ""
        for line in lines:
            waiting += line + "\n"
            if waiting.lstrip().startswith(":") or not await self.session.is_incomplete(waiting):
                await self.enter(waiting.rstrip("\n"))
                waiting = ""
        await self.enter(waiting.rstrip("\n"))


@asynccontextmanager
async def open_repl(sandbox_dir: Path, output_format: str) -> AsyncIterator[Repl]:
    """Open a session. Its sandbox starts when it is first needed."""
    logs.set_up("error", "text")
    lua_modules.check_present()
    load_commands()
    zygote = ZygoteClient()
    zygote.start()
    session = ReplSession(zygote, sandbox_dir)
    try:
        yield Repl(session, output_format)
    finally:
        await session.close()
        zygote.close()
