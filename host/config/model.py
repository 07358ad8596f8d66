"""The model of the configuration, before and after it is resolved.

`*Keys` and `*Parts` structs are the *source* model. Each field is a key of the YAML file, with its type, default and
description. The loader, the checker, the JSON Schema and the reference pages are derived from them. The options of a
type, such as `path` of the file input, are not in this module. They are the `Options` struct of the class that
implements the type, inline beside these keys, or the manifest of the Lua plugin, under `config` as in Heka.

`Config`, `Input`, `Splitter`, `Sandbox`, `Filter` and `Output` are the *resolved* model: defaults are filled in, names
looked up, and values typed. They are immutable plain data. A reload compares them: two are equal exactly if nothing
has to restart.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Valid names of inputs, filters and outputs."""

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

Stage = Literal["inputs", "splitters", "decoders", "filters", "encoders", "outputs"]
PluginKind = Literal["decoder", "filter", "encoder"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Scalar = str | int | float | bool

Milliseconds = Annotated[int, Meta(ge=0)]
CpuLimit = Annotated[int, Meta(ge=1)]
MemoryLimit = Annotated[int, Meta(ge=MEBIBYTE)]
OutputLimit = Annotated[int, Meta(ge=KIBIBYTE)]
MessageSize = Annotated[int, Meta(ge=KIBIBYTE, le=480 * KIBIBYTE)]
"""Limited because a message and its description must fit into a pack of 512 KiB."""
MessageFields = Annotated[int, Meta(ge=1, le=1024)]
Loops = Annotated[int, Meta(ge=1, le=255)]
GroupName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


class _Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs that a user's mapping is checked against."""


class SandboxMaximums(_Keys, frozen=True, kw_only=True):
    """Upper bounds for every sandbox. They override its front matter, its entry and API requests."""

    memory_limit: Annotated[MemoryLimit, Meta(description="Highest memory_limit.")] = 256 * MEBIBYTE
    cpu_limit: Annotated[CpuLimit, Meta(description="Highest cpu_limit.")] = 10_000
    output_limit: Annotated[OutputLimit, Meta(description="Highest output_limit.")] = MEBIBYTE
    max_message_size: Annotated[MessageSize, Meta(description="Highest max_message_size.")] = 480 * KIBIBYTE
    max_message_fields: Annotated[MessageFields, Meta(description="Highest max_message_fields.")] = 1024
    max_process_inject: Annotated[Count, Meta(description="Highest max_process_inject.")] = 10_000
    max_timer_inject: Annotated[Count, Meta(description="Highest max_timer_inject.")] = 100_000
    max_loops: Annotated[Loops, Meta(description="Highest max_loops.")] = 16


class DeadLetterSettings(_Keys, frozen=True, kw_only=True):
    """Retention of dead letters."""

    max_bytes: Annotated[
        int,
        Meta(
            ge=MEBIBYTE,
            description="Bytes of all dead letters together. When they are more, the oldest file is deleted, with "
            "its records; that is logged and counted.",
        ),
    ] = 1024 * MEBIBYTE
    max_file_bytes: Annotated[
        int, Meta(ge=64 * KIBIBYTE, description="A file of dead letters that has this size is followed by the next.")
    ] = 64 * MEBIBYTE


class HostSettings(_Keys, frozen=True, kw_only=True):
    """The `hekate` section: settings of the host itself and defaults for every sandbox."""

    state_dir: Annotated[
        str, Meta(description="Directory of checkpoints and dead letters; relative to the working directory.")
    ] = "./var/hekate"
    sandbox_dir: Annotated[
        str | None,
        Meta(description="Directory of your plugins: decoders/, filters/, encoders/. They precede the shipped ones."),
    ] = None
    hot_load: Annotated[
        bool, Meta(description="Apply changes in sandbox_dir immediately. If false, they apply at a reload.")
    ] = True
    log_level: Annotated[LogLevel, Meta(description="Lowest level of log records to write.")] = "info"
    log_format: Annotated[LogFormat, Meta(description="Format of log records: readable text or JSON lines.")] = "text"
    hostname: Annotated[
        str | None, Meta(description="Hostname header of new messages; by default the machine's name.")
    ] = None
    max_loops: Annotated[
        Loops, Meta(description="Maximum depth of a chain of injected messages; deeper ones are dropped.")
    ] = 4
    shutdown_timeout_ms: Annotated[
        Milliseconds,
        Meta(
            description="How long a stop waits for the outputs. Then records that cannot be read again go to the dead "
            "letters, which takes up to 5 seconds more; a second signal has the same effect at once."
        ),
    ] = 30_000
    checkpoint_interval_ms: Annotated[
        int, Meta(ge=10, description="Interval at which input positions are written to disk.")
    ] = 500
    dead_letters: Annotated[
        DeadLetterSettings, Meta(description="How many records are kept that could not be decoded or delivered.")
    ] = DeadLetterSettings()
    allow_unjailed: Annotated[
        bool, Meta(description="Start sandboxes even if seccomp cannot confine them. For development only.")
    ] = False
    memory_limit: Annotated[
        MemoryLimit, Meta(description="Bytes of Lua memory of a sandbox that sets no limit itself.")
    ] = 8 * MEBIBYTE
    cpu_limit: Annotated[CpuLimit, Meta(description="Milliseconds of CPU time for one call into a sandbox.")] = 100
    output_limit: Annotated[OutputLimit, Meta(description="Bytes that one call into a sandbox may produce.")] = (
        64 * KIBIBYTE
    )
    snapshot_interval_ms: Annotated[
        int, Meta(ge=100, description="Interval between snapshots of a filter with preserve_data.")
    ] = 5_000
    max_process_inject: Annotated[
        Count, Meta(description="Messages that a filter may inject from one process_message call.")
    ] = 1
    max_timer_inject: Annotated[
        Count, Meta(description="Messages that a filter may inject from one timer_event call.")
    ] = 10
    max_message_size: Annotated[
        MessageSize, Meta(description="Maximum bytes of a message that a script creates or changes.")
    ] = 128 * KIBIBYTE
    max_message_fields: Annotated[
        MessageFields, Meta(description="Maximum fields of a message that a script creates or changes.")
    ] = 1024
    sandbox_maximums: Annotated[
        SandboxMaximums, Meta(description="Upper bounds for every sandbox. Higher defaults above raise them.")
    ] = SandboxMaximums()


Role = Literal["viewer", "operator", "admin"]


class AdminToken(_Keys, frozen=True, kw_only=True):
    """A bearer token and its permissions. Only its hash is stored."""

    name: Annotated[str, Meta(min_length=1, max_length=64, description="Name of the user, for the audit log.")]
    sha256: Annotated[
        str,
        Meta(
            pattern="^[0-9a-fA-F]{64}$",
            description="SHA-256 of the token. Generate a random token: `openssl rand -hex 24`.",
        ),
    ]
    role: Annotated[Role, Meta(description="viewer: read. operator: also start and stop. admin: also change.")]
    sandboxes: Annotated[
        list[str] | None,
        Meta(description="Name prefixes of the permitted sandboxes; by default the whole host is permitted."),
    ] = None


class AdminPeer(_Keys, frozen=True, kw_only=True):
    """A local user who connects by the unix socket."""

    user: Annotated[str | int, Meta(description="Name or number of the user.")]
    role: Annotated[Role, Meta(description="Permissions of the user.")]
    sandboxes: Annotated[list[str] | None, Meta(description="As for a token.")] = None


class AdminClient(_Keys, frozen=True, kw_only=True):
    """A client with a client certificate."""

    common_name: Annotated[str, Meta(min_length=1, description="Common name of the certificate's subject.")]
    role: Annotated[Role, Meta(description="Permissions of the client.")]
    sandboxes: Annotated[list[str] | None, Meta(description="As for a token.")] = None


class AdminTls(_Keys, frozen=True, kw_only=True):
    """TLS of the admin API; paths are relative to the working directory."""

    cert: Annotated[str, Meta(description="PEM file of the certificate and its chain.")]
    key: Annotated[str, Meta(description="PEM file of the private key.")]
    client_ca: Annotated[str | None, Meta(description="PEM file of the CA that signs client certificates.")] = None


class AdminLimits(_Keys, frozen=True, kw_only=True):
    """Limits of the admin API."""

    body_bytes: Annotated[int, Meta(ge=1024, description="Maximum size of a request body.")] = MEBIBYTE
    requests_per_second: Annotated[int, Meta(ge=1, description="Sustained request rate of one caller.")] = 50
    burst: Annotated[int, Meta(ge=1, description="Requests that one caller may send at once.")] = 200
    request_timeout_ms: Annotated[int, Meta(ge=100, description="Time limit for a response.")] = 30_000
    connections: Annotated[int, Meta(ge=1, description="Maximum number of open connections.")] = 1000
    taps: Annotated[int, Meta(ge=0, description="Maximum number of open taps.")] = 100


class AuditSettings(_Keys, frozen=True, kw_only=True):
    """Retention of the audit log."""

    max_file_bytes: Annotated[
        int, Meta(ge=64 * KIBIBYTE, description="When audit.jsonl has this size, it is renamed to audit.jsonl.1.")
    ] = 16 * MEBIBYTE
    kept_files: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            description="Full files that are kept beside the current one. The oldest is deleted, which is logged and "
            "counted.",
        ),
    ] = 4


