"""Runs shipped Lua plugins in a plain runtime, with the sandbox API in its plainest form."""

from collections.abc import Callable
from typing import Any

from host.plugins import manifest
from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_lua, to_python

RUNTIME = new_runtime(STDLIB, ROOT / "tests" / "sandbox_stdlib", ROOT / "tests" / "sandboxes")
HARNESS = load_module(RUNTIME, "harness")


def config_of(kind: str, name: str, given: dict[str, Any]) -> tuple[bytes, Any]:
    """The plugin's file, and its options with the defaults of its header."""
    file = ROOT / "sandboxes" / "lua" / kind / f"{name}.lua"
    errors: list[Any] = []
    header = manifest.read(file.read_text(), str(file), errors)
    assert header is not None, errors
    options = {key: option.default for key, option in header.manifest.config.items() if option.default is not None}
    assert set(given) <= set(header.manifest.config)
    return str(file).encode(), to_lua(RUNTIME, {**options, **given})


def text(value: Any) -> Any:
    """Bytes as text, everywhere."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    return [text(item) for item in value] if isinstance(value, list) else value


def decoder(name: str, **config: Any) -> Callable[[str], dict[str, Any] | str]:
    """A function from a line to its message, with Fields as a dict; or to the reason why not."""
    run = HARNESS[b"run_decoder"](*config_of("decoders", name, config))

    def decode(line: str) -> dict[str, Any] | str:
        answer = run(line.encode())
        if isinstance(answer, tuple):
            return str(text(answer[1]))
        message = text(to_python(answer))
        fields: dict[str, Any] = {}
        for field in message["Fields"] or []:
            value = field["value"]
            fields[field["name"]] = [fields[field["name"]], value] if field["name"] in fields else value
        return {**message, "Fields": fields}

    return decode


def new_filter(name: str, **config: Any) -> Any:
    """A filter: feed(message), tick(ns, shutdown), sent()."""
    return HARNESS[b"new_filter"](*config_of("filters", name, config))
