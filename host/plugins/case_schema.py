"""The schema of a plugin's test cases: inputs and the expected results.

Cases are under `cases:` in the front matter of a plugin, or in a file beside it, `NAME.cases.yaml`. The reader, the
JSON Schema and docs/reference/cases.md are derived from these structs.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

DEFAULT_NOW = "2024-01-01T00:00:00Z"


class _CaseKeysBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs that a user's mapping is checked against."""


class StepKeys(_CaseKeysBase, frozen=True, kw_only=True):
    """One input of the plugin (`record`, `message` or `tick`), and the expected results."""

    record: Annotated[str | None, Meta(description="A raw record, without its line ending.")] = None
    record_base64: Annotated[str | None, Meta(description="A raw record that is not text.")] = None
    message: Annotated[
        dict[str, Any] | None,
        Meta(description="A message for a filter or an encoder: headers, and Fields by name or as a list."),
    ] = None
    tick: Annotated[
        int | str | None,
        Meta(description="Call timer_event at this time: RFC 3339, or nanoseconds since 1970."),
    ] = None
    shutdown: Annotated[bool, Meta(description="With `tick`: true for the last call, at shutdown.")] = False
    messages: Annotated[
        list[dict[str, Any]] | None,
        Meta(
            description="All decoded or injected messages, in order. Only the listed headers and fields are "
            "compared; a field that is null must be absent."
        ),
    ] = None
    output: Annotated[str | None, Meta(description="Expected encoded bytes.")] = None
    output_base64: Annotated[str | None, Meta(description="Expected encoded bytes that are not text.")] = None
    prints: Annotated[list[str] | None, Meta(description="Expected printed lines.")] = None
    failure: Annotated[
        str | None, Meta(description="A part of the expected failure reason. Without it, the step must succeed.")
    ] = None
    ended_by: Annotated[
        str | None, Meta(description="Expected cause of termination: a limit such as cpu_limit, or error.")
    ] = None


class CaseKeys(_CaseKeysBase, frozen=True, kw_only=True):
    """One case: a new sandbox and the steps that it runs."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="The behaviour that the case shows.")]
    config: Annotated[dict[str, Any], Meta(description="Options of the plugin.")] = {}
    message_matcher: Annotated[
        str | None, Meta(description="For a filter or an encoder; by default from its manifest, else TRUE.")
    ] = None
    decoder: Annotated[
        str | dict[str, Any] | None,
        Meta(description="Decodes the records of a filter or encoder case: a decoder's name, or its type and config."),
    ] = None
    now: Annotated[
        int | str,
        Meta(description="Time at the first step: RFC 3339, or nanoseconds since 1970. A tick advances it."),
    ] = DEFAULT_NOW
    load_failure: Annotated[
        str | None, Meta(description="A part of the expected reason why the script does not load with this config.")
    ] = None
    steps: Annotated[list[StepKeys], Meta(description="The steps, in order.")] = []


class CasesFile(_CaseKeysBase, frozen=True, kw_only=True):
    """A file of cases beside a plugin."""

    cases: Annotated[list[CaseKeys], Meta(description="The cases. Each has its own sandbox.")]
