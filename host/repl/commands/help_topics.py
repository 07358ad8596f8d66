"""Help for :help, from the documentation of the API, of Lua's own functions, and of modules."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from host.config import api_reference
from host.config.modules_reference import head_in, names_in
from host.core import paths
from host.sandbox.termination import Limit

_ENTRY = re.compile(r"^(?P<signature>\S[^\n]*)\n(?P<text>(?:  [^\n]*\n)+)", re.MULTILINE)
_NAME = re.compile(r"[\w.]+")
_COMMENT = re.compile(r"\A(?:--[^\n]*\n)+")


@cache
def lua_functions() -> dict[str, tuple[str, str]]:
    """Return signature and text of each function of Lua, LPEG, re and cjson, by name."""
    text = (Path(__file__).parent / "lua_help.txt").read_text(encoding="utf-8")
    found = {}
    for entry in _ENTRY.finditer(text):
        name = _NAME.match(entry["signature"])
        assert name is not None
        found[name[0]] = entry["signature"], " ".join(entry["text"].split())
    return found


def about_function(name: str) -> tuple[str, str] | None:
    """Return signature and text of a function of the API or of Lua; None if it is unknown."""
    found = next((each for each in api_reference.functions() if each.name == name), None)
    if found is not None:
        return found.signature, api_reference.text(found)
    return lua_functions().get(name)


def about_library(name: str) -> tuple[str, str] | None:
    """Return the functions of string, table, math, os, lpeg, re or cjson; None for any other name."""
    inside = [(signature, text) for each, (signature, text) in lua_functions().items() if each.startswith(f"{name}.")]
    if not inside:
        return None
    return name, "\n".join(f"{signature}\n    {text}" for signature, text in inside)


def about_module(name: str, folders: list[Path]) -> tuple[str, str] | None:
    """Return the documentation in a module's header, or of one of its members. `folders` contain the modules."""
    for folder in folders:
        for module, member in ((name, ""), (name.rpartition(".")[0], name.rpartition(".")[2])):
            text = _head(folder, module)
            if text is not None:
                return f'require "{module}"', _member_text(text, member)
    return None


def _head(folder: Path, module: str) -> str | None:
    """Return the header of a module's file, as front matter or as comment lines."""
    if not module or not all(part.isidentifier() for part in module.split(".")):
        return None
    file = folder / (module.replace(".", "/") + ".lua")
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    head = head_in(text)
    if head is not None:
        return head
    comment = _COMMENT.match(text)
    lines = comment[0].splitlines() if comment else []
    return "\n".join(line.lstrip("-").strip() for line in lines) or "Its file has no documentation."


def _member_text(head: str, member: str) -> str:
    """Return the text about a member; the whole header if the member has none of its own."""
    items = re.split(r"\n(?=- )|\n\n", head)
    by_name = re.compile(rf"`(?:\w+[.:])?{re.escape(member)}\b")
    items_about = [item for item in items if member and item.startswith("- ") and by_name.search(item)]
    return "\n".join(items_about) or head


def module_folders(sandbox_dir: Path) -> list[Path]:
    """Return the directories of the modules that a script may require. The user's come first."""
    return [sandbox_dir / "modules", paths.shipped("sandbox_stdlib")]


def modules(sandbox_dir: Path) -> list[str]:
    """Return the names of the modules that a script may require."""
    return ["cjson", "lpeg", "re", *dict.fromkeys(_modules_in(module_folders(sandbox_dir)))]


def _modules_in(where: list[Path]) -> Iterator[str]:
    for folder in where:
        for file in sorted(folder.rglob("*.lua")):
            yield ".".join(file.relative_to(folder).with_suffix("").parts)


def documented_members(sandbox_dir: Path) -> list[str]:
    """Return the names of the functions documented in module headers, prefixed with their module."""
    found = []
    for module in modules(sandbox_dir)[3:]:
        for folder in module_folders(sandbox_dir):
            head = _head(folder, module)
            if head is not None:
                found += [f"{module}.{name}" for name in names_in(head) if name.isidentifier()]
                break
    return found


_NIL = re.compile(r"(?:global|upvalue|local) '(\w+)' \(a nil value\)|field '(\w+)' \(a nil value\)")


def hint(error: str, limit: Limit | None, sandbox_dir: Path) -> str:
    """Return advice about an error of Lua; empty if there is none."""
    found = _NIL.search(error)
    name = found[1] or found[2] if found else ""
    if name in modules(sandbox_dir):
        return f'{name} is a module: `{name} = require "{name}"` first.'
    close = [each for each in lua_functions() if name and each.rpartition(".")[2] == name]
    if close:
        return f"There is {' and '.join(close)}."
    if "loop body may accept empty string" in error:
        return "A pattern repeated by ^0 or ^1 must match at least one byte: repeat its inner pattern, or use ^-1."
    if limit in {Limit.MEMORY, Limit.CPU}:
        return "Earlier definitions are restored with the next input. The limits are those of production."
    return ""
