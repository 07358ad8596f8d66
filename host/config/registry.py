"""Finds the types of inputs, splitters and outputs by file: `host/inputs/tcp.py` is `type: tcp`.

A type's module is imported on first use, so that unused types cost nothing. This is the only part of the configuration
that refers to the layers above it, and it does so by name only.
"""

import importlib
import inspect
import pkgutil
from typing import Any, Literal

import msgspec

from host.core.errors import StartError

Stage = Literal["inputs", "splitters", "outputs"]
STAGES: tuple[Stage, ...] = ("inputs", "splitters", "outputs")


class ComponentType(msgspec.Struct, frozen=True, kw_only=True):
    """One type of an input, splitter or output."""

    stage: Stage
    name: str
    cls: Any
    options: Any
    """The class's `Options` struct."""
    summary: str
    """First paragraph of the class's docstring."""
    prose: str
    """The rest of the docstring."""


def find(stage: Stage, name: str) -> ComponentType | None:
    """Return the type named `name`, or None.

    Raises:
        StartError: The type exists, but a library that it needs is not installed.
    """
    if name not in _modules(stage):
        return None
    try:
        module = importlib.import_module(f"host.{stage}.{name}")
    except ImportError as error:
        raise StartError(f"The type `{name}` of {stage} cannot be loaded: {error}.") from error
    for cls in vars(module).values():
        if isinstance(cls, type) and getattr(cls, "type", None) == name and hasattr(cls, "Options"):
            summary, _, prose = (inspect.getdoc(cls) or "").partition("\n\n")
            summary = summary.replace("\n", " ")
            return ComponentType(
                stage=stage, name=name, cls=cls, options=cls.Options, summary=summary, prose=prose.strip()
            )
    return None


def types(stage: Stage) -> list[ComponentType]:
    """Return all types of a stage, sorted by name. The summary of a type says if its library is missing."""
    components = (_find_or_explain(stage, name) for name in _modules(stage))
    return [component for component in components if component is not None]


def names(stage: Stage) -> list[str]:
    """Return the names of all types of a stage."""
    return [component.name for component in types(stage)]


def _find_or_explain(stage: Stage, name: str) -> ComponentType | None:
    try:
        return find(stage, name)
    except StartError as error:
        return ComponentType(
            stage=stage, name=name, cls=None, options=_NoOptions, summary=f"Not available: {error}", prose=""
        )


class _NoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a type that cannot be loaded."""


def _modules(stage: Stage) -> list[str]:
    try:
        package = importlib.import_module(f"host.{stage}")
    except ModuleNotFoundError:
        return []
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
