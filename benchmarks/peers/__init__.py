"""Runs the same jobs in other programs, if they are installed. See README.md to add one."""

import shutil
import sys
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import children
from benchmarks.failures import BenchmarkError
from benchmarks.jobs import Corpus
from benchmarks.results import Row, Table
from benchmarks.workspace import REPOSITORY

FOLDER = Path(__file__).resolve().parent
_TIMEOUT_S = 300.0


class Peer(msgspec.Struct, frozen=True):
    """One job of one program. A file `peer.yaml` lists the peers of its folder."""

    name: str
    job: str
    what: str
    needs: str
    """The program that must be on the PATH."""
    command: list[str]
    """The command line, with placeholders {input}, {output}, {scratch}, {folder} and {python}."""
    folder: str = ""
    """The folder of its peer.yaml."""


def known() -> list[Peer]:
    """Return all peers, installed or not."""
    files = sorted(FOLDER.glob("*/peer.yaml"))
    return [peer for path in files for peer in _entries(path)]


def _entries(path: Path) -> list[Peer]:
    peers = msgspec.yaml.decode(path.read_bytes(), type=list[Peer])
    return [msgspec.structs.replace(peer, folder=str(path.parent)) for peer in peers]


def _run(peer: Peer, source: Path, scratch: Path) -> children.Usage:
    # Use a new folder each time, so that a program with saved positions starts at the beginning.
    folder = scratch / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    places: dict[str, Path | str]
    places = {
        "input": source,
        "output": folder / "output",
        "scratch": folder,
        "folder": peer.folder,
        "python": sys.executable,
    }
    command = [word.format_map(places) for word in peer.command]
    env = {"LC_ALL": "C"} | {name.upper(): str(place) for name, place in places.items()}
    return children.measure(command, env=env, folder=REPOSITORY, log=scratch / "log", timeout_s=_TIMEOUT_S)


def _cpu_s(peer: Peer, corpus: Corpus, scratch: Path, repeat: int) -> float:
    starts = [_run(peer, corpus.few_access, scratch).cpu_s for _ in range(repeat)]
    runs = [_run(peer, corpus.access, scratch).cpu_s for _ in range(repeat)]
    return median(runs) - median(starts)


def table(corpus: Corpus, scratch: Path, floor_s: float, repeat: int) -> Table:
    """Run the installed peers."""
    rows, notes = [], []
    for peer in known():
        if peer.needs != "python" and shutil.which(peer.needs) is None:
            notes.append(f"{peer.name}, {peer.job}: not measured, as {peer.needs} is not installed.")
            continue
        try:
            cpu_s = _cpu_s(peer, corpus, scratch, repeat)
        except BenchmarkError as error:
            notes.append(f"{peer.name}, {peer.job}: failed: {error}")
            continue
        value = f"{cpu_s / corpus.lines * 1e6:.2f}"
        rows.append(Row(f"{peer.name} {peer.job}", peer.what, value, f"{cpu_s / floor_s:.2f}", "", None))
    return Table("Peers", ("program", "what", "µs/record", "floors", "", ""), rows, notes)
