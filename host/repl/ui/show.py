"""Shows REPL documents as text: coloured at a terminal, the same words without colours in a pipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from host.cli.support.escape import visible
from host.repl.commands.commands import Document
from host.repl.ui.log_lines import LogLine

_STYLES = ("bold cyan", "bold green", "bold magenta", "bold yellow", "bold blue")
_MAX_REST = 120
_MAX_IN_FULL = 3
_KEEPS_TOGETHER = (
    r"To keep them together, give the input the splitter {type: regex, delimiter: '\n(START)', delimiter_eol: false}; "
    "START is a regular expression for the start of each record."
)


def show(out: Console, document: Document, entered: str = "") -> None:
    """Print a document. `entered` is the input that it answers."""
    _SHOW[document.kind](out, document.data)
    if document.data.get("line"):
        _show_error_position(out, document.data, entered)
    if document.data.get("hint"):
        out.print(Text(document.data["hint"], style="yellow"))


def _show_error_position(out: Console, data: dict[str, Any], entered: str) -> None:
    """Print the line with the error, and a mark under the column."""
    lines = entered.splitlines()
    if data["line"] > len(lines) or (len(lines) == 1 and not data["column"]):
        return
    line = visible(lines[data["line"] - 1]).replace("\t", " ")
    out.print(Text(f"  {line}"))
    if data["column"]:
        out.print(Text("  " + " " * (data["column"] - 1) + "^", style="bold red"))


def _show_result(out: Console, data: dict[str, Any]) -> None:
    for line in data["prints"]:
        out.print(Text(line))
    if data["error"]:
        out.print(Text(data["error"], style="red"))
    for value in data["values"]:
        if not (value["type"] == "pattern" and data["results"]):
            out.print(Text(value["text"]))
    _show_results(out, data["results"])
    _warn_about_slow_fields(out, data)


def _show_matches(out: Console, data: dict[str, Any]) -> None:
    _show_results(out, data["results"])


def _show_results(out: Console, results: list[dict[str, Any]]) -> None:
    """Show the results of samples. Of many results with the same fields, only the first is shown in full."""
    shown: set[tuple[str, ...]] = set()
    for number, result in enumerate(results, 1):
        names = _names(result)
        in_full = len(results) <= _MAX_IN_FULL or names not in shown
        shown.add(names)
        if "messages" in result:
            _show_decoded_record(out, number, result, in_full=in_full)
        else:
            _show_match(out, number, result, in_full=in_full)


def _names(result: dict[str, Any]) -> tuple[str, ...]:
    if "messages" in result:
        return tuple(field["name"] for message in result["messages"] for field in message["Fields"])
    return tuple(each["name"] for each in result["captures"]) if result["matched"] else (str(result["furthest"]),)


def _numbered_line(number: int, text: str) -> Text:
    return Text(f"{number:>3} ", style="dim").append(visible(text), style="default not dim")


def visible_captures(captures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the captures worth showing: named ones if there are any, and only the outermost of nested ones."""
    named = [each for each in captures if each["name"]] or captures
    kept: list[dict[str, Any]] = []
    for each in sorted(named, key=lambda each: (each["start"], -each["end"])):
        inside = kept and each["end"] <= kept[-1]["end"] and kept[-1]["start"] <= each["start"] < kept[-1]["end"]
        if not inside or (each["start"], each["end"]) == (kept[-1]["start"], kept[-1]["end"]):
            kept.append(each)
    return kept


def _show_match(out: Console, number: int, result: dict[str, Any], *, in_full: bool) -> None:
    given = result["given"]
    line = _numbered_line(number, given)
    size = len(given.raw)
    if not result["matched"]:
        line.stylize("red", 4 + len(_until(given, result["furthest"])))
        out.print(line)
        _show_failure(out, result)
        return
    captures = visible_captures(result["captures"])
    for index, each in enumerate(captures):
        style = _STYLES[index % len(_STYLES)]
        line.stylize(style, 4 + len(_until(given, each["start"])), 4 + len(_until(given, each["end"])))
    out.print(line)
    if not in_full and result["end"] == size:
        return
    width = max((len(each["name"]) for each in captures), default=0)
    for index, each in enumerate(captures):
        place = f"{each['start']}-{each['end']}"
        text = Text("      ").append(f"{each['name'] or '(unnamed)':<{width}}", style=_STYLES[index % len(_STYLES)])
        out.print(text.append(f"  {each['type']:<9} {place:>9}  ", style="dim").append(visible(each["text"])))
    if not captures:
        for value in result["values"]:
            out.print(Text(visible(f"      {value}")))
    if result["end"] < size:
        rest = visible(given.since(result["end"]))
        out.print(Text(f"      matched {result['end']} of {size} bytes; left over: ", style="yellow").append(rest))


def _until(line: LogLine, offset: int) -> str:
    """Return the part of a line before a byte offset, as displayed."""
    return visible(line.until(offset))


