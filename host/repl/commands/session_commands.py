"""Commands about the session itself: help, loading, samples."""

import asyncio
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from host.config import api_reference
from host.core.errors import ConfigError
from host.plugins import library, manifest
from host.repl.commands import help_topics, try_lines
from host.repl.commands.commands import COMMANDS, Document, command, split_words
from host.repl.infer import decoder_text
from host.repl.session import MAX_SAMPLES, ReplError, ReplSession, RunResult
from host.repl.ui.log_lines import LogLine, open_log, read_lines

_FIRST_LINES = 20
_DECLARED_OTHERWISE = re.compile(r"^\s*declare_(?!grammar)\w+", re.MULTILINE)
"""Declarations such as that of JSON: they make a decoder without a grammar to examine."""
_MAX_LINE_BYTES = 64 * 1024


@command(":help [NAME]")
async def help_(session: ReplSession, argument: str) -> Document:
    """Explain a command, a function, a module or a function of a module; without NAME, list the commands.

    NAME is a command (:infer), a function of the API (read_message), of Lua, LPEG, re or cjson (string.gsub, lpeg.Cg),
    one of these libraries (lpeg), a module (date_time), or a function of a module (date_time.rfc3339).
    """
    if not argument:
        listed = [{"usage": each.usage, "summary": each.summary} for each in COMMANDS.values()]
        return Document("commands", {"commands": listed})
    name = argument.removeprefix(":")
    function = help_topics.about_function(name)
    if name in COMMANDS and (argument != name or function is None):
        return Document("help", {"name": f":{name}", "signature": COMMANDS[name].usage, "text": COMMANDS[name].help})
    folders = help_topics.module_folders(session.sandbox_dir)
    found = function or help_topics.about_library(name) or help_topics.about_module(name, folders)
    if found is not None:
        return Document("help", {"name": name, "signature": found[0], "text": found[1]})
    known = [*COMMANDS, *(each.name for each in api_reference.functions()), *help_topics.lua_functions()]
    known += help_topics.modules(session.sandbox_dir)
    close = get_close_matches(name, known, cutoff=0.7)
    hint = f"Did you mean {' or '.join(close)}?" if close else "`:help` lists the commands; Tab completes names."
    raise ReplError(f"No help for `{argument}`. {hint}")


@command(":load FILE | tap [POINT [MATCHER]]")
async def load(session: ReplSession, argument: str) -> Document:
    """Load a decoder, a grammar module, or lines of a log as samples.

    A FILE that ends with .lua is run, and what it declares or returns is the grammar. A decoder with process_message
    runs as in production. Any other FILE is a log: its first 20 lines become samples; - reads them from standard input.
    `:load tap` takes raw records that pass a point of the running host: HEKATE_API names it (see hekate tap --help).
    """
    if not argument:
        raise ReplError("Name a file: `:load FILE`.")
    first, *rest = split_words(argument)
    if first == "tap" and not Path(first).exists():
        lines = await asyncio.to_thread(_tap_records, rest)
        return _set_samples(
            session, lines, "tap", "" if lines else "No record passed while the tap was open; try again."
        )
    if first == "-":
        return _set_samples(session, _first_lines(sys.stdin.buffer), "-")
    path = Path(first).expanduser()
    if path.suffix == ".lua":
        return await _load_lua(session, path)
    log = open_log(first)
    with log.file as file:
        return _set_samples(session, _first_lines(file), first, log.advice)


def _first_lines(file: Any) -> list[bytes]:
    lines: list[bytes] = []
    for line in read_lines(file, _MAX_LINE_BYTES):
        if line.strip():
            lines.append(line.rstrip(b"\r\n"))
        if len(lines) == _FIRST_LINES:
            break
    return lines


def _set_samples(session: ReplSession, lines: list[bytes], source: str, advice: str = "") -> Document:
    session.samples, session.has_own_samples = lines[:MAX_SAMPLES], False
    texts = [LogLine(line) for line in session.samples]
    return Document("samples", {"source": source, "samples": texts, "hint": advice})


def _tap_records(arguments: list[str]) -> list[bytes]:
    """Return raw records of a running host, taken by testing a grammar that accepts everything."""
    from host.cli.support.admin_client import Client, path_of

    live = {"point": arguments[0] if arguments else "router", "count": _FIRST_LINES}
    if len(arguments) > 1:
        live["match"] = " ".join(arguments[1:])
    body = {"source": 'return require("lpeg").P(1)^0', "live": live}
    results = Client.default().ask("POST", path_of("grammars", "test"), body)["results"]
    return [str(result["given"]).encode() for result in results]


async def _load_lua(session: ReplSession, path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReplError(f"Cannot read {path}: {error}.") from error
    options: dict[str, Any] = {}
    if manifest.has_front_matter(text):
        errors: list[ConfigError] = []
        plugin = library.of_source(text.encode(), path, "decoder", errors)
        if plugin is None:
            raise ReplError("; ".join(str(error) for error in errors))
        options = {
            name: {
                key: value
                for key, value in msgspec.to_builtins(option).items()
                if value not in (None, False) or key == "default"
            }
            for name, option in plugin.manifest.config.items()
        }
    await session.reset(options)
    code = decoder_text.strip_header(text)
    result = RunResult() if _DECLARED_OTHERWISE.search(code) else await session.run(code, path.stem)
    if result.error:
        raise ReplError(f"{path}: {result.error}")
    if not session.has_grammar and ("process_message" in code or _DECLARED_OTHERWISE.search(code)):
        session.script = path
    elif not session.has_grammar and result.values:
        await session.run(f"{path.stem.replace('-', '_')} = (function(...) {code}\nend)()", path.stem)
    facts = {"file": str(path), "grammar": session.has_grammar, "script": session.script is not None}
    return Document("loaded", facts | {"results": await try_lines.try_samples(session)})


@command(":sample [LINE | drop N | clear]")
async def sample(session: ReplSession, argument: str) -> Document:
    """Keep a line as a sample, which is matched again when the grammar changes; without LINE, show the samples."""
    if argument == "clear":
        session.samples, session.has_own_samples = [], False
    elif argument.startswith("drop ") and argument[5:].strip().isdigit():
        number = int(argument[5:])
        if not 1 <= number <= len(session.samples):
            raise ReplError(f"There is no sample {number}.")
        del session.samples[number - 1]
    elif argument:
        if len(session.samples) == MAX_SAMPLES:
            raise ReplError(f"There are {MAX_SAMPLES} samples; :sample drop N removes one.")
        session.samples.append(argument.encode(errors="surrogateescape"))
        session.has_own_samples = True
        if session.has_grammar or session.script:
            return Document("matches", {"results": [await try_lines.try_text(session, session.samples[-1])]})
    texts = [LogLine(line) for line in session.samples]
    return Document("samples", {"source": "", "samples": texts})


@command(":source")
async def source(session: ReplSession, argument: str) -> Document:
    """Show the definitions as :save would write them."""
    return Document("source", {"source": decoder_text.decoder_code(session) if _has_definitions(session) else ""})


def _has_definitions(session: ReplSession) -> bool:
    return bool(session.definitions or session.expression or session.script)


@command(":reset")
async def reset(session: ReplSession, argument: str) -> Document:
    """Forget all definitions; the samples stay."""
    await session.reset()
    return Document("said", {"text": "All definitions are removed."})


@command(":quit")
async def quit_(session: ReplSession, argument: str) -> Document:
    """Exit; Ctrl-D does the same."""
    raise EOFError
