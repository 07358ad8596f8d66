"""The REPL at a terminal: a prompt with history, several lines, colours and completion."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer, PygmentsLexer
from pygments.lexers.scripting import LuaLexer

from host import __version__
from host.config import api_reference
from host.errors import HekateError
from host.repl.commands import load
from host.repl.run import Repl
from host.repl.session import Session
from host.repl.session_commands import modules

_KEYWORDS = "and break do else elseif end false for function if in local nil not or repeat return then true until while"
_DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*\.)?(\w*)$")
_REQUIRED = re.compile(r"require\s*\(?\s*[\"']([\w.]*)$")
_TAKE_FILES = ("load", "coverage", "infer", "cases")


class _Highlighter(Lexer):
    """Lua, and commands."""

    def __init__(self) -> None:
        self._lua = PygmentsLexer(LuaLexer)

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Style the lines."""
        if not document.text.startswith(":"):
            return self._lua.lex_document(document)

        def line(number: int) -> StyleAndTextTuples:
            word, space, rest = document.lines[number].partition(" ")
            return [("bold ansicyan", word), ("", space + rest)]

        return line


class SandboxCompleter(Completer):
    """Completes commands, files, modules, functions of the API, and whatever the sandbox has."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._commands = load()
        self._functions = [function.name for function in api_reference.functions()]
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002 -- prompt_toolkit's
        """Nothing: all comes from the asynchronous one."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What may stand here."""
        text = document.text_before_cursor
        command, space, argument = text.partition(" ")
        if text.startswith(":") and space and command[1:] in _TAKE_FILES:
            for each in self._files.get_completions(Document(argument), complete_event):
                yield each
            return
        for word, length in await self._words(text):
            yield Completion(word, -length)

    async def _words(self, text: str) -> list[tuple[str, int]]:
        command, space, argument = text.partition(" ")
        if text.startswith(":") and not space:
            return [(f":{name}", len(text)) for name in self._commands if f":{name}".startswith(text)]
        if command == ":help":
            known = [*(f":{name}" for name in self._commands), *self._functions, *modules()]
            return [(name, len(argument)) for name in known if name.startswith(argument)]
        required = _REQUIRED.search(text)
        if required:
            return [(name, len(required[1])) for name in modules() if name.startswith(required[1])]
        found = _DOTTED.search(text)
        assert found is not None
        prefix, word = (found[1] or "").rstrip("."), found[2]
        if not prefix and not word:
            return []
        names = await self._members(prefix)
        if not prefix:
            names += [*self._functions, *_KEYWORDS.split()]
        return [(name, len(word)) for name in sorted(set(names)) if name.startswith(word)]

    async def _members(self, path: str) -> list[str]:
        try:
            members = (await self._session.ask("members", path=path))["members"]
        except HekateError:
            return []  # the sandbox has just ended; what is known without it is offered
        return [each["name"] for each in members] if isinstance(members, list) else []


def _history() -> History:
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hekate"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileHistory(str(folder / "repl_history"))
    except OSError:
        return InMemoryHistory()


_OPENS = frozenset({"function", "do", "if", "repeat", "(", "[", "{"})
_CLOSES = frozenset({"end", "until", ")", "]", "}"})
_GOES_ON = re.compile(r"([=+\-*/%^,]|\.\.|\b(and|or|not|return|local))\s*$")
_QUOTED = re.compile(
    r"(?:--)?\[(?P<level>=*)\[.*?(?:\](?P=level)\]|(?P<unclosed>\Z))|--[^\n]*"
    r"|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?",
    re.DOTALL,
)
_WORD = re.compile(r"\w+|[()\[\]{}]")


def is_open(code: str) -> bool:
    """Whether Lua clearly expects more; told without the sandbox, so that what is typed ahead is not mixed up."""
    if any(found["unclosed"] is not None for found in _QUOTED.finditer(code)):
        return True
    bare = _QUOTED.sub('""', code)
    depth = sum((word in _OPENS) - (word in _CLOSES) for word in _WORD.findall(bare))
    return depth > 0 or _GOES_ON.search(bare) is not None


def _bindings() -> KeyBindings:
    """Enter ends the input, or begins a line if Lua expects more; Alt-Enter always begins one."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if not buffer.text.lstrip().startswith(":") and is_open(buffer.text):
            buffer.newline()
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline()

    return bindings


async def converse(repl: Repl) -> None:
    """Ask, carry out, show, until somebody leaves."""
    session = repl.session
    starting = asyncio.get_running_loop().create_task(session.bench.start())
    prompt: PromptSession[str] = PromptSession(
        history=_history(),
        lexer=_Highlighter(),
        completer=SandboxCompleter(session),
        complete_while_typing=False,
        key_bindings=_bindings(),
        multiline=True,
        prompt_continuation=lambda width, line_number, is_soft_wrap: "." * (width - 1) + " ",  # noqa: ARG005
    )
    print(f"Hekate {__version__}. :help lists the commands, Tab completes, Ctrl-D leaves.")  # noqa: T201
    ready = False
    while True:
        edited, repl.to_edit = repl.to_edit, ""
        try:
            text = await prompt.prompt_async(FormattedText([("bold", "hekate> ")]), default=edited)
        except KeyboardInterrupt:
            continue
        if not ready:
            await starting
            ready = True
        if edited:
            session.definitions, session.expression = [], ""
        await repl.enter(text)
