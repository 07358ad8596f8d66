"""The catalogue of the standard library, made of the heads of its modules."""

import re
from pathlib import Path

from host.core import paths

_HEAD = re.compile(r"\A--\[(=*)\[\n(?P<head>.*?)\]\1\]", re.DOTALL)
_ITEM = re.compile(r"^- (?P<names>.*?)(?: ->|: |:?$)(?P<rest>.*)$", re.MULTILINE)
_TABLES_ONLY = re.compile(r"^There is only the table form: (?P<why>.*?\.)(?=\s)", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"`([\w.]+(?::\w+)?)")
_CALL = re.compile(r"`([\w.]+(?::\w+)?)\(")


def page(mark: str) -> str:
    """`sandbox_stdlib/README.md`.

    Args:
        mark: What says that the page is generated.
    """
    folder = paths.shipped("sandbox_stdlib")
    modules = {_name(file, folder): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.lua"))}
    lines = [
        "# The standard library of sandboxes",
        "",
        mark,
        "",
        "What a script may `require`, beside `cjson`, `lpeg`, `re`, `bit`, `string`, `table`, `math` and `os`.",
        "The head of each file describes its functions. Modules of your own stand in `sandbox_dir/modules` and",
        "go before these. What `declare_grammar` takes is answered by the functions named `items` or `..._items`.",
        "",
        "| module | what it does | has |",
        "|---|---|---|",
    ]
    others, only_tables = [], []
    for name, text in modules.items():
        found = _HEAD.match(text)
        if found is None:
            others.append(name)
        else:
            lines.append(
                f"| [{name}]({name.replace('.', '/')}.lua) | {_first(found['head'])} | {_names(found['head'])} |"
            )
            only_tables += [
                f"- {name}: {' '.join(tables['why'].split())}" for tables in _TABLES_ONLY.finditer(found["head"])
            ]
    lines += ["", "Grammars that are offered as tables only, and why:", "", *only_tables]
    lines += ["", "Parts of these, and the names under which Hindsight has them: " + ", ".join(others) + "."]
    return "\n".join(lines) + "\n"


def head_in(text: str) -> str | None:
    """What the head of a module's file says; None if it has none."""
    found = _HEAD.match(text)
    return None if found is None else found["head"].strip()


def _name(file: Path, folder: Path) -> str:
    return ".".join(file.relative_to(folder).with_suffix("").parts)


def _first(head: str) -> str:
    """The first sentence, or the first paragraph if that has no end."""
    paragraph = " ".join(head.strip().partition("\n\n")[0].split())
    first = re.split(r"(?<=\w)\. ", paragraph)[0].rstrip(":.").replace("|", "\\|")
    return first if first.endswith("?") else first + "."


def names_in(head: str) -> list[str]:
    """The functions and patterns that a head describes."""
    found = [
        name for item in _ITEM.finditer(head) for name in _NAME.findall(item["names"]) + _CALL.findall(item["rest"])
    ]
    return list(dict.fromkeys(found))


def _names(head: str) -> str:
    return ", ".join(f"`{name}`" for name in names_in(head))
