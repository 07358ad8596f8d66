"""The boundary between scripts and the kernel, tried with generated arguments.

Every function that a script finds, by enumerating its environment, and every function of every module that it may
require is called with values whose metamethods record who called them, call `setfenv`, raise, yield, or call the API
again. No metamethod may ever be called by the kernel, nothing of the kernel be seen or changed, and a plain call must
work afterwards.
"""

from functools import cache
from pathlib import Path

import pytest

from tests.lua_runtime import KERNEL, STDLIB, new_runtime

HARNESS = Path(__file__).with_name("boundary.lua")
MODULES = sorted(str(path.relative_to(STDLIB).with_suffix("")).replace("/", ".") for path in STDLIB.rglob("*.lua"))
PARTS = 4


def read_module(name):
    """Return the text of a module of the standard library, or None."""
    path = STDLIB / (name.decode().replace(".", "/") + ".lua")
    return path.read_bytes() if path.is_file() else None


@cache
def attack():
    """Return the function that tries one kind of environment, or some modules."""
    runtime = new_runtime(*KERNEL)
    compile_ = runtime.eval(b"function(text, name) return assert(loadstring(text, name)) end")
    return runtime, compile_(HARNESS.read_bytes(), b"=boundary.lua")(read_module, str(KERNEL).encode())


def tried(kind, modules=None):
    runtime, run = attack()
    names = None if modules is None else runtime.table_from([name.encode() for name in modules])
    count, names, faults, indexed = run(kind.encode(), names)
    return count, names.decode().split(), faults.decode(), indexed


DECLARED = {
    "decoder": {"declare_grammar", "declare_json", "declare_logfmt", "declare_payload", "write_message"},
    "encoder": {"declare_encoder", "write_message"},
    "filter": set(),
}
COMMON = {
    "read_message", "read_next_field", "add_to_payload", "inject_payload", "inject_message", "encode_message",
    "decode_message", "create_message_matcher", "read_config", "print", "pcall", "xpcall", "require", "setfenv",
}  # fmt: skip


@pytest.mark.parametrize("kind", DECLARED)
def test_no_function_of_a_script_lets_its_values_reach_the_kernel(kind):
    count, names, faults, indexed = tried(kind)

    assert faults == ""
    assert set(names) >= COMMON | DECLARED[kind]
    assert count == len(names) > 60
    assert indexed > 0, "the metamethods do run, where a script's own functions look at the values"


@pytest.mark.parametrize("part", range(PARTS))
def test_no_function_of_a_module_lets_a_scripts_values_reach_the_kernel(part):
    count, names, faults, _ = tried("filter", [*MODULES[part::PARTS], "cjson", "lpeg", "re", "bit"])

    assert faults == ""
    assert count == len(names) > 20
