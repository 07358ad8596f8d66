"""Generated pages: docs/cli.md and the man page from the commands, and those that other folders generate."""

import inspect
from collections.abc import Iterator

import click

from host.admin.api import reference as admin_reference
from host.admin.api.routes import PARTS
from host.cli.main import COMMANDS, cli
from host.cli.support import json_keys
from host.config import reference as config_reference

_PROLOGUE = """# The command line

{mark}

    hekate COMMAND ...        or        python -m host COMMAND ...

`CONFIG` is a file, or a directory that stands for its `*.yaml` and `*.yml` files; several are merged
([how](configuration.md#several-files)).

With `--format json` JSON goes to stdout, and is one document, or one a line where records go on and on (`tap`, `cat`,
`repl`); complaints in text go to stderr. Text is styled on a terminal and plain in a pipe; `NO_COLOR=1` takes
the colours away.

Verbs that speak with a running host need its [admin API](admin-api.md). They find it by `--api`, a URL or the path of
its unix socket, or in the environment:

| variable | meaning |
|---|---|
| `HEKATE_API` | As `--api`. |
| `HEKATE_TOKEN`, `HEKATE_TOKEN_FILE` | The token, or a file of it; no token is needed by the unix socket. |
| `HEKATE_CA` | PEM file of the authority that signed the certificate of an https URL. |

## Commands

| command | what it does |
|---|---|
"""

_EPILOGUE = """## Signals

| signal | `hekate run` |
|---|---|
| SIGTERM, SIGINT | Drains in order: inputs, decoders, filters, encoders, outputs. A second one forces the end. |
| SIGHUP | Reloads the configuration: only what changed restarts, and an invalid configuration leaves the old one \
running. Outputs reopen their files. During a reload, another one follows. |

## Exit statuses

They are those of `sysexits.h`, so that a supervisor can tell a fault that will not go away from one that may.

| status | name | when |
|---|---|---|
"""

_STATUSES = """
0||Done; a drain after SIGTERM or SIGINT too.
1||A case or a test failed (`test`), something entered failed (`repl`), something is wrong (`doctor`, `graph`), \
a dead letter stays (`deadletters`), or the running host refused what was asked of it.
64|EX_USAGE|The command line is wrong: no such command or option, an argument is missing.
65|EX_DATAERR|Records failed or a sandbox was ended (`run --once`, `cat`, `replay`). `--allow-failures` makes it 0.
66|EX_NOINPUT|There is nothing to test (`test`), or a file cannot be read (`cat`, `replay`).
69|EX_UNAVAILABLE|The start failed because of something outside: a port in use, an unreadable file, LPEG missing; \
no host answers, or nobody listens (`inject`, `flood`); it is not clear which input a file is for (`replay`).
70|EX_SOFTWARE|A fault in Hekate (with `HEKATE_TRACEBACK=1` it says where), or a sandbox that could not be started.
73|EX_CANTCREAT|A file is there already, or cannot be written (`new`).
74|EX_IOERR|Reading or writing failed for good.
75|EX_TEMPFAIL|Stopped before everything was delivered: a second signal, or `shutdown_timeout_ms` was over. It will be \
read again. Or a run with `--once` was interrupted before it had read everything.
77|EX_NOPERM|The token is missing, wrong, or allows too little.
78|EX_CONFIG|The configuration is wrong, or a plugin's header or Lua is.
130||Interrupted at a place where nothing has to be drained.
141||Whoever read the output has gone, as in `hekate list` before `head`.
143||Ended by SIGTERM, at a place where nothing has to be drained.
"""
STATUSES = [tuple(line.split("|")) for line in _STATUSES.strip().splitlines()]


def pages() -> dict[str, str]:
    """Return all generated pages of the repository; `scripts/generate` writes them, and a test compares them.

    Returns:
        Text by path in the repository.

    Raises:
        ConfigErrors: The front matter of a shipped plugin has a fault.
    """
    mark = config_reference.MARK
    return config_reference.pages() | {
        "docs/cli.md": markdown(mark),
        "docs/hekate.1": man(),
        "docs/admin-api.md": admin_reference.markdown(PARTS, mark),
        "docs/metrics.md": admin_reference.metrics_page(mark),
    }


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield all commands with their full names; those of a group follow it."""
    context = click.Context(cli, info_name="hekate")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for inner, below in command.commands.items():
                yield f"{name} {inner}", below


def _usage(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"hekate {name}")
    return f"hekate {name} " + " ".join(command.collect_usage_pieces(context))


def _parts(command: click.Command) -> Iterator[tuple[bool, str]]:
    """Yield the paragraphs of the help: True if the paragraph is preformatted, and its text."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield True, paragraph.removeprefix("\b\n")
        elif paragraph.strip():
            yield False, " ".join(paragraph.split())


def _options(name: str, command: click.Command) -> list[tuple[str, str]]:
    context = click.Context(command, info_name=name)
    found = (option.get_help_record(context) for option in command.params if isinstance(option, click.Option))
    return [record for record in found if record is not None]


def markdown(mark: str) -> str:
    """Return `docs/cli.md`.

    Args:
        mark: The line that marks a page as generated.
    """
    lines = [_PROLOGUE.format(mark=mark).rstrip("\n")]
    for name, command in commands():
        if " " not in name:
            lines.append(f"| [`{name}`](#hekate-{name}) | {command.get_short_help_str(200)} |")
    lines.append("")
    for name, command in commands():
        lines += [f"{'###' if ' ' in name else '##'} hekate {name}", "", f"    {_usage(name, command)}", ""]
        for is_code, text in _parts(command):
            block = "\n".join(f"    {line.strip()}" for line in text.splitlines()) if is_code else _escaped(text)
            lines += [block, ""]
        if command.epilog:
            lines += [command.epilog, ""]
        options = _options(name, command)
        if options:
            lines += ["| option | meaning |", "|---|---|"]
            lines += [f"| `{given.replace('|', chr(92) + '|')}` | {_escaped(meaning)} |" for given, meaning in options]
            lines.append("")
    lines += json_keys.markdown()
    lines.append(_EPILOGUE.rstrip("\n"))
    lines += [f"| {status} | {f'`{name}`' if name else ''} | {when} |" for status, name, when in STATUSES]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Escape text for a table in Markdown."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*.", "\\*.")


def man() -> str:
    """Return the man page, `docs/hekate.1`."""
    lines = [
        '.\\" Generated by `make generate`; do not edit.',
        '.TH HEKATE 1 "" "Hekate" "User Commands"',
        ".SH NAME",
        "hekate \\- a log and event pipeline whose logic is Lua",
        ".SH SYNOPSIS",
        ".B hekate",
        ".I COMMAND ...",
        ".SH COMMANDS",
    ]
    for name, command in commands():
        lines += [f".SS {_roff(_usage(name, command))}"]
        for is_code, text in _parts(command):
            lines += [".nf", *(_roff(line) for line in text.splitlines()), ".fi"] if is_code else [_roff(text), ".PP"]
        if command.epilog:
            lines += [_roff(command.epilog), ".PP"]
        for given, meaning in _options(name, command):
            lines += [".TP", f".B {_roff(given)}", _roff(meaning)]
    lines += [".SH SIGNALS", "SIGTERM and SIGINT drain `hekate run`, a second one forces its end; SIGHUP reloads."]
    lines.append(".SH EXIT STATUS")
    for status, name, when in STATUSES:
        lines += [".TP", f".B {status} {name}".rstrip(), _roff(when)]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    """Escape text for roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
