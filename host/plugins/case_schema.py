"""What a user may write as a case: how a plugin is tried, and what must come of it.

Cases stand under `cases:` in the front matter of a plugin, or in a file beside it, `NAME.cases.yaml`. The reader, the
JSON Schema and docs/reference/cases.md are made from these structs.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

DEFAULT_NOW = "2024-01-01T00:00:00Z"


class _Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs a user's mapping is checked against."""


class StepKeys(_Keys, frozen=True, kw_only=True):
    """One thing that the plugin is given (`record`, `message` or `tick`), and what must come of it."""

    record: Annotated[str | None, Meta(description="A raw record, without its line end.")] = None
    record_base64: Annotated[str | None, Meta(description="A raw record that is no text.")] = None
    message: Annotated[
        dict[str, Any] | None,
        Meta(description="A message for a filter or an encoder: headers, and Fields by name or as a list."),
    ] = None
    tick: Annotated[
        int | str | None,
        Meta(description="Call timer_event at this time: RFC 3339, or nanoseconds since 1970."),
    ] = None
    shutdown: Annotated[bool, Meta(description="With `tick`: whether it is the last call.")] = False
    messages: Annotated[
        list[dict[str, Any]] | None,
        Meta(
            description="What must be decoded or injected: so many messages, in this order. Of each only what is "
            "named is compared; a field that is null must be absent."
        ),
    ] = None
    output: Annotated[str | None, Meta(description="What must be encoded.")] = None
    output_base64: Annotated[str | None, Meta(description="What must be encoded, if it is no text.")] = None
    prints: Annotated[list[str] | None, Meta(description="What must be printed, line by line.")] = None
    failure: Annotated[
        str | None, Meta(description="A part of the reason with which it must fail. Without it, it must not fail.")
    ] = None
    ended_by: Annotated[
        str | None, Meta(description="The limit that must end the sandbox here, such as cpu_limit, or error.")
    ] = None


class CaseKeys(_Keys, frozen=True, kw_only=True):
    """One case: a sandbox of its own, given one step after the other."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What it shows.")]
    config: Annotated[dict[str, Any], Meta(description="Options of the plugin.")] = {}
    message_matcher: Annotated[
        str | None, Meta(description="For a filter or an encoder; by default what its manifest says, or TRUE.")
    ] = None
    decoder: Annotated[
        str | dict[str, Any] | None,
        Meta(description="For a filter or an encoder that is given records: a decoder's name, or its type and config."),
    ] = None
    now: Annotated[
        int | str,
        Meta(description="The time at the first step: RFC 3339, or nanoseconds since 1970. A tick sets it on."),
    ] = DEFAULT_NOW
    load_failure: Annotated[
        str | None, Meta(description="A part of the reason for which the script must not load with this config.")
    ] = None
    steps: Annotated[list[StepKeys], Meta(description="What it is given, in order.")] = []


class CasesFile(_Keys, frozen=True, kw_only=True):
    """The file beside a plugin."""

    cases: Annotated[list[CaseKeys], Meta(description="The cases, each with a sandbox of its own.")]
