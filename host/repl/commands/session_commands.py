"""Commands about the session itself: help, what is loaded, samples."""

import asyncio
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from host.config import api_reference
from host.core.errors import ConfigError
from host.plugins import library, manifest
from host.repl.commands import help_topics, try_lines
from host.repl.commands.commands import COMMANDS, Document, command, words
from host.repl.infer import decoder_text
from host.repl.session import MAX_SAMPLES, Ran, ReplError, Session
from host.repl.ui.line import Line, beginnings, opened_log
from host.repl.workbench import to_builtins

_FIRST_LINES = 20
_DECLARED_OTHERWISE = re.compile(r"^\s*declare_(?!grammar)\w+", re.MULTILINE)
"""JSON and the like: there is a decoder, and no grammar to look into."""
_MAX_LINE_BYTES = 64 * 1024


@command(":help [NAME]")
async def help_(session: Session, argument: str) -> Document:
    """Explain a command, a function, a module or a function of one; without NAME, list the commands.

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
    where = help_topics.folders(session.sandbox_dir)
    found = function or help_topics.about_library(name) or help_topics.about_module(name, where)
    if found is not None:
        return Document("help", {"name": name, "signature": found[0], "text": found[1]})
    known = [*COMMANDS, *(each.name for each in api_reference.functions()), *help_topics.lua_functions()]
    known += help_topics.modules(session.sandbox_dir)
    close = get_close_matches(name, known, cutoff=0.7)
    hint = f"Did you mean {' or '.join(close)}?" if close else "`:help` lists the commands; Tab completes names."
    raise ReplError(f"There is nothing called `{argument}`. {hint}")


@command(":load FILE | tap [POINT [MATCHER]]")
async def load(session: Session, argument: str) -> Document:
    """Load a decoder, a grammar module, or lines of a log as samples.

    FILE ends with .lua: it is run, and what it declares or returns is the grammar. A decoder with process_message is
    run as in production. Any other FILE is a log: its first 20 lines become samples; - reads them from the standard
    input.
    `:load tap` takes raw records that pass a point of the running host: HEKATE_API names it (see hekate tap --help).
    """
    if not argument:
        raise ReplError("Say what is to be loaded: `:load FILE`.")
    first, *rest = words(argument)
    if first == "tap" and not Path(first).exists():
        lines = await asyncio.to_thread(_tapped, rest)
        return _take(session, lines, "tap", "" if lines else "No record passed there just now; try again.")
    if first == "-":
        return _take(session, _first_lines(sys.stdin.buffer), "-")
    path = Path(first).expanduser()
    if path.suffix == ".lua":
        return await _load_lua(session, path)
    log = opened_log(first)
    with log.file as file:
        return _take(session, _first_lines(file), first, log.advice)


def _first_lines(file: Any) -> list[bytes]:
    lines: list[bytes] = []
    for line in beginnings(file, _MAX_LINE_BYTES):
        if line.strip():
            lines.append(line.rstrip(b"\r\n"))
        if len(lines) == _FIRST_LINES:
            break
    return lines


def _take(session: Session, lines: list[bytes], source: str, advice: str = "") -> Document:
    session.samples, session.has_own_samples = lines[:MAX_SAMPLES], False
    texts = [Line(line) for line in session.samples]
    return Document("samples", {"source": source, "samples": texts, "hint": advice})


def _tapped(arguments: list[str]) -> list[bytes]:
    """Raw records of a running host, as a grammar that takes anything is given them."""
    from host.cli.support.admin_client import Client, path_of

    live = {"point": arguments[0] if arguments else "router", "count": _FIRST_LINES}
    if len(arguments) > 1:
        live["match"] = " ".join(arguments[1:])
    body = {"source": 'return require("lpeg").P(1)^0', "live": live}
    results = Client.default().ask("POST", path_of("grammars", "test"), body)["results"]
    return [str(result["given"]).encode() for result in results]


async def _load_lua(session: Session, path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ReplError(f"Cannot read {path}: {fault}.") from fault
    options: dict[str, Any] = {}
    if manifest.has_front_matter(text):
        errors: list[ConfigError] = []
        plugin = library.of_source(text.encode(), path, "decoder", errors)
        if plugin is None:
            raise ReplError("; ".join(str(error) for error in errors))
        options = {
            name: {
                key: value
                for key, value in to_builtins(option).items()
                if value not in (None, False) or key == "default"
            }
            for name, option in plugin.manifest.config.items()
        }
    await session.reset(options)
    code = decoder_text.without_header(text)
    ran = Ran() if _DECLARED_OTHERWISE.search(code) else await session.run(code, path.stem)
    if ran.error:
        raise ReplError(f"{path}: {ran.error}")
    if not session.has_grammar and ("process_message" in code or _DECLARED_OTHERWISE.search(code)):
        session.script = path
    elif not session.has_grammar and ran.values:
        await session.run(f"{path.stem.replace('-', '_')} = (function(...) {code}\nend)()", path.stem)
    facts = {"file": str(path), "grammar": session.has_grammar, "script": session.script is not None}
    return Document("loaded", facts | {"results": await try_lines.samples(session)})


@command(":sample [LINE | drop N | clear]")
async def sample(session: Session, argument: str) -> Document:
    """Keep a line at hand, which is matched again whenever the grammar changes; without LINE, show them."""
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
            return Document("matches", {"results": [await try_lines.one(session, session.samples[-1])]})
    texts = [Line(line) for line in session.samples]
    return Document("samples", {"source": "", "samples": texts})


@command(":source")
async def source(session: Session, argument: str) -> Document:
    """Show what was defined, as :save would write it."""
    return Document("source", {"source": decoder_text.code_of(session) if _is_something(session) else ""})


def _is_something(session: Session) -> bool:
    return bool(session.definitions or session.expression or session.script)


@command(":reset")
async def reset(session: Session, argument: str) -> Document:
    """Forget all definitions; the samples stay."""
    await session.reset()
    return Document("said", {"text": "Nothing is defined any more."})


@command(":quit")
async def quit_(session: Session, argument: str) -> Document:
    """Leave; Ctrl-D does the same."""
    raise EOFError