class Admin(_Keys, frozen=True, kw_only=True):
    """The `admin` section: the HTTP API, which runs only if the section is present."""

    listen: Annotated[
        str | None, Meta(description="Address of the API; null for none. Must be loopback without TLS.")
    ] = "127.0.0.1:4352"
    socket: Annotated[
        str | None, Meta(description="Path of a unix socket. The host's user and root are admins there.")
    ] = None
    hosts: Annotated[list[str], Meta(description="Host names of the API, in addition to its addresses.")] = []
    cors_origins: Annotated[
        list[str], Meta(description="Origins of other web pages that may use the API, such as `https://example.com`.")
    ] = []
    insecure: Annotated[
        bool, Meta(description="Allow a non-loopback address without TLS. Tokens can then be intercepted.")
    ] = False
    tls: Annotated[AdminTls | None, Meta(description="Certificates.")] = None
    tokens: Annotated[list[AdminToken], Meta(description="Tokens. If empty, the first start creates one.")] = []
    peers: Annotated[list[AdminPeer], Meta(description="Users permitted on the unix socket.")] = []
    clients: Annotated[list[AdminClient], Meta(description="Clients permitted by client certificate.")] = []
    limits: Annotated[AdminLimits, Meta(description="Limits of the API.")] = AdminLimits()
    audit: Annotated[AuditSettings, Meta(description="Retention of the audit log.")] = AuditSettings()


