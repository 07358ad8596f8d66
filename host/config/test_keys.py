"""The `tests` section of a configuration: records in at named places, and what must come out at others.

`hekate test` runs them; a running host takes no notice of them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

_Count = Annotated[int, Meta(ge=0)]


class _Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs a user's mapping is checked against."""


class GivenKeys(_Keys, frozen=True, kw_only=True):
    """One thing that is given: records or data of an input, a message, or time that goes by."""

    input: Annotated[str | None, Meta(description="With `records` or `data`: the input that they come in at.")] = None
    records: Annotated[list[str] | None, Meta(description="Raw records, without their line ends.")] = None
    data: Annotated[str | None, Meta(description="Raw bytes, which the input's splitter cuts into records.")] = None
    message: Annotated[
        dict[str, Any] | None, Meta(description="A message, as if a decoder had made it: headers and Fields.")
    ] = None
    until: Annotated[
        int | str | None,
        Meta(description="Let time go by until then; timer events that are due come. RFC 3339 or nanoseconds."),
    ] = None


class ExpectKeys(_Keys, frozen=True, kw_only=True):
    """What must have come out at one place."""

    count: Annotated[_Count | None, Meta(description="How many messages, or encoded records.")] = None
    messages: Annotated[
        list[dict[str, Any]] | None,
        Meta(description="Of an input or a filter: so many messages, in this order, with what is named of each."),
    ] = None
    output: Annotated[str | None, Meta(description="Of an output: all that was encoded.")] = None
    json: Annotated[
        list[dict[str, Any]] | None,
        Meta(description="Of an output: so many lines of JSON, in this order, with what is named of each."),
    ] = None
    failures: Annotated[
        list[str] | None,
        Meta(description="A part of each reason for which records failed, in order. Without it, none must fail."),
    ] = None


class TestKeys(_Keys, frozen=True, kw_only=True):
    """One test: the whole pipeline, without its inputs' and outputs' outside."""

    now: Annotated[
        int | str | None,
        Meta(description="The time at the start; by default that of the first message. Then it follows the messages."),
    ] = None
    given: Annotated[list[GivenKeys], Meta(description="What is given, in order.")]
    shutdown: Annotated[bool, Meta(description="Whether filters get their last timer event at the end.")] = True
    expect: Annotated[
        dict[str, ExpectKeys],
        Meta(description="What must come out, by place: `inputs.NAME` (decoded), `filters.NAME`, `outputs.NAME`."),
    ]
