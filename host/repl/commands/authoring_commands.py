"""Commands that make something: a grammar from lines or formats, a decoder in a file, its cases."""

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
from host.repl.commands.commands import Document, command, words
from host.repl.infer import decoder_text, exact, infer, records
from host.repl.infer.infer import Proposal
from host.repl.session import ReplError, Session
from host.repl.ui.line import Log, beginnings, opened_log
from host.trial.collect import collect
from host.trial.messages import replace_bytes, timestamp_ns
from host.trial.run_cases import run_cases

_MAX_LINES = 400
_PLACES = 9
"""So many parts of a long file are looked at."""
_MAX_LINE_BYTES = 16 * 1024
_MAX_EXAMPLES = 10


@command(
    ":infer FILE [FORMAT_NAME] | samples | nginx FORMAT | apache FORMAT | rsyslog TEMPLATE | printf FORMAT [NAME...]"
)
async def infer_(session: Session, argument: str) -> Document:
    """Propose a grammar, as code to edit (:edit).

    From the lines of FILE, or from the samples: the format of a program that the library knows, columns between
    separators, or what lines have in common, with an alternative for each form that they have.
    From the format that a program writes with it is exact:
      :infer nginx $remote_addr [$time_local] "$request" $status     (also `combined`, and escape=json before it)
      :infer apache %h %l %u %t "%r" %>s %b                          (also `common`, `combined`, `vhost_combined`)
      :infer rsyslog %timestamp:::date-rfc3339% %hostname% %msg%      (also `RSYSLOG_FileFormat` and the like)
      :infer printf "worker %d: %s took %ld ms" worker what took
      :infer /etc/nginx/nginx.conf main                               (a file in which such formats stand)
    """
    kind, _, rest = argument.partition(" ")
    lines: list[bytes] = []
    log = None
    proposal = None
    if kind in exact.EXACT and rest:
        proposal = Proposal(exact.EXACT[kind](rest.strip()))
    elif kind == "printf" and rest:
        proposal = _of_printf(rest)
    elif argument == "samples":
        lines = session.samples
    else:
        path, *names = words(argument) or [""]
        log, lines = _lines_of(path)
        found = exact.formats_in(b"\n".join(lines).decode(errors="backslashreplace"))
        if found:
            chosen = _chosen(found, names)
            proposal, lines = Proposal(exact.EXACT[chosen.kind](chosen.text)), []
    proposal = proposal or await infer.of_lines(session, lines)
    await session.reset()
    session.begins, session.crlf = proposal.begins, log is not None and log.crlf
    ran = await session.run(proposal.source)
    if ran.error:
        raise ReplError(f"No grammar comes of that: {ran.error}")
    found_records = [record for _, record in records.joined(lines, proposal.begins)]
    ends = await session.ends(found_records)
    parsed = [record for record, end in zip(found_records, ends, strict=True) if end is not None]
    if argument != "samples" and lines and not session.has_own_samples:
        session.samples = _examples(proposal, parsed)
    data = dataclasses.asdict(proposal) | {"lines": len(found_records), "parsed": len(parsed)}
    data["splitter"] = records.splitter(session.begins, crlf=session.crlf)
    hint = " ".join(filter(None, [proposal.advice, log.advice if log else ""]))
    return Document("proposal", data | {"hint": hint, "results": await try_lines.samples(session)})


def _examples(proposal: Proposal, parsed: list[bytes]) -> list[bytes]:
    """Lines to keep as samples: one of each form, and what comes first."""
    firsts = {_first_line(each["example"].encode()) for each in proposal.formats}
    most = max(_MAX_EXAMPLES, len(firsts))
    of_forms = dict.fromkeys(record for record in parsed if _first_line(record) in firsts)
    of_lines = [record for record in parsed if b"\n" in record][:1]
    chosen = [*list(of_forms)[: len(firsts)], *of_lines, *parsed]
    return list(dict.fromkeys(chosen))[:most]


def _first_line(record: bytes) -> bytes:
    return record.partition(b"\n")[0]


def _of_printf(rest: str) -> Proposal:
    given = words(rest)
    try:
        return Proposal(exact.of_printf(given[0], given[1:]))
    except ValueError as error:
        raise ReplError(str(error)) from error


def _chosen(found: list[exact.Format], names: list[str]) -> exact.Format:
    """The format of a configuration that is meant."""
    if not names and len(found) == 1:
        return found[0]
    chosen = [each for each in found if names and each.name == names[0]]
    if not chosen:
        known = ", ".join(dict.fromkeys(each.name for each in found if each.name))
        raise ReplError(f"There are {len(found)} formats in it: name one behind the file, of {known}.")
    return chosen[0]


