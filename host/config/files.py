"""Reads configuration files and merges them into one tree.

A directory stands for its `*.yaml` and `*.yml` files, sorted by name. Entries of all files add up. The same entry in
two files is an error that names both places, because neither file has precedence. Top-level keys that start with `x-`
are ignored: they hold anchors.
"""

from collections.abc import Iterable
from pathlib import Path

from host.config import convert, nodes
from host.config.model import STAGES
from host.config.nodes import Node
from host.core.errors import ConfigError

SECTIONS = ("hekate", "admin", *STAGES, "tests")
OPTIONAL = "admin"
"""The section whose presence has a meaning, even if it is empty."""
Sections = dict[str, dict[str, Node]]


def read(paths: Iterable[str | Path], errors: list[ConfigError]) -> Sections:
    """Read and merge configuration files.

    Args:
        paths: Files and directories from the user.
        errors: Errors are appended here.

    Returns:
        Entries by section. Every section is present, except `admin`, which is present only if the user wrote it.
    """
    merged: Sections = {section: {} for section in SECTIONS if section != OPTIONAL}
    for file in _expand(paths, errors):
        text = _text(file, errors)
        root = None if text is None else nodes.parse(text, str(file), errors)
        if root is not None and root.value is not None:
            _merge(merged, root, errors)
    return merged


def _expand(paths: Iterable[str | Path], errors: list[ConfigError]) -> list[Path]:
    files: dict[Path, Path] = {}
    for path in map(Path, paths):
        matches = [path]
        if path.is_dir():
            matches = sorted(entry for entry in path.iterdir() if entry.suffix in {".yaml", ".yml"})
            if not matches:
                errors.append(ConfigError("", str(path), 0, "There is no *.yaml file in this directory."))
        for file in matches:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _text(file: Path, errors: list[ConfigError]) -> str | None:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "`hekate new config NAME` creates one." if isinstance(error, FileNotFoundError) else ""
        errors.append(ConfigError("", str(file), 0, f"Cannot read the configuration: {error.strerror}.", hint))
    except UnicodeDecodeError:
        errors.append(ConfigError("", str(file), 0, "The configuration is not UTF-8 text.", "Save it as UTF-8."))
    return None


def _merge(merged: Sections, root: Node, errors: list[ConfigError]) -> None:
    if root.mapping is None:
        hint = f"Write sections: {', '.join(SECTIONS)}."
        errors.append(ConfigError("", root.file, root.line, "A configuration is a mapping of sections.", hint))
        return
    sections = {key: node for key, node in root.mapping.items() if not key.startswith("x-")}
    convert.unknown_keys(sections, SECTIONS, "", errors, kind="section")
    for section in SECTIONS:
        if section in sections:
            _merge_section(merged.setdefault(section, {}), section, sections[section], errors)


def _merge_section(entries: dict[str, Node], section: str, node: Node, errors: list[ConfigError]) -> None:
    if node.value is None:
        return
    if node.mapping is None:
        message = "Expected a mapping of keys to values."
        errors.append(ConfigError(section, node.file, node.line, message, "Write one `name:` per entry, indented."))
        return
    for key, child in node.mapping.items():
        first = entries.setdefault(key, child)
        if first is not child:
            message = f"`{key}` is set here and in {first.file}:{first.line}."
            errors.append(ConfigError(f"{section}.{key}", child.file, child.line, message, "Keep one of the two."))
