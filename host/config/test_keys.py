"""The `tests` section of a configuration: records for named inputs, and the expected results of other components.

`hekate test` runs the tests. A running host ignores them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

_Count = Annotated[int, Meta(ge=0)]


class _TestKeysBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs that a user's mapping is checked against."""


class GivenKeys(_TestKeysBase, frozen=True, kw_only=True):
    """One stimulus: records or data of an input, a message, or the passing of time."""

    input: Annotated[str | None, Meta(description="With `records` or `data`: the input that receives them.")] = None
    records: Annotated[list[str] | None, Meta(description="Raw records, without their line endings.")] = None
    data: Annotated[str | None, Meta(description="Raw bytes, which the input's splitter cuts into records.")] = None
    message: Annotated[
        dict[str, Any] | None, Meta(description="A message, as if a decoder had produced it: headers and Fields.")
    ] = None
    until: Annotated[
        int | str | None,
        Meta(description="Advance the time to this point and run the timer events due. RFC 3339 or nanoseconds."),
    ] = None


class ExpectKeys(_TestKeysBase, frozen=True, kw_only=True):
    """The expected results of one component."""

    count: Annotated[_Count | None, Meta(description="Number of messages, or of encoded records.")] = None
    messages: Annotated[
        list[dict[str, Any]] | None,
        Meta(
            description="For an input or a filter: all messages, in order. Only the listed headers and fields are"
            " compared."
        ),
    ] = None
    output: Annotated[str | None, Meta(description="For an output: the complete encoded text.")] = None
    json: Annotated[
        list[dict[str, Any]] | None,
        Meta(description="For an output: all JSON lines, in order. Only the listed keys are compared."),
    ] = None
    failures: Annotated[
        list[str] | None,
        Meta(description="A part of the reason of each failed record, in order. Without it, no record may fail."),
    ] = None


class TestKeys(_TestKeysBase, frozen=True, kw_only=True):
    """One test: the whole pipeline without real inputs and outputs."""

    now: Annotated[
        int | str | None,
        Meta(description="Start time; by default the first message's. Afterwards the time follows the messages."),
    ] = None
    given: Annotated[list[GivenKeys], Meta(description="The stimuli, in order.")]
    shutdown: Annotated[bool, Meta(description="Call timer_event of the filters a last time at the end.")] = True
    expect: Annotated[
        dict[str, ExpectKeys],
        Meta(description="Results by component: `inputs.NAME` (decoded messages), `filters.NAME`, `outputs.NAME`."),
    ]