class Queue(_Keys, frozen=True, kw_only=True):
    """The queue in front of a filter or an output."""

    policy: Annotated[
        Literal["block", "drop_oldest"],
        Meta(
            description="`block` holds the inputs back once their `packs` are in flight. `drop_oldest` never does: "
            "when more than `max_packs` are held, it drops the oldest that nothing works on, and counts its records."
        ),
    ] = "block"
    max_packs: Annotated[
        int,
        Meta(
            ge=1,
            description="How many packs `drop_oldest` holds: those that wait, are being worked on, or are not "
            "delivered yet. It drops them earlier if the memory of an input or a sandbox runs short.",
        ),
    ] = 32


class Retries(_Keys, frozen=True, kw_only=True):
    """Retries of a batch that an output could not deliver."""

    max_attempts: Annotated[
        int,
        Meta(
            ge=0,
            description="Tries before the batch goes to the dead letters; 0 tries without end. With the defaults the "
            "10 tries take about 75 seconds.",
        ),
    ] = 10
    delay_ms: Annotated[int, Meta(ge=1, description="Delay after the first failure; it doubles each time.")] = 250
    max_delay_ms: Annotated[int, Meta(ge=1, description="Maximum delay between two attempts.")] = 30_000


class SandboxKeys(_Keys, frozen=True, kw_only=True):
    """Limits of one sandbox. Omitted limits come from the plugin's manifest, then from `hekate`."""

    memory_limit: Annotated[MemoryLimit | None, Meta(description="Bytes of Lua memory.")] = None
    cpu_limit: Annotated[CpuLimit | None, Meta(description="Milliseconds of CPU per call.")] = None
    output_limit: Annotated[OutputLimit | None, Meta(description="Bytes that one call may produce.")] = None
    max_message_size: Annotated[
        MessageSize | None, Meta(description="Bytes of a message that the script creates or changes.")
    ] = None
    max_message_fields: Annotated[
        MessageFields | None, Meta(description="Fields of a message that the script creates or changes.")
    ] = None


class SandboxParts(_Keys, frozen=True, kw_only=True):
    """The Lua plugin of a decoder, filter or encoder, and its options."""

    type: Annotated[str | None, Meta(description="Name of the Lua plugin; by default the name of this entry.")] = None
    filename: Annotated[
        str | None, Meta(description="A .lua file instead of a type; relative to the configuration file.")
    ] = None
    config: Annotated[dict[str, Any], Meta(description="Options of the plugin, as listed in its manifest.")] = {}


class InputParts(_Keys, frozen=True, kw_only=True):
    """Keys of an input that refer to its type, splitter and decoders."""

    type: Annotated[str | None, Meta(description="Type of the input; by default the name of this entry.")] = None
    splitter: Annotated[
        str | dict[str, Any],
        Meta(description="Cuts bytes into records: a type, a name under `splitters`, or a type with options."),
    ] = "token"
    decoder: Annotated[
        str | dict[str, Any] | list[str | dict[str, Any]],
        Meta(description="A Lua decoder, a name under `decoders`, a definition, or a list of them: a chain."),
    ] = "payload"


