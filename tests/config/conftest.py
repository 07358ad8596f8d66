"""A small world for configurations: plugins and types of our own, so that these tests need no shipped ones."""

import importlib
import sys
import textwrap
from pathlib import Path

import pytest

from host.config.load import load

PLUGIN = """\
--[[
---
name: {name}
kind: {kind}
summary: A {kind} for the tests of the configuration.
{more}
---
--]]
function process_message() return 0 end
"""

TYPE = '''
"""A made-up type."""
from typing import Annotated, Literal
import msgspec
from msgspec import Meta

class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verify: Annotated[bool, Meta(description="Check the certificate of the peer.")] = True
    depth: Annotated[int, Meta(ge=1, description="Longest chain of certificates.")] = 3

class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    address: Annotated[str, Meta(description="Where to.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="The port.")] = 514
    mode: Annotated[Literal["plain", "fast"], Meta(description="How.")] = "plain"
    ratio: Annotated[float, Meta(description="How much.")] = 0.5
    globs: Annotated[list[str], Meta(description="Which.")] = []
    tls: Annotated[Tls | None, Meta(description="Encryption.")] = None

    def __post_init__(self):
        if self.address == "nowhere":
            raise ValueError("the address must be somewhere")

class MadeUp:
    """Does nothing at all, for tests."""
    type = "made_up"
    Options = Options
'''


def plugin(name: str, kind: str, more: str = "") -> str:
    return PLUGIN.format(name=name, kind=kind, more=textwrap.dedent(more).strip())


@pytest.fixture
def sandbox_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    sources = {
        "decoders/payload": plugin("payload", "decoder"),
        "decoders/first": plugin(
            "first",
            "decoder",
            """
            limits: {memory_limit: 2097152}
            config:
              log_format: {type: string, required: true, description: The format of the lines.}
              limit: {type: integer, default: 5, description: How many of them at most.}
              scale: {type: number, description: How large they are to be.}
              strict: {type: boolean, default: false, description: Refuse what is odd.}
              keep: {type: list, description: The names of the fields to keep.}
              zone: {type: string, enum: [utc, local], default: utc, description: The time zone of it.}
            """,
        ),
        "filters/counter": plugin(
            "counter", "filter", "message_matcher: Type == 'x'\nticker_interval: 60\nlimits: {max_timer_inject: 50}"
        ),
        "filters/bare": plugin("bare", "filter"),
        "encoders/payload": plugin("payload", "encoder"),
        "encoders/lines": plugin("lines", "encoder"),
    }
    for name, source in sources.items():
        path = folder / f"{name}.lua"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


@pytest.fixture
def made_up_types(tmp_path: Path, monkeypatch):
    """The type `made_up` of inputs and outputs, and one that needs a library that is not there."""
    for stage in ("inputs", "outputs"):
        package = importlib.import_module(f"host.{stage}")
        folder = tmp_path / "types" / stage
        folder.mkdir(parents=True)
        (folder / "made_up.py").write_text(TYPE)
        (folder / "broken.py").write_text("import no_such_library")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    importlib.invalidate_caches()
    yield
    for stage in ("inputs", "outputs"):
        sys.modules.pop(f"host.{stage}.made_up", None)


class Environment:
    """Writes configuration files and loads them."""

    def __init__(self, folder: Path, sandbox_dir: Path) -> None:
        self.folder = folder
        self.sandbox_dir = sandbox_dir

    def write(self, text: str, name: str = "hekate.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def load(self, *texts: str, env=None):
        """Load texts as files, with the plugins of this world."""
        paths = [self.write(f"hekate: {{sandbox_dir: {self.sandbox_dir}}}", "a.yaml")]
        paths += [self.write(text, f"part{number}.yaml") for number, text in enumerate(texts)]
        return load(paths, env or {})


@pytest.fixture
def world(tmp_path: Path, sandbox_dir: Path, made_up_types) -> Environment:
    return Environment(tmp_path / "conf", sandbox_dir)
