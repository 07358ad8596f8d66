"""What a trial is given, and what comes of it."""

from typing import Any, Literal

import msgspec

from host.config import model
from host.packs.reader import Message
from host.sandbox.termination import Limit

_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE


class _Plain(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what a trial is given."""


class Decoder(_Plain, frozen=True, kw_only=True):
    """A chain of decoders, as an input has it."""

    name: str
    """What the input would be called."""
    decoder_chain: tuple[model.Sandbox, ...]
    decoder_strategy: Literal["first", "all"] = "first"
    max_record_bytes: int = 64 * _KIBIBYTE
    oversize: Literal["truncate", "dead_letter", "drop"] = "truncate"
    logger: str = ""
    message_type: str = ""


class Encoder(_Plain, frozen=True, kw_only=True):
    """An encoder, as an output has it."""

    name: str
    encoder: model.Sandbox
    message_matcher: str = "TRUE"


class Grammar(_Plain, frozen=True, kw_only=True):
    """A script that makes an LPEG pattern, which is tried on raw records: see kernel/grammar_tester.lua."""

    name: str
    script: model.Sandbox


class Repl(_Plain, frozen=True, kw_only=True):
    """A process in which Lua and grammars are tried out line by line: see kernel/repl.lua and host/repl."""

    name: str
    script: model.Sandbox


class Record(_Plain, frozen=True, kw_only=True, tag="record"):
    """A raw record, without its delimiter. A filter or an encoder gets it through the trial's decoder."""

    data: bytes


class Given(_Plain, frozen=True, kw_only=True, tag="message"):
    """A message for a filter or an encoder, as `host.trial.messages` reads it."""

    message: dict[str, Any]


class Tick(_Plain, frozen=True, kw_only=True, tag="tick"):
    """A timer event of a filter."""

    now_ns: int
    shutdown: bool = False


Step = Record | Given | Tick


class Bounds(_Plain, frozen=True, kw_only=True):
    """What one trial may take of the host, whatever its script does within its own limits."""

    steps: int = 10_000
    given_bytes: int = 16 * _MEBIBYTE
    output_bytes: int = 4 * _MEBIBYTE
    """Of packs, encoded bytes and prints together."""
    prints: int = 1000
    time_ms: int = 10_000
    """CPU time of the processes together: see `host.trial.allowance`."""


class Trial(_Plain, frozen=True, kw_only=True):
    """One script, or one chain of decoders, and what it is to work on, step by step."""

    of: Decoder | model.Filter | Encoder | Grammar
    steps: tuple[Step, ...]
    decoder: Decoder | None = None
    """What makes messages of raw records for a filter or an encoder."""
    now_ns: int | None = None
    """The time at the first step; a tick sets it on. By default it is the time of day."""
    hostname: str = "localhost"
    sandbox_dir: str | None = None
    """Where the user's own modules are."""
    allow_unjailed: bool = False
    bounds: Bounds = Bounds()


class Result(msgspec.Struct, kw_only=True):
    """What came of one step."""

    matched: bool = False
    """A decoder: the record was taken. A filter, an encoder: the message_matcher let the message through."""
    messages: list[Message] = []
    """Decoded, or injected."""
    outputs: list[bytes] = []
    """Encoded."""
    failure: str = ""
    """Why the record failed; empty if it did not."""
    dead_letters: list[str] = []
    """The reasons with which a record went to the dead letters."""
    prints: list[str] = []
    cpu_us: float = 0.0
    """CPU time of the process for this step; what a pack of one record costs by itself is some 20 us of it."""


class Ending(msgspec.Struct, kw_only=True):
    """Why the sandbox ended before its time."""

    step: int | None
    """At which step; None while the script was loaded."""
    limit: Limit
    text: str
    value: int
    """What the limit was."""
    matcher_problem: str
    """The error in the message matcher; empty if the matcher is not the reason."""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a trial."""

    results: list[Result] = []
    """One for each step that was begun."""
    prints: list[str] = []
    """What was printed while the script was loaded."""
    ending: Ending | None = None
    stopped: Literal["", "time", "output"] = ""
    """Which of its bounds ended the trial, if one did."""
    left_out_prints: int = 0
    start_cpu_us: float = 0.0
    modules: dict[str, str] = {}
    """What the script required, with the SHA-256 of each text."""

    @property
    def complete(self) -> bool:
        """Whether every step was carried out."""
        return self.ending is None and not self.stopped
