"""Decides which cases and tests an edit can affect, so that only these are run again."""

from collections.abc import Iterable
from pathlib import Path

from host.config import model
from host.trial.cases import Case
from host.trial.compare import CaseResult
from host.trial.model import Decoder, Encoder
from host.trial.pipeline_tests import Test

_SUFFIXES = {".lua", ".yaml", ".yml", ".cfg"}
FileMarks = dict[Path, tuple[int, int]]


def file_marks(folders: Iterable[Path]) -> FileMarks:
    """Return the relevant files in some directories with their modification time and size."""
    found: FileMarks = {}
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                status = path.stat()
            except OSError:
                continue  # it was deleted just now
            if path.suffix in _SUFFIXES:
                found[path.resolve()] = status.st_mtime_ns, status.st_size
    return found


def changed_files(before: FileMarks, after: FileMarks) -> set[Path] | None:
    """Return the changed files; None if files appeared or vanished, since anything may depend on those."""
    if before.keys() != after.keys():
        return None
    return {path for path, mark in after.items() if before[path] != mark}


def affects_case(case: Case, files: set[Path], last: CaseResult | None) -> bool:
    """Return True if the changed files may change the result of a case."""
    scripts = _sandboxes(case.trial.of)
    if case.trial.decoder is not None:
        scripts += case.trial.decoder.decoder_chain
    own = {Path(path).resolve() for path in (case.file, *(script.path for script in scripts))}
    own |= {path.with_suffix(".cases.yaml") for path in own}
    if last is None or own & files:
        return True
    required = last.outcome.modules if last.outcome is not None else {}
    has_loaded = last.outcome is not None and (last.outcome.ending is None or last.outcome.ending.step is not None)
    modules = {name for path in files if (name := _module(path))}
    return bool(modules) and (not has_loaded or bool(modules & required.keys()))


def affects_test(test: Test, files: set[Path], last: CaseResult | None) -> bool:
    """Return True if the changed files may change the result of a configuration test.

    The modules that a test needs are unknown, so it may need any of them.
    """
    own = {Path(test.file).resolve(), *(Path(script.path).resolve() for script in test.config.sandboxes())}
    folder = test.config.hekate.sandbox_dir
    if last is None or own & files or any(path.suffix != ".lua" or _module(path) for path in files):
        return True
    return folder is not None and any(path.is_relative_to(Path(folder).resolve()) for path in files)


def _sandboxes(of: object) -> tuple[model.Sandbox, ...]:
    if isinstance(of, Decoder):
        return of.decoder_chain
    if isinstance(of, Encoder):
        return (of.encoder,)
    return (of.sandbox,) if isinstance(of, model.Filter) else ()


def _module(path: Path) -> str:
    """Return the name by which `require` finds the file; empty if it is not a module."""
    parts = path.parts
    if path.suffix != ".lua" or "modules" not in parts[:-1]:
        return ""
    at = len(parts) - 1 - parts[::-1].index("modules")
    return ".".join([*parts[at + 1 : -1], path.stem])
