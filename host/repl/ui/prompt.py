"""The REPL at a terminal: a prompt with history, multi-line input, colours and completion.

Slow modules are imported after the first prompt is shown.
"""

import asyncio
import importlib
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer, PygmentsLexer

from host import __version__
from host.core import signals
from host.core.errors import HekateError

if TYPE_CHECKING:
    from host.repl.ui.executor import Repl

_KEYWORDS = "and break do else elseif end false for function if in local nil not or repeat return then true until while"
_DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*\.)?(\w*)$")
_REQUIRED = re.compile(r"require\s*\(?\s*[\"']([\w.]*)$")
_OF_REQUIRED = re.compile(r"require\s*\(?\s*[\"']([\w.]+)[\"']\s*\)?\s*[.:](\w*)$")
_TAKE_FILES = ("load", "coverage", "infer", "cases")
_WORDS = {
    "load": ("tap ",),
    "infer": ("samples", "nginx ", "apache ", "rsyslog ", "printf "),
    "sample": ("drop ", "clear"),
}


class _Highlighter(Lexer):
    """Highlights Lua and commands."""

    def __init__(self) -> None:
        self._lua: Lexer | None = None

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return a function that styles a line."""
        if document.text and not document.text.startswith(":"):
            if self._lua is None:
                from pygments.lexers.scripting import LuaLexer

                self._lua = PygmentsLexer(LuaLexer)
            return self._lua.lex_document(document)

        def line(number: int) -> StyleAndTextTuples:
            word, space, rest = document.lines[number].partition(" ")
            return [("bold ansicyan", word), ("", space + rest)]

        return line


class SandboxCompleter(Completer):
    """Completes commands, files, modules, API functions, and the names defined in the sandbox."""

    def __init__(self, opening: "asyncio.Future[Repl]") -> None:
        self._opening = opening
        self._commands: list[str] = []
        self._functions: list[str] = []
        self._documented: list[str] = []
        self._modules: list[str] = []
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002 -- prompt_toolkit's
        """Return nothing: the asynchronous method supplies all completions."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield the completions at the cursor."""
        await self._load_names()
        text = document.text_before_cursor
        command, space, argument = text.partition(" ")
        if text.startswith(":") and space:
            for word in _WORDS.get(command[1:], ()):
                if word.startswith(argument):
                    yield Completion(word, -len(argument))
        if text.startswith(":") and space and command[1:] in _TAKE_FILES:
            for each in self._files.get_completions(Document(argument), complete_event):
                slash = "/" if each.display_text.endswith("/") else ""
                yield Completion(each.text + slash, each.start_position, display=each.display)
            return
        for word, length in await self._words(text):
            yield Completion(word, -length)

    async def _load_names(self) -> None:
        """Collect the names once all modules are imported."""
        await asyncio.shield(self._opening)
        if not self._commands:
            from host.config import api_reference
            from host.repl.commands import help_topics
            from host.repl.commands.commands import COMMANDS

            folder = self._opening.result().session.sandbox_dir
            self._commands, self._modules = list(COMMANDS), help_topics.modules(folder)
            self._functions = [function.name for function in api_reference.functions()]
            self._documented = [*help_topics.lua_functions(), *help_topics.documented_members(folder)]

    async def _words(self, text: str) -> list[tuple[str, int]]:
        command, space, argument = text.partition(" ")
        if text.startswith(":") and not space:
            return [(f":{name}", len(text)) for name in self._commands if f":{name}".startswith(text)]
        if command == ":help":
            known = [*(f":{name}" for name in self._commands), *self._functions, *self._modules, *self._documented]
            return [(name, len(argument)) for name in known if name.startswith(argument)]
        required = _REQUIRED.search(text)
        if required:
            return [(name, len(required[1])) for name in self._modules if name.startswith(required[1])]
        member = _OF_REQUIRED.search(text)
        if member:
            names = await self._members(module=member[1])
            return [(name, len(member[2])) for name in names if name.startswith(member[2])]
        found = _DOTTED.search(text)
        assert found is not None
        prefix, word = (found[1] or "").rstrip("."), found[2]
        if not prefix and not word:
            return []
        names = await self._members(path=prefix)
        if not prefix:
            names += [*self._functions, *_KEYWORDS.split()]
        return [(name, len(word)) for name in sorted(set(names)) if name.startswith(word)]

    async def _members(self, *, path: str = "", module: str | None = None) -> list[str]:
        try:
            members = (await self._opening.result().session.ask("members", path=path, module=module))["members"]
        except HekateError:
            return []  # the sandbox has just ended; offer the other names
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
_CONTINUES = re.compile(r"([=+\-*/%^,]|\.\.|\b(and|or|not|return|local))\s*$")
_QUOTED = re.compile(
    r"(?:--)?\[(?P<level>=*)\[.*?(?:\](?P=level)\]|(?P<unclosed>\Z))|--[^\n]*"
    r"|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?",
    re.DOTALL,
)
_WORD = re.compile(r"\w+|[()\[\]{}]")


