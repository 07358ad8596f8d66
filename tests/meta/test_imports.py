"""Imports point one way: down the layers, never in a circle. Imports for types and inside functions count, too."""

import ast
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.running import ROOT

LAYERS = (
    ("__init__", "__main__", "cli.main", "cli.reference"),
    ("cli.verbs",),
    ("repl", "runner", "admin"),
    ("cli.support", "cli"),
    ("replay",),
    ("hotload",),
    ("trial",),
    ("pipeline",),
    ("router",),
    ("sandbox", "inputs", "outputs", "splitters", "testing"),
    ("plugins", "config"),
    ("delivery",),
    ("packs",),
    ("telemetry",),
    ("core",),
)
"""Highest first. A module may import from its own layer and from those below it."""
PLUGIN_FOLDERS = ("inputs", "outputs", "splitters")


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a module, or of a package for its `__init__.py`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(root: Path, package: str = "host") -> dict[str, set[str]]:
    """Return the modules of a package, each with those modules of the package that it imports anywhere."""
    paths = {module_name(path, root): path for path in sorted((root / package).rglob("*.py"))}
    return {name: set(_imports(path, name, paths.keys())) for name, path in paths.items()}


def _imports(path: Path, name: str, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name of the module"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append(inner if inner in known else str(node.module))
        yield from (each for each in found if each in known and each != name)


def layer_of(module: str) -> int:
    """Return the number of a module's layer; 0 is the highest."""
    inner = module.removeprefix("host.") if module != "host" else "__init__"
    prefixes = [inner.rsplit(".", count)[0] for count in range(inner.count(".") + 1)]
    for prefix in prefixes:
        for number, names in enumerate(LAYERS):
            if prefix in names:
                return number
    raise AssertionError(f"{module} belongs to no layer; add its folder to LAYERS")


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Return the imports of a module in a higher layer. All modules may read the version in `host/__init__`."""
    return [
        f"{name} imports {other}"
        for name, others in imports.items()
        for other in sorted(others - {"host"})
        if layer_of(other) < layer_of(name)
    ]


def between_plugins(imports: dict[str, set[str]]) -> list[str]:
    """Return the imports of one input, output or splitter type by another one."""
    return [
        f"{name} imports {other}"
        for name, others in imports.items()
        for other in sorted(others)
        if (folder := name.split(".")[1:2]) and folder[0] in PLUGIN_FOLDERS
        if _is_plugin_type(other, folder[0])
    ]


def _is_plugin_type(module: str, folder: str) -> bool:
    parts = module.split(".")
    is_helper = parts[-1] in {"base", "runner"} or parts[-1].startswith("_")
    return len(parts) == 3 and parts[1] == folder and not is_helper


def find_cycle(imports: dict[str, set[str]]) -> str:
    """Return one circle of imports; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    return read_imports(ROOT)


def test_imports_point_down_the_layers(imports: dict[str, set[str]]) -> None:
    assert len(imports) > 100
    assert not upward(imports), "\n".join(upward(imports))


def test_plugin_types_do_not_import_each_other(imports: dict[str, set[str]]) -> None:
    assert not between_plugins(imports), "\n".join(between_plugins(imports))


def test_no_modules_import_each_other_in_a_circle(imports: dict[str, set[str]]) -> None:
    assert not find_cycle(imports)


@pytest.mark.parametrize(
    "code",
    [
        "from host.repl import run",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import host.repl.run",
        "def load():\n    from host.repl.run import start",
    ],
)
def test_each_kind_of_import_counts(tmp_path: Path, code: str) -> None:
    for name, text in {"core/clock": code, "repl/run": "import host.core.clock"}.items():
        path = tmp_path / "host" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    found = read_imports(tmp_path)
    assert upward(found) == ["host.core.clock imports host.repl.run"]
    assert set(find_cycle(found).split(" -> ")) == {"host.core.clock", "host.repl.run"}


def test_a_plugin_type_may_import_helpers_only() -> None:
    imports = {"host.inputs.tcp": {"host.inputs._connections", "host.inputs.base", "host.inputs.udp"}}
    assert between_plugins(imports) == ["host.inputs.tcp imports host.inputs.udp"]
