"""`docs/sandbox-api.md`, made of the comments in `kernel/api.lua`.

A comment that begins with three dashes describes a function: the signature in its first line, then `In:` with the
kinds of sandboxes that have it, then prose, `Errors:` and `Cost:`.
"""

import re
from typing import NamedTuple

from host.core import paths

_BLOCK = re.compile(r"^--- (?P<signature>.+)\n(?P<lines>(?:-- .*\n)+)", re.MULTILINE)
_LABEL = re.compile(r"^(In|Errors|Cost): ")

_HEAD = """# What a script can call

{mark} The source is the kernel's own comments, in `host/sandbox/kernel/core/api.lua`.

Scripts are Lua 5.1 as LuaJIT runs it. A decoder or an encoder defines `process_message()`, or declares what it
does; a filter defines `process_message()`, `timer_event(ns, shutdown)` or both. `process_message` answers 0 if all
is well, a number below 0 and a text if it cannot take the message (which goes to the dead letters with the text; an
encoder answers -2 to send nothing), and a number above 0 to end the sandbox. Times are nanoseconds since 1970,
sizes are bytes, indexes of fields and values count from 0.

What stands behind *Errors* is raised as a Lua error. It ends the call unless the script catches it, and the record
counts as failed. Functions of Heka or Hindsight that have no place here exist too: calling one raises an error that
names what takes its place.

## What there is of Lua

`assert error getmetatable ipairs next pairs pcall print rawequal rawget rawset select setfenv setmetatable tonumber
tostring type unpack xpcall _G _VERSION`; `string` without `dump`; `table`; `math`, with `erf` and `erfc` as Hindsight
has them; of `os`, `clock date difftime time`, in UTC. There is no `io`, `debug`, `coroutine`, `package`, `load` and the
like.

- `require(name)` answers a module: `cjson`, `lpeg`, `re` and `bit`, one of `sandbox_dir/modules`, or one of
  [the standard library](../sandbox_stdlib/README.md). A module that was written in C for Heka (cjson, lpeg, struct,
  circular_buffer, ...) also becomes the global of its name, as in Lua 5.1.
- `cjson.decode` leaves null out, unless `cjson.decode_null(true)` was called: then it is `cjson.null`.
- `print(...)` writes a line to the host's log, at most 100 while one pack is worked on.
- `setfenv(1, table)` makes a table the globals of the rest of a module, as modules for Heka do; other levels are
  refused.
- A script that runs out of memory ends, also within `pcall`.
"""


class Function(NamedTuple):
    """A function as its comment describes it."""

    signature: str
    where: str
    prose: str
    errors: str
    cost: str

    @property
    def name(self) -> str:
        """The name that scripts call."""
        return self.signature.partition("(")[0]


def functions() -> list[Function]:
    """All that are described, in the order of the source."""
    source = paths.kernel_modules()["api"].read_text(encoding="utf-8")
    return [_function(found) for found in _BLOCK.finditer(source)]


def _function(found: re.Match[str]) -> Function:
    parts: dict[str, list[str]] = {}
    label = "prose"
    for line in found["lines"].splitlines():
        text = line.removeprefix("-- ")
        marked = _LABEL.match(text)
        if marked:
            label, text = marked[1], text[marked.end() :]
        elif label == "In":
            label = "prose"
        parts.setdefault(label, []).append(text)
    where, prose, errors, cost = (" ".join(parts.get(key, [])) for key in ("In", "prose", "Errors", "Cost"))
    return Function(found["signature"], where, prose, errors, cost)


def text(function: Function) -> str:
    """What is said of a function, without its signature; for people at a terminal."""
    parts = [f"In {function.where}", function.prose]
    parts += [f"Errors: {function.errors}"] if function.errors else []
    parts += [f"Cost: {function.cost}"] if function.cost else []
    return "\n\n".join(part for part in parts if part)


def page(mark: str) -> str:
    """The page; `mark` says that it is generated."""
    lines = [_HEAD.format(mark=mark)]
    for function in functions():
        lines += [f"## {function.name}", "", f"    {function.signature}", "", f"In {function.where}", ""]
        lines += [function.prose, ""] if function.prose else []
        lines += [f"*Errors:* {function.errors}", ""] if function.errors else []
        lines += [f"*Cost:* {function.cost}", ""] if function.cost else []
    return "\n".join(lines).rstrip("\n") + "\n"
