"""Writes a decoder file from a session: front matter, and the definitions as entered."""

import re
from pathlib import Path
from typing import Any

import yaml

from host.plugins import manifest
from host.repl.session import ReplSession

_READ = re.compile(r"read_config\s*\(?\s*[\"'](\w+)[\"']")
_HEADERS = "Timestamp Severity Pid Hostname Payload Logger Type"

_EXAMPLE = """Example:

    inputs:
      {name}:
        type: file
        path: /var/log/{name}.log
{splitter}        decoder: {name}
"""

_TABLE_FORM = """
-- builds a message from the table that the grammar captures
local table_to_fields = require "util".table_to_fields
local HEADERS = {{ {headers} }}

function process_message()
  local line = read_message "Payload"
  local found = {grammar}:match(line)
  if not found then return -1, "the grammar does not match" end
  if type(found) ~= "table" then found = {{value = found}} end
  local message = {{Type = read_config "type", Payload = read_config "payload_keep" and line or nil, Fields = {{}}}}
  for _, header in ipairs(HEADERS) do
    if type(found[header]) ~= "table" then message[header], found[header] = found[header] or message[header], nil end
  end
  table_to_fields(found, message.Fields)
  inject_message(message)
  return 0
end
"""


def decoder_code(session: ReplSession) -> str:
    """Return the decoder's Lua code, without the header."""
    if session.script is not None:
        return strip_header(session.script.read_text(encoding="utf-8"))
    parts = list(session.definitions)
    if not session.declared:
        if session.expression:
            parts.append(f"local grammar = {session.expression}")
        headers = ", ".join(f'"{name}"' for name in _HEADERS.split())
        parts.append(_TABLE_FORM.format(headers=headers, grammar="grammar").strip())
    return "\n\n".join(_with_lpeg(parts)) + "\n"


def _with_lpeg(parts: list[str]) -> list[str]:
    """Require lpeg if the code uses it. The REPL has `lpeg` as a global; a script must require it."""
    text = "\n".join(parts)
    if "lpeg." in text and not re.search(r"require\s*\(?\s*[\"']lpeg[\"']", text):
        return ['local lpeg = require "lpeg"', *parts]
    return parts


def strip_header(text: str) -> str:
    """Return a plugin's text without its header comment."""
    if not manifest.has_front_matter(text):
        return text
    level = re.match(r"\s*--\[(=*)\[", text)
    assert level is not None
    end = text.index(f"]{level[1]}]") + len(level[1]) + 2
    return text[end:].lstrip("\n")


def read_options(code: str, kind: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return the options that a decoder reads, in front-matter form."""
    described: dict[str, Any] = {
        "type": {"type": "string", "default": kind, "description": "The Type of the messages."},
        "payload_keep": {
            "type": "boolean",
            "default": False,
            "description": "True keeps the line as the Payload.",
        },
    }
    loaded = {name: option for name, option in known.items() if name != "type"}
    described |= {
        name: {key: value for key, value in option.items() if value is not None} for name, option in loaded.items()
    }
    names = dict.fromkeys(_READ.findall(code))
    unknown = {"type": "string", "default": "", "description": "An option that the script reads."}
    return {name: described.get(name, unknown) for name in names}


def render_plugin(
    name: str, code: str, cases: list[dict[str, Any]], options: dict[str, Any], *, splitter: str = ""
) -> str:
    """Return the whole file. `splitter` is that of the example's input, if it is not the default."""
    summary = f"Decodes lines of {name}; written by hekate repl."
    front: dict[str, Any] = {"name": name, "kind": "decoder", "summary": summary}
    if options:
        front["config"] = options
    if cases:
        front["cases"] = cases
    matter = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    level = ""
    while f"]{level}]" in matter:
        level += "="
    example = _EXAMPLE.format(name=name, splitter=f"        splitter: {splitter}\n" if splitter else "")
    return f"--[{level}[\n---\n{matter}---\n{example}--]{level}]\n\n{code}"


def plugin_path(folder: Path, name: str) -> Path:
    """Return the path of a decoder in a drop-in directory."""
    return folder / "decoders" / f"{name}.lua"
