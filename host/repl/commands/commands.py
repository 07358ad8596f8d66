"""The REPL's own commands, which begin with a colon: how they are declared, found and run."""

import importlib
import inspect
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from host.repl.session import ReplError, Session


@dataclass
class Document:
    """What a command or a piece of Lua came to; `show` makes text of it, `--format json` prints its data."""

    kind: str
    data: dict[str, Any]
    failed: bool = False


Handler = Callable[[Session, str], Awaitable[Document]]


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    usage: str
    handler: Handler

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return self.help.partition("\n")[0]

    @property
    def help(self) -> str:
        """What it does."""
        return inspect.getdoc(self.handler) or ""


COMMANDS: dict[str, Command] = {}


def command(usage: str) -> Callable[[Handler], Handler]:
    """Declare a command; its name is the first word of how it is used."""

    def declare(handler: Handler) -> Handler:
        name = usage.split(maxsplit=1)[0].removeprefix(":")
        COMMANDS[name] = Command(name, usage, handler)
        return handler

    return declare


def load() -> dict[str, Command]:
    """All commands; those of the other modules are declared when they are imported."""
    for name in ("session_commands", "grammar_commands", "authoring_commands"):
        importlib.import_module(f"host.repl.commands.{name}")
    return COMMANDS


async def carry_out(session: Session, line: str) -> Document:
    """Carry out a line that begins with a colon.

    Raises:
        ReplError: There is no such command, or it cannot do it.
    """
    name, _, argument = line.strip().removeprefix(":").partition(" ")
    commands = load()
    if name not in commands:
        from host.config.convert import did_you_mean

        meant = did_you_mean(f":{name}", [f":{each}" for each in commands])
        raise ReplError(f"There is no command `:{name}`. {meant} :help lists them.")
    if argument.strip() and commands[name].usage == f":{name}":
        raise ReplError(f"`:{name}` takes nothing behind it, and there is `{argument.strip()}`.")
    return await commands[name].handler(session, argument.strip())


def words(argument: str) -> list[str]:
    """The words of an argument, as a shell would split them.

    Raises:
        ReplError: A quote is not closed.
    """
    try:
        return shlex.split(argument)
    except ValueError as error:
        raise ReplError(f"`{argument}`: {error}.") from error
