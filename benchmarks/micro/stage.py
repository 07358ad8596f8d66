"""Runs the kernel of a stage in this process over packs in memory, as a sandbox does."""

import ctypes
import functools
import json
import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import yaml

from benchmarks import floor
from host.config.load import load_config
from host.core import paths
from host.pipeline import specs
from host.plugins import lua_modules

_MIB = 1024 * 1024
_TEXT_BYTES = 512 * 1024
_PACKS = 16
_TABLES_AT = _PACKS * _TEXT_BYTES
"""Offset of the decoders' output, after the texts."""
_SLOT_BYTES = 2 * _MIB
_TABLES = 64
_RESULTS_AT = _TABLES_AT + _TABLES * _SLOT_BYTES
"""Offset of the output of filters and encoders, after that."""
_RESULTS = 8
_MEMORY_BYTES = _RESULTS_AT + _RESULTS * _SLOT_BYTES
_LUA_BYTES = 48 * _MIB
_LINE_FEED = 10
_EMITTED_PACK = 0
_PASSES = 8


class Pack(NamedTuple):
    """The position of a pack: its text, and its table of records after decoding."""

    raw_offset: int
    raw_bytes: int
    table_offset: int = 0
    table_bytes: int = 0


class Texts:
    """Memory with the first packs of a text."""

    def __init__(self, text: bytes) -> None:
        self._map = mmap.mmap(-1, _MEMORY_BYTES)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.packs = list(self._load(text))
        self.lines = sum(
            self._map[pack.raw_offset : pack.raw_offset + pack.raw_bytes].count(b"\n") for pack in self.packs
        )

    def _load(self, text: bytes) -> Iterator[Pack]:
        at = 0
        for number in range(_PACKS):
            end = text.rfind(b"\n", at, at + _TEXT_BYTES) + 1
            if end == 0:
                return
            offset = number * _TEXT_BYTES
            self._map[offset : offset + end - at] = text[at:end]
            yield Pack(offset, end - at)
            at = end


class Stage:
    """The kernel with one decoder, filter or encoder."""

    def __init__(self, spec: dict[str, Any], texts: Texts, *, decodes: bool) -> None:
        self._spec = spec | {"arena": 1}
        first_slot, slots = (_TABLES_AT, _TABLES) if decodes else (_RESULTS_AT, _RESULTS)
        lua = floor.lua_state()
        package = lua.globals()[b"package"]
        package[b"path"] = f"{paths.kernel_lua_path()};{lua_modules.lua_path()}".encode()
        make = lua.execute(Path(__file__).with_name("channel.lua").read_bytes())
        self._functions = make(texts.address, first_slot, _SLOT_BYTES, slots)
        self._main = lua.execute(b"return require 'main'")
        self._beat = mmap.mmap(-1, mmap.PAGESIZE)

    def run(self, packs: list[Pack], passes: int) -> list[float]:
        """Process all packs several times. Return the CPU seconds of each pass. A stage can run only once."""
        for pack in packs * passes:
            self._functions[b"add"](*pack)
        self._functions[b"prepare"](json.dumps(self._spec).encode(), _read_module)
        self._main(0, ctypes.addressof(ctypes.c_char.from_buffer(self._beat)), _LUA_BYTES)
        seconds, count = self._functions[b"seconds"], len(packs)
        return [seconds(i * count + 1, (i + 1) * count + 1) for i in range(passes)]

    def emitted(self, packs: list[Pack]) -> list[Pack]:
        """Return the packs that a decoder wrote in the first pass."""
        lines = [line.split() for line in self._functions[b"emitted"]().splitlines()]
        emitted = [(int(pack), int(offset)) for kind, pack, offset in lines if int(kind) == _EMITTED_PACK]
        raw = dict(enumerate(packs, 1))
        return [Pack(raw[n].raw_offset, raw[n].raw_bytes, offset, _SLOT_BYTES) for n, offset in emitted if n in raw]


@functools.cache
def _reader() -> Any:
    return specs.module_reader(None)


def _read_module(name: bytes) -> bytes | None:
    try:
        text: str = _reader()(name.decode())
    except KeyError:
        return None
    return text.encode()


Sections = dict[str, Any]


def spec_of(section: str, entry: Sections, script: str = "") -> dict[str, Any]:
    """Return the kernel's specification of a configuration entry.

    Args:
        section: `inputs`, `filters` or `outputs`.
        entry: The entry, as users write it; `{script}` in `filename` is the script's file.
        script: Code of a plugin of one's own.
    """
    with tempfile.TemporaryDirectory() as folder:
        kind = {"inputs": "decoder", "filters": "filter", "outputs": "encoder"}[section]
        header = f"--[[\n---\nname: script\nkind: {kind}\nsummary: A part of a benchmark.\n---\n--]]\n"
        (Path(folder) / "script.lua").write_text(header + script)
        path = Path(folder) / "config.yaml"
        needed: Sections = {
            "inputs": {"x": {"type": "stdin"}},
            "outputs": {"x": {"type": "null", "message_matcher": "TRUE"}},
        }
        path.write_text(yaml.safe_dump(needed | {section: {"x": entry}}))
        config = load_config([path])
        if section == "inputs":
            return specs.decoder(config.inputs["x"], _LINE_FEED, "bench")
        if section == "filters":
            return specs.filter_(config.filters["x"], "bench")
        return specs.encoder(config.outputs["x"], "bench")


def decode_us(spec: dict[str, Any], texts: Texts) -> float:
    """Return the microseconds of a decoder per record."""
    seconds = Stage(spec, texts, decodes=True).run(texts.packs, _PASSES)
    return median(seconds[1:]) / texts.lines * 1e6


def decoded(spec: dict[str, Any], texts: Texts) -> list[Pack]:
    """Return the packs that a decoder makes of a text."""
    stage = Stage(spec, texts, decodes=True)
    stage.run(texts.packs, 1)
    return stage.emitted(texts.packs)


def consume_us(spec: dict[str, Any], texts: Texts, packs: list[Pack]) -> float:
    """Return the microseconds of a filter or an encoder per record, including records that do not match."""
    seconds = Stage(spec, texts, decodes=False).run(packs, _PASSES)
    return median(seconds[1:]) / texts.lines * 1e6