def _show_failure(out: Console, result: dict[str, Any]) -> None:
    before = _until(result["given"], result["furthest"])
    rule = f" in {' > '.join(result['path'])}" if result["path"] else ""
    out.print(Text("    " + "".join("\t" if each == "\t" else " " for each in before) + "^", style="bold red"))
    out.print(Text(f"      fails at byte {result['furthest']}{rule}", style="red"))
    if result["expected"]:
        out.print(Text("      expected ").append(", or ".join(result["expected"]), style="green"))
    rest = visible(result["given"].since(result["furthest"]))
    out.print(Text("      rest of the line: ").append(rest[:_MAX_REST] or "(empty)", style="red"))


def _show_decoded_record(out: Console, number: int, result: dict[str, Any], *, in_full: bool) -> None:
    out.print(_numbered_line(number, result["given"]))
    for line in result["prints"]:
        out.print(Text(f"      {line}", style="dim"))
    if result["failure"]:
        out.print(Text(f"      fails: {result['failure']}", style="red"))
    for message in result["messages"] if in_full else ():
        out.print(Text(f"      {message['Type'] or '(no Type)'}", style="bold"))
        for field in message["Fields"]:
            text = Text("      ").append(field["name"], style="cyan").append(f"  {field['value_type']}  ", style="dim")
            out.print(text.append(visible(str(field["value"]))))


def _show_trace(out: Console, data: dict[str, Any]) -> None:
    given = data["given"].raw
    out.print(Text(visible(data["given"])))
    marks = {"enter": ("", "dim"), "match": ("matches ", "green"), "fail": ("fails", "red")}
    for event in data["events"]:
        word, style = marks[event["what"]]
        taken = given[event["start"] : event.get("end", event["start"])].decode(errors="replace")
        text = Text(f"{event['start']:>5}  {'  ' * event['depth']}", style="dim").append(
            event["name"] + " ", style="bold"
        )
        if event["what"] == "fail":
            taken = f" at {given[event['start'] :][:20].decode(errors='replace')!r}"
        out.print(
            text.append(word, style=style).append(f"{taken!r}" if event["what"] == "match" else taken, style=style)
        )
    if data["matched"]:
        out.print(Text(f"Matched {data['end']} of {len(given)} bytes.", style="green"))
    else:
        _show_failure(out, data)


def _show_tree(out: Console, data: dict[str, Any]) -> None:
    for line in data["lines"]:
        out.print(Text("  " * line["depth"] + line["text"]))
    _warn_about_slow_fields(out, data)


def _warn_about_slow_fields(out: Console, data: dict[str, Any]) -> None:
    """Warn about fields that make a decoder slow."""
    if data["runs_on"]:
        fields = ", ".join(data["runs_on"])
        out.print(Text(f"Slow: {fields} matches into the next records, which are then matched again.", style="yellow"))
        out.print(Text('For the rest of a line, write `(1 - lpeg.P"\\n")^0` instead of `lpeg.P(1)^0`.', style="yellow"))


def _show_bench(out: Console, data: dict[str, Any]) -> None:
    forms = {f"match, {name}": cost for name, cost in data["match"].items()}
    form = "declared" if data["decoder"]["declared"] else "script"
    for name, cost in {**forms, f"decoder, {form}": data["decoder"]}.items():
        figures = f"{cost['ns_per_record'] / 1000:>9.2f} us/record {cost['mb_per_s']:>9.1f} MB/s"
        out.print(Text(f"{name:<18}", style="bold").append(figures, style="default not bold"))
    _warn_about_slow_fields(out, data)
    if data["costs"]:
        out.print(Text("Most expensive parts for the first sample:"))
    for cost in data["costs"]:
        inside = f" in {cost['inside']}" if cost["inside"] else ""
        out.print(Text(f"  {cost['ns']:>6} ns  {cost['what']}{inside}: ").append(cost["label"], style="cyan"))


def _show_matcher(out: Console, data: dict[str, Any]) -> None:
    for number, result in enumerate(data["results"], 1):
        mark = Text("yes ", style="green") if result["matched"] else Text("no  ", style="red")
        reason = f"  (not decoded: {result['failure']})" if result["failure"] else ""
        out.print(mark + _numbered_line(number, result["given"] + reason))


def _show_coverage(out: Console, data: dict[str, Any]) -> None:
    style = "green" if data["parsed"] == data["lines"] else "yellow"
    noun = "records" if data["begins"] else "lines"
    out.print(Text(f"{data['share']:.1%} of {data['lines']} {noun} parse ({data['parsed']}).", style=style))
    if data["partly"]:
        out.print(Text(f"{data['partly']} of them match only partly: bytes are left at the end.", style="yellow"))
    for group in data["failures"]:
        example = group["example"]
        out.print(Text(f"{group['count']:>7} fail in {group['path'] or 'the grammar'}", style="bold red"))
        if group["expected"]:
            out.print(Text(f"        expected {', or '.join(group['expected'])}"))
        line = Text(f"        line {example['line']}: ", style="dim").append(
            visible(example["text"][:300]), style="default not dim"
        )
        if example["furthest"] is not None:
            line.stylize("red", len(f"        line {example['line']}: " + _until(example["text"], example["furthest"])))
        out.print(line)
    if data["not_examined"]:
        out.print(Text(f"{data['not_examined']} more failures were not examined.", style="dim"))


