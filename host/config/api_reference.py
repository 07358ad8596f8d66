"""Generates `docs/sandbox-api.md` from the comments in `kernel/core/api.lua`.

A comment that begins with three dashes describes a function. Its first line is the signature. `In:` lists the
sandbox kinds that have the function. Prose, `Errors:` and `Cost:` follow.
"""

import re
from typing import NamedTuple

from host.core import paths

_BLOCK = re.compile(r"^--- (?P<signature>.+)\n(?P<lines>(?:-- .*\n)+)", re.MULTILINE)
_LABEL = re.compile(r"^(In|Errors|Cost): ")

_HEAD = """# The Lua API of sandboxes

{mark} The source is the kernel's own comments, in `host/sandbox/kernel/core/api.lua`.

Scripts are Lua 5.1, run by LuaJIT. A decoder or an encoder defines `process_message()`, or declares its work
(`declare_grammar`, `declare_template` and the like). A filter defines `process_message()`,
`timer_event(ns, shutdown)`, or both.

`process_message` returns:

- 0 on success;
- a negative number and a text if it cannot process the message, which goes to the dead letters with that text;
- in an encoder, -2 to send nothing;
- a positive number to end the sandbox.

Times are nanoseconds since 1970, sizes are bytes, and indexes of fields and values count from 0.

*Errors* lists the Lua errors that a function raises. An error ends the call unless the script catches it, and the
record counts as failed. Functions of Heka and Hindsight that Hekate does not support exist too: calling one raises an
error that names the replacement.

## Available Lua

`assert error getmetatable ipairs next pairs pcall print rawequal rawget rawset select setfenv setmetatable tonumber
tostring type unpack xpcall _G _VERSION`; `string` without `dump`; `table`; `math`, with Hindsight's `erf` and `erfc`;
from `os` only `clock date difftime time`, in UTC. There is no `io`, `debug`, `coroutine`, `package` or `load`.

- `require(name)` returns a module: `cjson`, `lpeg`, `re` or `bit`, a module from `sandbox_dir/modules`, or one from
  [the standard library](../sandbox_stdlib/README.md). A module that was a C module in Heka (cjson, lpeg, struct,
  circular_buffer, ...) also becomes a global of its name, as in Lua 5.1.
- `cjson.decode` omits null values. After `cjson.decode_null(true)` it returns them as `cjson.null`.
- `print(...)` writes a line to the host's log, at most 100 lines for each pack.
- `setfenv(1, table)` makes a table the globals of the rest of a module, as modules for Heka do. Other levels raise an
  error.
- A script that runs out of memory is terminated, even inside `pcall`.
"""


class ApiFunction(NamedTuple):
    """One API function, from its comment."""

    signature: str
    where: str
    prose: str
    errors: str
    cost: str

    @property
    def name(self) -> str:
        """The function's name."""
        return self.signature.partition("(")[0]


def functions() -> list[ApiFunction]:
    """Return all documented functions in source order."""
    source = paths.kernel_modules()["api"].read_text(encoding="utf-8")
    return [_function(block) for block in _BLOCK.finditer(source)]


def _function(block: re.Match[str]) -> ApiFunction:
    parts: dict[str, list[str]] = {}
    label = "prose"
    for line in block["lines"].splitlines():
        text = line.removeprefix("-- ")
        marked = _LABEL.match(text)
        if marked:
            label, text = marked[1], text[marked.end() :]
        elif label == "In":
            label = "prose"
        parts.setdefault(label, []).append(text)
    where, prose, errors, cost = (" ".join(parts.get(key, [])) for key in ("In", "prose", "Errors", "Cost"))
    return ApiFunction(block["signature"], where, prose, errors, cost)


def text(function: ApiFunction) -> str:
    """Return a function's description without its signature, for a terminal."""
    parts = [f"In {function.where}", function.prose]
    parts += [f"Errors: {function.errors}"] if function.errors else []
    parts += [f"Cost: {function.cost}"] if function.cost else []
    return "\n\n".join(part for part in parts if part)


def page(mark: str) -> str:
    """Return the page. `mark` is the line that says the page is generated."""
    lines = [_HEAD.format(mark=mark)]
    for function in functions():
        lines += [f"## {function.name}", "", f"    {function.signature}", "", f"In {function.where}", ""]
        lines += [function.prose, ""] if function.prose else []
        lines += [f"*Errors:* {function.errors}", ""] if function.errors else []
        lines += [f"*Cost:* {function.cost}", ""] if function.cost else []
    return "\n".join(lines).rstrip("\n") + "\n"
