"""Commands and choices that suggest a correction for a mistyped word. Imports little: every verb imports this."""

from collections.abc import Iterable
from typing import Any

import click


class Commands(click.Group):
    """A group of commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command.

        Raises:
            UsageError: No command has this name.
        """
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            path = " ".join([*ctx.command_path.split()[1:], args[0]])
            raise click.UsageError(f"There is no command `{path}`. {_guess(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)


class OneOf(click.Choice[str]):
    """A choice of words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002 -- click's
        """Return the message for an invalid word."""
        return f"there is no `{value}`. {_guess(str(value), self.choices)}"


def _guess(word: str, known: Iterable[str]) -> str:
    from host.config.convert import did_you_mean

    return did_you_mean(word, known)