def print_code(out: Console, text: str) -> None:
    """Print Lua code."""
    if out.is_terminal and not out.no_color:
        out.print(Syntax(text, "lua", theme="ansi_dark", background_color="default"))
    else:
        out.print(Text(text))


def _show_proposal(out: Console, data: dict[str, Any]) -> None:
    print_code(out, data["source"])
    _show_results(out, data["results"])
    for template in data["formats"]:
        title = template["title"] or "lines like this"
        out.print(
            Text(f"{template['share']:>4.0%}  {title}: ", style="dim").append(visible(template["example"])[:_MAX_REST])
        )
    if data["lines"]:
        noun = "records" if data["begins"] else "lines"
        style = "green" if data["parsed"] == data["lines"] else "yellow"
        out.print(Text(f"{data['parsed']} of the {data['lines']} examined {noun} parse.", style=style))
        out.print(
            Text(
                ":coverage FILE tries it on all lines, :save NAME writes a decoder; at a terminal, :edit changes it.",
                "dim",
            )
        )
    if data["continued"]:
        lines = "1 line seems" if data["continued"] == 1 else f"{data['continued']} lines seem"
        out.print(Text(f"{lines} to continue the line before, as in a stack trace.", "yellow"))
        if not data["splitter"]:
            out.print(Text(_KEEPS_TOGETHER, "yellow"))
    if data["splitter"]:
        effect = "keeps them in one record" if data["begins"] else "removes the CR at the end of lines"
        out.print(Text(f"An input with this splitter {effect}: {data['splitter']}", style="yellow"))


def _show_source(out: Console, data: dict[str, Any]) -> None:
    print_code(out, data["source"] or "-- nothing is defined")


def _show_samples(out: Console, data: dict[str, Any]) -> None:
    for number, text in enumerate(data["samples"], 1):
        out.print(_numbered_line(number, text))
    if not data["samples"]:
        out.print(Text("There are no samples."))


def _show_commands(out: Console, data: dict[str, Any]) -> None:
    out.print(Text("Lua runs in a jailed sandbox. A pattern that it returns becomes the grammar of the samples."))
    for each in data["commands"]:
        out.print(Text("  ").append(each["usage"], style="bold cyan"))
        out.print(Text(f"      {each['summary']}"))


def _show_help(out: Console, data: dict[str, Any]) -> None:
    out.print(Text(data["signature"], style="bold cyan"))
    out.print(Text(data["text"]))


def _show_loaded(out: Console, data: dict[str, Any]) -> None:
    kind = "a decoder, run as in production" if data["script"] else "a grammar" if data["grammar"] else "Lua"
    out.print(Text(f"Loaded {data['file']}: {kind}."))
    _show_results(out, data["results"])


def _show_saved(out: Console, data: dict[str, Any]) -> None:
    out.print(Text(f"Saved {data['file']} with {data['records']} samples as cases.", style="green"))
    if data["shadows"]:
        out.print(Text("It overrides the decoder of the same name that comes with Hekate.", style="yellow"))
    if data["failures"]:
        text = f"{data['failures']} of the samples cannot be decoded; the cases expect that."
        out.print(Text(text, style="yellow"))
    _warn_about_slow_fields(out, data)
    use = f"To use it, give an input `decoder: {Path(data['file']).stem}`"
    out.print(Text(f":cases runs them. {use}; a running host that uses it reloads it whenever you save.", style="dim"))


def _show_cases(out: Console, data: dict[str, Any]) -> None:
    for case in data["cases"]:
        out.print(
            Text("ok    " if case["passed"] else "FAIL  ", style="green" if case["passed"] else "red")
            + Text(case["name"])
        )
        for each in case["differences"]:
            out.print(Text(f"      {each['where']}: expected {each['expected']}, got {each['got']}"))
    if not data["cases"]:
        out.print(Text("There are no cases."))


def _show_message(out: Console, data: dict[str, Any]) -> None:
    out.print(Text(data["text"]))


def _show_error(out: Console, data: dict[str, Any]) -> None:
    out.print(Text("Error: ", style="bold red") + Text(data["error"]))


_SHOW: dict[str, Callable[[Console, dict[str, Any]], None]] = {
    "ran": _show_result,
    "matches": _show_matches,
    "trace": _show_trace,
    "tree": _show_tree,
    "bench": _show_bench,
    "matcher": _show_matcher,
    "coverage": _show_coverage,
    "proposal": _show_proposal,
    "edit": _show_source,
    "source": _show_source,
    "samples": _show_samples,
    "commands": _show_commands,
    "help": _show_help,
    "loaded": _show_loaded,
    "saved": _show_saved,
    "cases": _show_cases,
    "said": _show_message,
    "error": _show_error,
}
