"""The types of inputs, splitters and outputs, found by file: `host/inputs/tcp.py` is `type: tcp`.

A type's module is imported when the type is first asked for, so that what a configuration does not use costs
nothing. This is the one place where configuration looks up at the layers above it, and it does so by name only.
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
    """One type: its class, its options, what it is for."""

    stage: Stage
    name: str
    cls: Any
    options: Any
    """The class's `Options` struct."""
    summary: str
    """First paragraph of the class's docstring."""
    prose: str
    """The rest of it."""


def find(stage: Stage, name: str) -> ComponentType | None:
    """The type of that name, or None.

    Raises:
        StartError: The type exists, and a library that it needs does not.
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
    """All types of a stage, by name; one whose library is missing says so in its summary."""
    found = (_find_or_explain(stage, name) for name in _modules(stage))
    return [component for component in found if component is not None]


def names(stage: Stage) -> list[str]:
    """The names of all types of a stage."""
    return [component.name for component in types(stage)]


def _find_or_explain(stage: Stage, name: str) -> ComponentType | None:
    try:
        return find(stage, name)
    except StartError as error:
        return ComponentType(
            stage=stage, name=name, cls=None, options=_NoOptions, summary=f"Not available: {error}", prose=""
        )


class _NoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a type that cannot be loaded."""


def _modules(stage: Stage) -> list[str]:
    try:
        package = importlib.import_module(f"host.{stage}")
    except ModuleNotFoundError:
        return []
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
