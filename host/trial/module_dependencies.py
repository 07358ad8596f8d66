"""On which files a case or a test depends: after an edit only what may come out otherwise is run again."""

from collections.abc import Iterable
from pathlib import Path

from host.config import model
from host.trial.cases import Case
from host.trial.compare import Verdict
from host.trial.model import Decoder, Encoder
from host.trial.pipeline_tests import Test

_SUFFIXES = {".lua", ".yaml", ".yml", ".cfg"}
Marks = dict[Path, tuple[int, int]]


def marks(folders: Iterable[Path]) -> Marks:
    """Each file there that may matter, with what tells whether it has changed."""
    found: Marks = {}
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                status = path.stat()
            except OSError:
                continue  # it has just gone
            if path.suffix in _SUFFIXES:
                found[path.resolve()] = status.st_mtime_ns, status.st_size
    return found


def changed(before: Marks, after: Marks) -> set[Path] | None:
    """The files that have changed; None if some appeared or vanished, for then anything may depend on them."""
    if before.keys() != after.keys():
        return None
    return {path for path, mark in after.items() if before[path] != mark}


def of_case(case: Case, files: set[Path], last: Verdict | None) -> bool:
    """Whether a case may come out otherwise than the last time, after these files have changed."""
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


def of_test(test: Test, files: set[Path], last: Verdict | None) -> bool:
    """The same of a test of a configuration. Which modules it needs is not known, so it may need any."""
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
    """What `require` would call it; empty if it is no module."""
    parts = path.parts
    if path.suffix != ".lua" or "modules" not in parts[:-1]:
        return ""
    at = len(parts) - 1 - parts[::-1].index("modules")
    return ".".join([*parts[at + 1 : -1], path.stem])