class SplitterParts(_Keys, frozen=True, kw_only=True):
    """Key of a splitter beside the options of its type."""

    type: Annotated[str | None, Meta(description="Type of the splitter; by default the name of this entry.")] = None


class OutputParts(_Keys, frozen=True, kw_only=True):
    """Keys of an output that refer to its type and encoder."""

    type: Annotated[str | None, Meta(description="Type of the output; by default the name of this entry.")] = None
    encoder: Annotated[
        str | dict[str, Any],
        Meta(
            description="A Lua encoder, a name under `encoders`, or a definition. `payload` writes only the Payload,"
            " which is empty if the decoder turned the record into fields. `json` writes everything."
        ),
    ] = "payload"


class InputKeys(_Keys, frozen=True, kw_only=True):
    """Keys that every input has, beside `InputParts` and the options of its type."""

    decoder_strategy: Annotated[
        Literal["first", "all"],
        Meta(description="With a list of decoders: stop at the first that accepts, or run all in order."),
    ] = "first"
    decoders: Annotated[
        int, Meta(ge=1, le=64, description="Number of decoder processes for this input. The order is kept.")
    ] = 1
    max_record_bytes: Annotated[int, Meta(ge=16, description="Longest record; see `oversize`.")] = 64 * KIBIBYTE
    oversize: Annotated[
        Literal["truncate", "dead_letter", "drop"],
        Meta(
            description="What becomes of a longer record. `truncate` cuts it at max_record_bytes and adds the field "
            "`truncated`; `dead_letter` sends its first part to the dead letters; `drop` is an older name for that. "
            "Records and bytes that are cut are counted."
        ),
    ] = "truncate"
    logger: Annotated[str | None, Meta(description="Logger header of the messages; by default the input's name.")] = (
        None
    )
    message_type: Annotated[str | None, Meta(description="Type header of messages whose decoder does not set it.")] = (
        None
    )
    pack_bytes: Annotated[
        int, Meta(ge=4 * KIBIBYTE, le=64 * MEBIBYTE, description="Bytes of raw records in one pack.")
    ] = 512 * KIBIBYTE
    packs: Annotated[
        int, Meta(ge=2, le=4096, description="Packs in flight before the input waits (its back-pressure).")
    ] = 8


class FilterKeys(SandboxKeys, frozen=True, kw_only=True):
    """Keys that every filter has, beside `SandboxParts`."""

    message_matcher: Annotated[
        str | None, Meta(description="Selects the messages of the filter; by default from its manifest.")
    ] = None
    ticker_interval: Annotated[
        Seconds | None,
        Meta(description="Seconds between timer_event calls, 0 for none; by default from its manifest."),
    ] = None
    queue: Annotated[Queue, Meta(description="The queue in front of the filter.")] = Queue()
    group: Annotated[
        GroupName | None,
        Meta(
            description="Filters of a group trust each other and share processes, which takes less memory. By default "
            "from its manifest, else the filter has its own process."
        ),
    ] = None
    preserve_data: Annotated[
        bool | None,
        Meta(
            description="Keep the script's global variables over reloads, restarts and crashes; by default from its "
            "manifest."
        ),
    ] = None
    on_terminate: Annotated[
        Literal["restart", "stop"],
        Meta(description="After a termination: restart the sandbox with increasing delays, or leave it stopped."),
    ] = "restart"
    max_process_inject: Annotated[Count | None, Meta(description="Messages injected per process_message call.")] = None
    max_timer_inject: Annotated[Count | None, Meta(description="Messages injected per timer_event call.")] = None
    max_loops: Annotated[
        Loops | None, Meta(description="Maximum loop depth of its injected messages; deeper ones are dropped.")
    ] = None


class OutputKeys(_Keys, frozen=True, kw_only=True):
    """Keys that every output has, beside `OutputParts` and the options of its type."""

    message_matcher: Annotated[str, Meta(description="Selects the messages of the output; TRUE selects all.")]
    queue: Annotated[Queue, Meta(description="The queue in front of the output.")] = Queue()
    retries: Annotated[Retries, Meta(description="Retries of a batch that was not delivered.")] = Retries()
    on_open_failure: Annotated[
        Literal["retry", "exit"],
        Meta(
            description="If the output cannot be opened at the start: run and try again, or end the host. With --once, "
            "and if it can never be opened, the host ends in any case."
        ),
    ] = "retry"