def _lines_of(argument: str) -> tuple[Log, list[bytes]]:
    """Lines from the beginning of a file, and from all over it."""
    if not argument:
        raise ReplError("Say of what: `:infer FILE`, `:infer samples`, or `:infer nginx FORMAT` (:help infer).")
    if (argument in exact.EXACT or argument == "printf") and not Path(argument).exists():
        raise ReplError(f"Say the format, too: `:infer {argument} FORMAT` (:help infer).")
    log = opened_log(argument)
    with log.file as file:
        size = os.fstat(file.fileno()).st_size
        lines = [line for _, line in zip(range(_MAX_LINES), _whole_lines(file), strict=False)]
        for place in range(1, _PLACES if file.tell() < size else 0):
            file.seek(max(file.tell(), size * place // _PLACES))
            file.readline(_MAX_LINE_BYTES)
            lines += [line for _, line in zip(range(_MAX_LINES // _PLACES), _whole_lines(file), strict=False)]
    if size and not lines:
        raise ReplError(
            f"In {argument} there are no lines to look at: all are empty, or of {_MAX_LINE_BYTES} bytes or more."
        )
    return log, lines


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines that say something, without their ends; those that are too long to look at are left out."""
    for line in beginnings(file, _MAX_LINE_BYTES):
        if line.strip() and (line.endswith(b"\n") or len(line) < _MAX_LINE_BYTES):
            yield line.rstrip(b"\r\n")


@command(":edit")
async def edit(session: Session, argument: str) -> Document:
    """Put the definitions into the prompt to change them; what is entered takes their place.

    If that fails, they stay, and the prompt has what was entered again; Ctrl-C leaves all as it was.
    """
    parts = [*session.definitions, *([session.expression] if session.expression else [])]
    if not parts:
        raise ReplError("Nothing is defined yet.")
    return Document("edit", {"source": "\n".join(parts)})


@command(":save NAME [--force]")
async def save(session: Session, argument: str) -> Document:
    """Write a decoder with front matter, and the samples as its cases, into the drop-in directory (--sandbox-dir)."""
    given = words(argument)
    names = [word for word in given if word != "--force"]
    if len(names) != 1 or not names[0].replace("_", "a").isalnum() or not names[0].islower() or names[0][0].isdigit():
        raise ReplError("Give it a name of lower-case letters, digits and `_`: `:save my_app`.")
    name = names[0]
    path = decoder_text.plugin_path(session.sandbox_dir, name)
    if path.exists() and "--force" not in given and session.saved != path:
        raise ReplError(f"{path} is there already; `:save {name} --force` replaces it.")
    code = decoder_text.code_of(session)
    cases = await _cases(session, name)
    options = decoder_text.options_of(code, name, session.options)
    splitter = records.splitter(session.begins, crlf=session.crlf)
    text = decoder_text.plugin_text(name, code, cases, options, splitter=splitter)
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # there may be none, and not even its folder
            temporary.unlink()
        why = f"Cannot write {path}: {error.strerror}. Start with --sandbox-dir where you may write."
        raise ReplError(why) from error
    session.saved = path
    steps = sum(len(case["steps"]) for case in cases)
    failures = sum("failure" in step for case in cases for step in case["steps"])
    shadows = paths.shipped_plugin("decoder", name).is_file()
    data = {"file": str(path), "records": steps, "failures": failures, "shadows": shadows}
    return Document("saved", data | {"runs_on": await session.runs_on()})


async def _cases(session: Session, name: str) -> list[dict[str, Any]]:
    """The samples, with what comes of them now."""
    if not session.samples:
        try_lines.decoder_of(session)
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
async def cases(session: Session, argument: str) -> Document:
    """Run the cases of the saved decoder, or those of FILE, as `hekate test` does."""
    path = Path(argument).expanduser() if argument else session.saved
    if path is None:
        raise ReplError("Nothing is saved yet: `:save NAME` makes a decoder with the samples as its cases.")
    if not path.is_file():
        raise ReplError(f"There is no file {path}: `:cases plugins/decoders/mine.lua`.")
    collected = collect([path], session.sandbox_dir)
    if collected.errors:
        raise ReplError("; ".join(str(error) for error in collected.errors))
    verdicts = await run_cases(collected.cases, session.zygote)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    data = {"file": str(path), "cases": [verdict_document(verdict) for verdict in verdicts]}
    return Document("cases", data, failed=bool(failed) or not verdicts)
