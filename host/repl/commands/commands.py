"""Declares, finds and runs the REPL's commands, which begin with a colon."""

import importlib
import inspect
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from host.repl.session import ReplError, ReplSession


@dataclass
class Document:
    """The result of a command or of a piece of Lua. `show` prints it as text, `--format json` prints its data."""

    kind: str
    data: dict[str, Any]
    failed: bool = False


Handler = Callable[[ReplSession, str], Awaitable[Document]]


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    usage: str
    handler: Handler

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.partition("\n")[0]

    @property
    def help(self) -> str:
        """The help: the handler's docstring."""
        return inspect.getdoc(self.handler) or ""


COMMANDS: dict[str, Command] = {}


def command(usage: str) -> Callable[[Handler], Handler]:
    """Declare a command. Its name is the first word of its usage."""

    def declare(handler: Handler) -> Handler:
        name = usage.split(maxsplit=1)[0].removeprefix(":")
        COMMANDS[name] = Command(name, usage, handler)
        return handler

    return declare


def load_commands() -> dict[str, Command]:
    """Return all commands. Importing the other modules declares theirs."""
    for name in ("session_commands", "grammar_commands", "authoring_commands"):
        importlib.import_module(f"host.repl.commands.{name}")
    return COMMANDS


async def run_command(session: ReplSession, line: str) -> Document:
    """Run a line that begins with a colon.

    Raises:
        ReplError: The command is unknown or failed.
    """
    name, _, argument = line.strip().removeprefix(":").partition(" ")
    commands = load_commands()
    if name not in commands:
        from host.config.convert import did_you_mean

        suggestion = did_you_mean(f":{name}", [f":{each}" for each in commands])
        raise ReplError(f"There is no command `:{name}`. {suggestion} :help lists them.")
    if argument.strip() and commands[name].usage == f":{name}":
        raise ReplError(f"`:{name}` takes no argument; remove `{argument.strip()}`.")
    return await commands[name].handler(session, argument.strip())


def split_words(argument: str) -> list[str]:
    """Split an argument into words, as a shell does.

    Raises:
        ReplError: A quote is not closed.
    """
    try:
        return shlex.split(argument)
    except ValueError as error:
        raise ReplError(f"`{argument}`: {error}.") from error
