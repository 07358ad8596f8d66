"""Commands that create something: a grammar from lines or formats, a decoder file, and its cases."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from host.cli.support.test_report import verdict_document
from host.core import paths
from host.plugins.case_schema import DEFAULT_NOW
from host.repl.commands import try_lines
from host.repl.commands.commands import Document, command, split_words
from host.repl.infer import decoder_text, format_strings, infer, multiline
from host.repl.infer.infer import Proposal
from host.repl.session import ReplError, ReplSession
from host.repl.ui.log_lines import Log, open_log, read_lines
from host.trial.collect import collect
from host.trial.messages import replace_bytes, timestamp_ns
from host.trial.run_cases import run_cases

_MAX_LINES = 400
_PLACES = 9
"""Number of parts of a long file that are examined."""
_MAX_LINE_BYTES = 16 * 1024
_MAX_EXAMPLES = 10


@command(
    ":infer FILE [FORMAT_NAME] | samples | nginx FORMAT | apache FORMAT | rsyslog TEMPLATE | printf FORMAT [NAME...]"
)
async def infer_(session: ReplSession, argument: str) -> Document:
    """Propose a grammar, as code to edit (:edit).

    From the lines of FILE, or from the samples, it finds the format of a program that the library knows, columns
    between separators, or the templates that lines have in common, with an alternative for each template. A grammar
    from the format with which a program writes is exact:
      :infer nginx $remote_addr [$time_local] "$request" $status     (also `combined`, and escape=json before it)
      :infer apache %h %l %u %t "%r" %>s %b                          (also `common`, `combined`, `vhost_combined`)
      :infer rsyslog %timestamp:::date-rfc3339% %hostname% %msg%      (also `RSYSLOG_FileFormat` and the like)
      :infer printf "worker %d: %s took %ld ms" worker what took
      :infer /etc/nginx/nginx.conf main                               (a file with such formats)
    """
    kind, _, rest = argument.partition(" ")
    lines: list[bytes] = []
    log = None
    proposal = None
    if kind in format_strings.GRAMMAR_BUILDERS and rest:
        proposal = Proposal(format_strings.GRAMMAR_BUILDERS[kind](rest.strip()))
    elif kind == "printf" and rest:
        proposal = _from_printf(rest)
    elif argument == "samples":
        lines = session.samples
    else:
        path, *names = split_words(argument) or [""]
        log, lines = _sample_lines(path)
        formats = format_strings.find_formats(b"\n".join(lines).decode(errors="backslashreplace"))
        if formats:
            chosen = _select_format(formats, names)
            proposal, lines = Proposal(format_strings.GRAMMAR_BUILDERS[chosen.kind](chosen.text)), []
    proposal = proposal or await infer.propose(session, lines)
    await session.reset()
    session.record_start, session.crlf = proposal.begins, log is not None and log.crlf
    result = await session.run(proposal.source)
    if result.error:
        raise ReplError(f"Cannot build a grammar from this: {result.error}")
    examined = [record for _, record in multiline.join_lines(lines, proposal.begins)]
    ends = await session.match_ends(examined)
    parsed = [record for record, end in zip(examined, ends, strict=True) if end is not None]
    if argument != "samples" and lines and not session.has_own_samples:
        session.samples = _examples(proposal, parsed)
    data = dataclasses.asdict(proposal) | {"lines": len(examined), "parsed": len(parsed)}
    data["splitter"] = multiline.splitter_yaml(session.record_start, crlf=session.crlf)
    hint = " ".join(filter(None, [proposal.advice, log.advice if log else ""]))
    return Document("proposal", data | {"hint": hint, "results": await try_lines.try_samples(session)})


def _examples(proposal: Proposal, parsed: list[bytes]) -> list[bytes]:
    """Return the lines to keep as samples: one of each template, and the first ones."""
    firsts = {_first_line(each["example"].encode()) for each in proposal.formats}
    count = max(_MAX_EXAMPLES, len(firsts))
    of_templates = dict.fromkeys(record for record in parsed if _first_line(record) in firsts)
    with_lines = [record for record in parsed if b"\n" in record][:1]
    chosen = [*list(of_templates)[: len(firsts)], *with_lines, *parsed]
    return list(dict.fromkeys(chosen))[:count]


def _first_line(record: bytes) -> bytes:
    return record.partition(b"\n")[0]


def _from_printf(rest: str) -> Proposal:
    arguments = split_words(rest)
    try:
        return Proposal(format_strings.from_printf(arguments[0], arguments[1:]))
    except ValueError as error:
        raise ReplError(str(error)) from error


def _select_format(formats: list[format_strings.ServerFormat], names: list[str]) -> format_strings.ServerFormat:
    """Return the format of a configuration that the user named."""
    if not names and len(formats) == 1:
        return formats[0]
    chosen = [each for each in formats if names and each.name == names[0]]
    if not chosen:
        known = ", ".join(dict.fromkeys(each.name for each in formats if each.name))
        raise ReplError(f"The file has {len(formats)} formats: name one of {known} after the file.")
    return chosen[0]


def _sample_lines(argument: str) -> tuple[Log, list[bytes]]:
    """Return lines from the start of a file and from all parts of it."""
    if not argument:
        raise ReplError("Name a source: `:infer FILE`, `:infer samples`, or `:infer nginx FORMAT` (:help infer).")
    if (argument in format_strings.GRAMMAR_BUILDERS or argument == "printf") and not Path(argument).exists():
        raise ReplError(f"Give the format as well: `:infer {argument} FORMAT` (:help infer).")
    log = open_log(argument)
    with log.file as file:
        size = os.fstat(file.fileno()).st_size
        lines = [line for _, line in zip(range(_MAX_LINES), _whole_lines(file), strict=False)]
        for place in range(1, _PLACES if file.tell() < size else 0):
            file.seek(max(file.tell(), size * place // _PLACES))
            file.readline(_MAX_LINE_BYTES)
            lines += [line for _, line in zip(range(_MAX_LINES // _PLACES), _whole_lines(file), strict=False)]
    if size and not lines:
        raise ReplError(f"{argument} has no usable lines: all are empty, or of {_MAX_LINE_BYTES} bytes or more.")
    return log, lines


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are not blank, without their endings. Leave out lines that are too long."""
    for line in read_lines(file, _MAX_LINE_BYTES):
        if line.strip() and (line.endswith(b"\n") or len(line) < _MAX_LINE_BYTES):
            yield line.rstrip(b"\r\n")


