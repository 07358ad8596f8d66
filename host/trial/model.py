"""Inputs and outcomes of trials."""

from typing import Any, Literal

import msgspec

from host.config import model
from host.packs.reader import Message
from host.sandbox.termination import Limit

_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE


class _Plain(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the inputs of a trial."""


class Decoder(_Plain, frozen=True, kw_only=True):
    """A decoder chain, as an input has it."""

    name: str
    """The name that the input would have."""
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
    """A script that returns an LPEG pattern, which is tried on raw records; see kernel/grammar_tester.lua."""

    name: str
    script: model.Sandbox


class ReplWorkspace(_Plain, frozen=True, kw_only=True):
    """A process that runs Lua and grammars line by line; see kernel/repl.lua and host/repl."""

    name: str
    script: model.Sandbox


class RecordStep(_Plain, frozen=True, kw_only=True, tag="record"):
    """A raw record without its delimiter. The trial's decoder decodes it for a filter or an encoder."""

    data: bytes


class MessageStep(_Plain, frozen=True, kw_only=True, tag="message"):
    """A message for a filter or an encoder, in the form that `host.trial.messages` reads."""

    message: dict[str, Any]


class TickStep(_Plain, frozen=True, kw_only=True, tag="tick"):
    """A timer event of a filter."""

    now_ns: int
    shutdown: bool = False


Step = RecordStep | MessageStep | TickStep


class Bounds(_Plain, frozen=True, kw_only=True):
    """Limits of one trial, in addition to the limits of its scripts."""

    steps: int = 10_000
    given_bytes: int = 16 * _MEBIBYTE
    output_bytes: int = 4 * _MEBIBYTE
    """Limit for packs, encoded bytes and prints together."""
    prints: int = 1000
    time_ms: int = 10_000
    """CPU time of all processes together; see `host.trial.cpu_budget`."""


class Trial(_Plain, frozen=True, kw_only=True):
    """One script or decoder chain, and the steps to run."""

    of: Decoder | model.Filter | Encoder | Grammar
    steps: tuple[Step, ...]
    decoder: Decoder | None = None
    """Decodes raw records for a filter or an encoder."""
    now_ns: int | None = None
    """The time at the first step; a tick advances it. None: the real time."""
    hostname: str = "localhost"
    sandbox_dir: str | None = None
    """Directory of the user's own modules."""
    allow_unjailed: bool = False
    bounds: Bounds = Bounds()


class StepResult(msgspec.Struct, kw_only=True):
    """The result of one step."""

    matched: bool = False
    """Decoder: true if the record was decoded. Filter and encoder: true if the message_matcher matched."""
    messages: list[Message] = []
    """Decoded or injected messages."""
    outputs: list[bytes] = []
    """Encoded records."""
    failure: str = ""
    """The reason why the record failed; empty if it did not."""
    dead_letters: list[str] = []
    """The reasons of dead letters."""
    prints: list[str] = []
    cpu_us: float = 0.0
    """CPU time of the process for this step. A pack of one record costs about 20 us by itself."""


class Ending(msgspec.Struct, kw_only=True):
    """The end of a sandbox before the trial was complete."""

    step: int | None
    """Index of the step; None while the script loaded."""
    limit: Limit
    """The exceeded limit, or `error`, `signal` or `protocol`; see `host.sandbox.termination`."""
    text: str
    value: int
    """Value of the limit."""
    matcher_problem: str
    """The error in the message matcher; empty if the matcher is not the reason."""


class TrialOutcome(msgspec.Struct, kw_only=True):
    """The outcome of a trial."""

    results: list[StepResult] = []
    """One result for each step that was started."""
    prints: list[str] = []
    """Lines printed while the script loaded."""
    ending: Ending | None = None
    stopped: Literal["", "time", "output"] = ""
    """The bound that stopped the trial; empty if none did."""
    left_out_prints: int = 0
    start_cpu_us: float = 0.0
    modules: dict[str, str] = {}
    """The modules that the script required, with the SHA-256 of each text."""

    @property
    def complete(self) -> bool:
        """True if every step ran."""
        return self.ending is None and not self.stopped