STAGES: tuple[Stage, ...] = ("inputs", "splitters", "decoders", "filters", "encoders", "outputs")


class _Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the resolved structs, which the pipeline uses."""


class Splitter(_Resolved, frozen=True, kw_only=True):
    """A splitter with its options: an instance of the `Options` struct of its class."""

    name: str
    type: str
    options: Any


class Limits(_Resolved, frozen=True, kw_only=True):
    """The effective limits of one sandbox."""

    memory_limit: int
    """Bytes."""
    cpu_limit: int
    """Milliseconds of CPU per call."""
    output_limit: int
    """Bytes per call."""
    max_message_size: int
    """Bytes."""
    max_message_fields: int
    max_process_inject: int
    """Filters only, as are the following limits."""
    max_timer_inject: int
    max_loops: int
    requested: dict[str, int] = {}
    """Requested values that were reduced to the host's maximum, by name."""


class Readout(_Keys, frozen=True, kw_only=True):
    """A script query: a function of a filter's script that the admin API can call."""

    function: Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]
    """A global function. It takes a table of strings and returns a value for JSON, or nil and a reason."""
    description: Annotated[str, Meta(min_length=10)]
    changes: bool = False
    """True if the query modifies the script's state; the API then requires POST and the role operator."""


class Sandbox(_Resolved, frozen=True, kw_only=True):
    """A Lua plugin ready to start: file, configuration, limits."""

    name: str
    """Name of the entry, or of the plugin if there is no entry. For display and metrics."""
    kind: PluginKind
    plugin: str
    """The plugin's own name: its `type`, or the stem of its `filename`."""
    path: str
    """Absolute path of the Lua file."""
    digest: str
    """SHA-256 of the file, so that a reload sees an edited plugin as changed."""
    text: str | None = None
    """The script's text, if it is not read from its file: a trial of unsaved text."""
    config: dict[str, Any]
    """The values of `read_config`: every option of the manifest that has a value."""
    readouts: dict[str, Readout] = {}
    """Script queries by their names in the API."""
    declared: tuple[str, ...] = ()
    """Options of the manifest. For other names `read_config` may return values of the host."""
    limits: Limits


class Input(_Resolved, frozen=True, kw_only=True):
    """An input, its splitter, and its chain of decoders."""

    name: str
    type: str
    options: Any
    """Instance of the `Options` struct of the input's class."""
    splitter: Splitter
    decoder_chain: tuple[Sandbox, ...]
    """Decoders in the order in which they run; one element if the user named one decoder."""
    decoder_strategy: Literal["first", "all"]
    decoders: int
    """Number of decoder processes."""
    max_record_bytes: int
    oversize: Literal["truncate", "dead_letter", "drop"]
    logger: str
    message_type: str
    """Empty if not set."""
    pack_bytes: int
    packs: int


class Filter(_Resolved, frozen=True, kw_only=True):
    """A filter."""

    name: str
    sandbox: Sandbox
    message_matcher: str
    ticker_interval: float
    """Seconds between timer_event calls; 0 for none."""
    queue: Queue
    preserve_data: bool
    group: str | None
    on_terminate: Literal["restart", "stop"]


class Output(_Resolved, frozen=True, kw_only=True):
    """An output and its encoder."""

    name: str
    type: str
    options: Any
    """Instance of the `Options` struct of the output's class."""
    encoder: Sandbox
    message_matcher: str
    queue: Queue
    retries: Retries
    on_open_failure: Literal["retry", "exit"] = "retry"


class Config(_Resolved, frozen=True, kw_only=True):
    """A whole configuration, resolved and valid."""

    hekate: HostSettings
    """Host settings, with absolute `state_dir` and `sandbox_dir`."""
    admin: Admin | None = None
    """None if the section is absent."""
    inputs: dict[str, Input]
    filters: dict[str, Filter]
    outputs: dict[str, Output]

    def sandboxes(self) -> Iterator[Sandbox]:
        """Yield all Lua plugins, each as often as it is used."""
        stages: tuple[dict[str, Any], ...] = (self.inputs, self.filters, self.outputs)
        for stage in stages:
            for component in stage.values():
                yield from sandboxes_of(component)


def sandboxes_of(component: Input | Filter | Output) -> tuple[Sandbox, ...]:
    """Return the Lua plugins of an input, a filter or an output."""
    if isinstance(component, Input):
        return component.decoder_chain
    if isinstance(component, Filter):
        return (component.sandbox,)
    return (component.encoder,)
