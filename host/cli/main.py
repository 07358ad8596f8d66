"""The `hekate` command: finds the verb, runs it, and turns every outcome into an exit status.

A verb is imported when it is called, and imports its dependencies when it runs. So `--help` and mistyped commands
answer at once. Exit statuses follow sysexits.h; docs/cli.md lists them.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from host import __version__
from host.cli.support.did_you_mean import Commands
from host.cli.support.escape import visible, visible_lines
from host.core import signals, stdout
from host.core.errors import HekateError

COMMANDS = (
    "run", "validate", "test", "repl", "new", "cat", "replay", "graph", "files", "sandbox", "tap", "top",
    "deadletters", "inject", "flood", "doctor",
    "list", "schema", "completion", "version",
)  # fmt: skip
_INTERRUPTED = 130
_TERMINATED = 143
_BROKEN_PIPE = 141
_WANTS_TRACEBACK = "HEKATE_TRACEBACK"


class _Verbs(Commands):
    """A group whose commands are the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's
        if cmd_name not in COMMANDS:
            return None
        # `list` is a module named `list_`, to leave the builtin alone.
        module = importlib.import_module(f"host.cli.verbs.{'list_' if cmd_name == 'list' else cmd_name}")
        command: click.Command = module.command
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Hekate, a log and event pipeline whose logic is Lua."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    signals.install()
    status = run(arguments)
    sys.exit(_TERMINATED if signals.was_terminated() else status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: By default those of the process.

    Returns:
        The exit status.
    """
    _reopen_closed_streams()
    try:
        status = cli.main(arguments, prog_name="hekate", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_has_gone()
    except SystemExit:  # raised by click when the reader of the output has gone
        return _reader_has_gone()
    except Exception as error:  # noqa: BLE001 -- the last place where it can be said in a way that helps
        return _explain(error)
    return status if isinstance(status, int) else os.EX_OK


def _reopen_closed_streams() -> None:
    """Open /dev/null for each standard stream that the caller closed (`>&-`), where Python has None."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 -- for good


def _reader_has_gone() -> int:
    _give_up_stdout()
    return _BROKEN_PIPE


def _give_up_stdout() -> None:
    """Discard stdout, whose reader has gone or whose disk is full, so that the interpreter exits quietly."""
    stdout.discard()


def _explain(fault: Exception) -> int:
    """Print what is wrong; return the exit status."""
    if isinstance(fault, HekateError):
        from host.cli.support import output

        output.show_fault(fault)
        return fault.exit_code
    if isinstance(fault, click.ClickException):
        fault.show()
        return os.EX_USAGE if isinstance(fault, click.UsageError) else fault.exit_code
    if isinstance(fault, OSError):
        _give_up_stdout()
        place = f"{fault.filename}: " if fault.filename else ""
        click.echo(visible(f"Error: {place}{fault.strerror or fault}."), err=True)
        return os.EX_IOERR
    if os.environ.get(_WANTS_TRACEBACK):
        raise fault
    text = f"{type(fault).__name__}: {fault}. With {_WANTS_TRACEBACK}=1 in the environment it says where."
    click.echo(visible_lines(f"Error: a fault in Hekate itself: {text}"), err=True)
    return os.EX_SOFTWARE