@command(":edit")
async def edit(session: ReplSession, argument: str) -> Document:
    """Put the definitions into the prompt to change them. The input then replaces all of them.

    If it fails, the definitions stay and the prompt shows the input again. Ctrl-C leaves everything unchanged.
    """
    parts = [*session.definitions, *([session.expression] if session.expression else [])]
    if not parts:
        raise ReplError("Nothing is defined yet.")
    return Document("edit", {"source": "\n".join(parts)})


@command(":save NAME [--force]")
async def save(session: ReplSession, argument: str) -> Document:
    """Write a decoder with front matter, and the samples as its cases, into the drop-in directory (--sandbox-dir)."""
    arguments = split_words(argument)
    names = [word for word in arguments if word != "--force"]
    if len(names) != 1 or not names[0].replace("_", "a").isalnum() or not names[0].islower() or names[0][0].isdigit():
        raise ReplError("Give a name of lower-case letters, digits and `_`: `:save my_app`.")
    name = names[0]
    path = decoder_text.plugin_path(session.sandbox_dir, name)
    if path.exists() and "--force" not in arguments and session.saved != path:
        raise ReplError(f"{path} already exists; `:save {name} --force` replaces it.")
    code = decoder_text.decoder_code(session)
    cases = await _sample_cases(session, name)
    options = decoder_text.read_options(code, name, session.options)
    splitter = multiline.splitter_yaml(session.record_start, crlf=session.crlf)
    text = decoder_text.render_plugin(name, code, cases, options, splitter=splitter)
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # neither the file nor its directory need exist
            temporary.unlink()
        message = f"Cannot write {path}: {error.strerror}. Use --sandbox-dir to name a writable directory."
        raise ReplError(message) from error
    session.saved = path
    steps = sum(len(case["steps"]) for case in cases)
    failures = sum("failure" in step for case in cases for step in case["steps"])
    shadows = paths.shipped_plugin("decoder", name).is_file()
    data = {"file": str(path), "records": steps, "failures": failures, "shadows": shadows}
    return Document("saved", data | {"runs_on": await session.runs_on()})


async def _sample_cases(session: ReplSession, name: str) -> list[dict[str, Any]]:
    """Return the samples as cases that expect their present results."""
    if not session.samples:
        try_lines.build_decoder(session)
        return []
    now_ns = timestamp_ns(DEFAULT_NOW)
    outcome = await try_lines.decode(session, session.samples, name, now_ns)
    steps = []
    for record, result in zip(session.samples, outcome.results, strict=False):
        step: dict[str, Any] = {"record": record.decode(errors="replace")}
        failure = result.failure or next(iter(result.dead_letters), "")
        if failure:
            step["failure"] = failure
        else:
            step["messages"] = [_expected(message, now_ns) for message in result.messages]
        if b"\xef\xbf\xbd" not in step["record"].encode():
            steps.append(step)
    return [{"name": "samples of the session", "steps": steps}] if steps else []


def _expected(message: dict[str, Any], now_ns: int) -> dict[str, Any]:
    fields = replace_bytes(message["Fields"])
    names = [field["name"] for field in fields]
    expected: dict[str, Any] = {}
    if message["Timestamp"] != now_ns:
        expected["Timestamp"] = _moment(message["Timestamp"])
    for header in ("Severity", "Pid", "Hostname", "Payload"):
        if message[header] not in (None, "", 7) and not (header == "Hostname" and message[header] == "localhost"):
            expected[header] = replace_bytes(message[header])
    if len(set(names)) == len(names):
        expected["Fields"] = {field["name"]: field["value"] for field in fields}
    return expected


def _moment(ns: int) -> str | int:
    seconds, rest_ns = divmod(ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    fraction = f".{rest_ns:09d}".rstrip("0") if rest_ns else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


@command(":cases [FILE]")
async def cases(session: ReplSession, argument: str) -> Document:
    """Run the cases of the saved decoder, or those of FILE, as `hekate test` does."""
    path = Path(argument).expanduser() if argument else session.saved
    if path is None:
        raise ReplError("Nothing is saved yet: `:save NAME` writes a decoder with the samples as its cases.")
    if not path.is_file():
        raise ReplError(f"No such file: {path}. Example: `:cases plugins/decoders/mine.lua`.")
    collected = collect([path], session.sandbox_dir)
    if collected.errors:
        raise ReplError("; ".join(str(error) for error in collected.errors))
    results = await run_cases(collected.cases, session.zygote)
    failed = [result for result in results if not result.passed]
    data = {"file": str(path), "cases": [verdict_document(result) for result in results]}
    return Document("cases", data, failed=bool(failed) or not results)
