"""Paths of the files that ship with Hekate.

In a checkout they are at the top of the repository (`sandboxes/lua`, `sandbox_stdlib`, `conf`); in an
installed wheel they are inside the package, under `_shipped`. Nothing else may build such a path.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(relative: str) -> Path:
    """Find a shipped file or folder.

    Args:
        relative: Path as it is in the repository: `sandboxes/lua`, `sandbox_stdlib`, `conf/hekate.yaml`.

    Returns:
        Its absolute path; it need not exist.
    """
    installed = _PACKAGE / "_shipped"
    root = installed if installed.is_dir() else _PACKAGE.parent
    return root / relative


def shipped_plugin(kind: str, name: str) -> Path:
    """Return the path of a shipped decoder, filter or encoder; it need not exist."""
    return shipped("sandboxes/lua") / f"{kind}s" / f"{name}.lua"


def kernel() -> Path:
    """Return the folder of the trusted Lua kernel, which is part of the package in a checkout and in a wheel."""
    return _PACKAGE / "sandbox" / "kernel"


def kernel_modules() -> dict[str, Path]:
    """Return the kernel's Lua files by module name. The names are unique across the kernel's folders."""
    return {path.stem: path for path in kernel().glob("*/*.lua")}


def kernel_lua_path() -> str:
    """Return a `package.path` by which Lua finds the kernel's modules."""
    folders = sorted({path.parent for path in kernel_modules().values()})
    return ";".join(f"{folder}/?.lua" for folder in folders)
