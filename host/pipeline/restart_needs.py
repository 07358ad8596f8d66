"""Options of the `hekate` section that a reload cannot change."""

from __future__ import annotations

import msgspec

from host.config import model

NEED_RESTART = (
    "state_dir",
    "sandbox_dir",
    "hot_load",
    "log_level",
    "log_format",
    "hostname",
    "checkpoint_interval_ms",
    "allow_unjailed",
)
"""What is read once, at the start. All other options of the section take effect with a reload."""


def effective(running: model.Config, new: model.Config) -> tuple[model.Config, list[str]]:
    """Return the configuration that a reload can bring about, and the options that need a restart.

    Args:
        running: What runs.
        new: What the files say.
    """
    old_settings, settings = running.hekate, new.hekate
    differ = [name for name in NEED_RESTART if getattr(old_settings, name) != getattr(settings, name)]
    kept = msgspec.structs.replace(settings, **{name: getattr(old_settings, name) for name in differ})
    return msgspec.structs.replace(new, hekate=kept), [f"hekate.{name}" for name in differ]


def changed(running: model.Config, new: model.Config) -> list[str]:
    """Return the options of the section that a reload changes."""
    fields = (field.name for field in msgspec.structs.fields(model.HostSettings))
    return [f"hekate.{name}" for name in fields if getattr(running.hekate, name) != getattr(new.hekate, name)]
