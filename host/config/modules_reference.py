"""Generates the catalogue of the standard library from the header comments of its modules."""

import re
from pathlib import Path

from host.core import paths

_HEAD = re.compile(r"\A--\[(=*)\[\n(?P<head>.*?)\]\1\]", re.DOTALL)
_ITEM = re.compile(r"^- (?P<names>.*?)(?: ->|: |:?$)(?P<rest>.*)$", re.MULTILINE)
_TABLES_ONLY = re.compile(r"^There is only the table form: (?P<why>.*?\.)(?=\s)", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"`([\w.]+(?::\w+)?)")
_CALL = re.compile(r"`([\w.]+(?::\w+)?)\(")


def page(mark: str) -> str:
    """Return `sandbox_stdlib/README.md`.

    Args:
        mark: The line that says the page is generated.
    """
    folder = paths.shipped("sandbox_stdlib")
    modules = {_name(file, folder): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.lua"))}
    lines = [
        "# The standard library of sandboxes",
        "",
        mark,
        "",
        "Modules that a script can `require`, in addition to `cjson`, `lpeg`, `re`, `bit`, `string`, `table`, `math`",
        "and `os`. The header comment of each file describes its functions. Your own modules in `sandbox_dir/modules`",
        "take precedence. Functions named `items` or `..._items` return arguments for `declare_grammar`.",
        "",
        "| module | description | functions |",
        "|---|---|---|",
    ]
    others, only_tables = [], []
    for name, text in modules.items():
        head = head_in(text)
        if head is None:
            others.append(name)
        else:
            lines.append(f"| [{name}]({name.replace('.', '/')}.lua) | {_first(head)} | {_names(head)} |")
            only_tables += [f"- {name}: {' '.join(tables['why'].split())}" for tables in _TABLES_ONLY.finditer(head)]
    lines += ["", "Grammars with only a table form, and why:", "", *only_tables]
    lines += ["", "Parts of these modules, and Hindsight's names for them: " + ", ".join(others) + "."]
    return "\n".join(lines) + "\n"


def head_in(text: str) -> str | None:
    """Return the header comment of a module; None if it has none."""
    match = _HEAD.match(text)
    return None if match is None else match["head"].strip()


def _name(file: Path, folder: Path) -> str:
    return ".".join(file.relative_to(folder).with_suffix("").parts)


def _first(head: str) -> str:
    """Return the first sentence, or the first paragraph if it has no full stop."""
    paragraph = " ".join(head.strip().partition("\n\n")[0].split())
    first = re.split(r"(?<=\w)\. ", paragraph)[0].rstrip(":.").replace("|", "\\|")
    return first if first.endswith("?") else first + "."


def names_in(head: str) -> list[str]:
    """Return the functions and patterns that a header comment describes."""
    names = [
        name for item in _ITEM.finditer(head) for name in _NAME.findall(item["names"]) + _CALL.findall(item["rest"])
    ]
    return list(dict.fromkeys(names))


def _names(head: str) -> str:
    return ", ".join(f"`{name}`" for name in names_in(head))