def is_open(code: str) -> bool:
    """Return True if the Lua code clearly needs more input.

    This does not ask the sandbox, so that input typed ahead keeps its order.
    """
    if any(found["unclosed"] is not None for found in _QUOTED.finditer(code)):
        return True
    bare = _QUOTED.sub('""', code)
    depth = sum((word in _OPENS) - (word in _CLOSES) for word in _WORD.findall(bare))
    return depth > 0 or _CONTINUES.search(bare) is not None


def _bindings() -> KeyBindings:
    """Return the key bindings. Enter ends the input, or adds a line if Lua needs more; Alt-Enter adds a line."""
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


class _Opening:
    """Opens the session once the first prompt is shown."""

    def __init__(self, sandbox_dir: Path, stack: AsyncExitStack) -> None:
        self.done: asyncio.Future[Repl] = asyncio.get_running_loop().create_future()
        self._sandbox_dir = sandbox_dir
        self._stack = stack
        self._task: asyncio.Task[None] | None = None

    def begin(self, _: object = None) -> None:
        """Start opening the session unless that has already been started."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            await asyncio.to_thread(importlib.import_module, "host.repl.ui.executor")
            from host.repl.ui.executor import open_repl

            repl = await self._stack.enter_async_context(open_repl(self._sandbox_dir, "text"))
            await repl.session.process.start()
            self.done.set_result(repl)
        except Exception as error:  # noqa: BLE001 -- raised where `done` is awaited
            self.done.set_exception(error)


async def run_prompt(files: Sequence[str], sandbox_dir: Path) -> None:
    """Read, run and show input until the user leaves."""
    async with AsyncExitStack() as stack:
        opening = _Opening(sandbox_dir, stack)
        prompt: PromptSession[str] = PromptSession(
            history=_history(),
            lexer=_Highlighter(),
            completer=SandboxCompleter(opening.done),
            complete_while_typing=False,
            key_bindings=_bindings(),
            multiline=True,
            prompt_continuation=lambda width, line_number, is_soft_wrap: "." * (width - 1) + " ",  # noqa: ARG005
        )
        prompt.app.after_render += opening.begin
        print(f"Hekate {__version__}. :help lists the commands, Tab completes, Ctrl-D exits.")  # noqa: T201
        if files:
            opening.begin()
            for path in files:
                await (await opening.done).enter(f":load {path}")
        await _prompt_loop(prompt, opening)


async def _enter_interruptible(repl: "Repl", text: str, *, is_edit: bool) -> None:
    """Run the input. Ctrl-C ends only the input and its sandbox."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(repl.enter(text, is_edit=is_edit))
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await asyncio.wait([task])
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    if task.cancelled():
        await repl.session.process.interrupt()
        print("Interrupted. Samples and definitions are kept.")  # noqa: T201
    else:
        task.result()


async def _prompt_loop(prompt: "PromptSession[str]", opening: _Opening) -> None:
    edited = ""
    while True:
        try:
            text = await prompt.prompt_async(FormattedText([("bold", "hekate> ")]), default=edited)
            opening.begin()  # a dumb terminal has rendered nothing
            repl = await opening.done
            await _enter_interruptible(repl, text, is_edit=bool(edited))
        except KeyboardInterrupt:
            if signals.was_terminated():
                raise
            edited = ""
            continue
        except EOFError:
            return
        edited, repl.to_edit = repl.to_edit, ""
