"""Carries out what is entered, one piece after the other, and shows what came of it."""

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
from host.repl.commands.commands import Document, carry_out, load
from host.repl.session import Session
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry import logs


class Repl:
    """Carries out what is entered, and shows what came of it.

    Args:
        session: The session.
        output_format: `text` or `json`.
    """

    def __init__(self, session: Session, output_format: str) -> None:
        self.session = session
        self.failed = False
        self.to_edit = ""
        """What the next prompt begins with."""
        self._json = output_format == "json"
        self._out: Console = console()

    async def enter(self, text: str, *, is_edit: bool = False) -> None:
        """Carry out one piece of Lua, or one command; Lua that is an edit takes the place of all definitions."""
        self.to_edit = ""
        if not text.strip():
            return
        try:
            document = await self._carried_out(text, is_edit=is_edit)
        except HekateError as error:
            document = Document("error", {"error": str(error)}, failed=True)
        self.failed = self.failed or document.failed
        self._show(text, document)

    async def _carried_out(self, text: str, *, is_edit: bool) -> Document:
        if text.lstrip().startswith(":"):
            document = await carry_out(self.session, text)
            self.to_edit = document.data["source"] if document.kind == "edit" else ""
            return document
        ran = await (self.session.replace(text) if is_edit else self.session.run(text))
        self.to_edit = text if is_edit and ran.error else ""
        results = await try_lines.samples(self.session) if ran.changed and not ran.error else []
        data = {"values": ran.values, "prints": ran.prints, "error": ran.error, "results": results}
        if ran.error:
            data |= {
                "line": ran.line,
                "column": ran.column,
                "hint": help_topics.hint(ran.error, ran.limit, self.session.sandbox_dir),
            }
        data["runs_on"] = await self.session.runs_on() if results else []
        return Document("ran", data, failed=bool(ran.error))

    def _show(self, text: str, document: Document) -> None:
        if self._json:
            line: dict[str, Any] = {"input": text, "kind": document.kind, **document.data}
            stdout.write(orjson.dumps(line) + b"\n")
            return
        from host.repl.ui.show import show

        show(self._out, document, text)

    async def enter_all(self, lines: Sequence[str]) -> None:
        """Carry out the lines of a script; Lua may go over several."""
        waiting = ""
        for line in lines:
            waiting += line + "\n"
            if waiting.lstrip().startswith(":") or not await self.session.is_incomplete(waiting):
                await self.enter(waiting.rstrip("\n"))
                waiting = ""
        await self.enter(waiting.rstrip("\n"))


@asynccontextmanager
async def opened(sandbox_dir: Path, output_format: str) -> AsyncIterator[Repl]:
    """A session with its sandbox, which is started when it is first needed."""
    logs.set_up("error", "text")
    lua_modules.check_present()
    load()
    zygote = ZygoteClient()
    zygote.start()
    session = Session(zygote, sandbox_dir)
    try:
        yield Repl(session, output_format)
    finally:
        await session.close()
        zygote.close()
