"""Runs one sandbox without a pipeline."""

import asyncio
import time
from collections.abc import Iterable

from host.config import limits, model
from host.packs.arena import Arena
from host.packs.intake import Intake
from host.packs.protocol import Report
from host.pipeline import specs
from host.sandbox.assignment import Assignment
from host.sandbox.sandbox import Sandbox
from host.sandbox.termination import Termination
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics
from host.trial.model import Decoder, Encoder

SLOT_BYTES = 512 * 1024
_SLOTS = 4
_SETTINGS = model.HostSettings()


class SandboxListener:
    """Receives the reports of the sandbox and never restarts it."""

    def __init__(self) -> None:
        self.ended_s: float | None = None

    def on_emit(self, sandbox: Sandbox, work: Assignment | None, report: Report) -> None:  # noqa: ARG002
        """Discard the output."""
        sandbox.release_slot(report.offset)

    def on_done(self, sandbox: Sandbox, work: Assignment, report: Report) -> None:  # noqa: ARG002
        """Release a finished pack."""
        work.pack.release()

    def on_failure(self, sandbox: Sandbox, text: str) -> None:
        """Ignore the report."""

    def on_room(self, sandbox: Sandbox) -> None:
        """Do nothing: there are no more packs."""

    def on_quarantined(self, sandbox: Sandbox) -> None:
        """Do nothing: the sandbox starts only once."""

    def on_terminated(self, sandbox: Sandbox, termination: Termination) -> bool:  # noqa: ARG002
        """Do not restart the sandbox."""
        self.ended_s = time.monotonic()
        return False


def script(kind: model.PluginKind, text: str, **given: int) -> model.Sandbox:
    """Return a sandbox configuration for a script without a file."""
    found = limits.effective(_SETTINGS, model.FilterKeys(**given))  # type: ignore[arg-type]  # all of them are limits
    return model.Sandbox(
        name="measured",
        kind=kind,
        plugin="measured",
        path="measured.lua",
        digest="",
        text=text,
        config={},
        limits=found,
    )


def sandbox_of(plugin: model.Sandbox, zygote: ZygoteClient, owner: SandboxListener, matcher: str = "TRUE") -> Sandbox:
    """Return a sandbox for one plugin, not started."""
    kind, name = plugin.kind, plugin.name
    if kind == "decoder":
        spec = specs.decoder(Decoder(name=name, decoder_chain=(plugin,), logger=name), ord("\n"), "here")
    elif kind == "encoder":
        spec = specs.encoder(Encoder(name=name, encoder=plugin, message_matcher=matcher), "here")
    else:
        spec = specs.filter_(
            model.Filter(
                name=name, sandbox=plugin, message_matcher=matcher, ticker_interval=0.0, queue=model.Queue(),
                on_terminate="stop", preserve_data=False, group=None,
            ),
            "here",
        )  # fmt: skip
    pack_bytes = SLOT_BYTES if kind == "decoder" else 0
    return Sandbox(
        name,
        order=specs.order(name, (plugin,), pack_bytes, keeps_state=False, allow_unjailed=False),
        spec=spec,
        arena=Arena("measured", SLOT_BYTES, _SLOTS, host_writes=False),
        housing=zygote,
        owner=owner,
        metrics=ComponentMetrics("decoders", name, "measured"),
        cpu_limit_ms=specs.cpu_limit_ms((plugin,)),
        read_module=specs.module_reader(None),
    )


async def give(sandbox: Sandbox, data: bytes) -> Intake:
    """Give lines to a decoder. Close the returned intake afterwards."""
    intake = Intake(
        "measured", slot_bytes=SLOT_BYTES, slots=2, max_record_bytes=SLOT_BYTES // 2, has_room=lambda: True,
        decode=sandbox.give, reject=lambda *_: None, metrics=ComponentMetrics("inputs", "measured", "measured"),
    )  # fmt: skip
    stream = intake.open_stream("measured", "measured")
    slot = await intake.slot()
    slot.view[: len(data)] = data
    intake.submit(slot, stream, position=0, next_position=len(data), length=len(data), records=None)
    return intake


async def stop(sandboxes: Iterable[Sandbox]) -> None:
    """Stop all sandboxes."""
    await asyncio.gather(*(sandbox.stop() for sandbox in sandboxes))
