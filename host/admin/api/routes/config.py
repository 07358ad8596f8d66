"""The configuration: what runs, whether what stands in the files is valid, and loading it anew."""

import asyncio
import os
from typing import Any

import msgspec

from host.admin import problems
from host.admin.api.route_spec import Call, Routes
from host.admin.problems import Fault, Problem
from host.admin.services import secrets
from host.config.model import STAGES
from host.hotload.reloader import Outcome

routes = Routes("config", "The configuration that runs, checking what stands in its files, and loading it anew.")


class ConfigShown(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration that runs."""

    files: list[str]
    """Files and directories that it is read from, as they were given."""
    config: dict[str, Any]
    """Resolved: names looked up, defaults filled in. Secrets are hidden."""
    last_reload: Outcome | None
    """How the last reload went; null if there was none."""


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What `hekate validate` says of the files as they are now."""

    valid: bool
    errors: list[Fault]


@routes.get("/api/v1/config", role="viewer", scope="host")
async def show_config(call: Call) -> ConfigShown:
    """Show the configuration that runs, and how the last reload went.

    What is called a password, token, key or the like is hidden, and so are passwords in URLs.
    """
    context = call.context
    shown: dict[str, Any] = secrets.hide(msgspec.to_builtins(context.pipeline.config))
    return ConfigShown(
        files=[str(path) for path in context.reloader.paths],
        config={section: shown[section] for section in ("hekate", "admin", *STAGES) if section in shown},
        last_reload=context.reloader.last,
    )


@routes.post("/api/v1/config/validate", role="operator", scope="host")
async def validate_config(call: Call) -> Validation:
    """Check the files of the configuration as they are now, down to scripts and matchers; nothing is changed."""
    status, output = await call.context.reloader.check()
    try:
        errors = msgspec.json.decode(output.encode(), type=_Checked).errors
    except msgspec.DecodeError as error:
        raise Problem(409, f"The check could not be made: {output.strip()[:2000]}") from error
    return Validation(valid=status == os.EX_OK, errors=errors)


class _Checked(msgspec.Struct):
    errors: list[problems.Fault] = []


@routes.post("/api/v1/config/reload", role="operator", scope="host", problems=(409,))
async def reload_config(call: Call) -> Outcome:
    """Load the configuration anew, as SIGHUP does: what has not changed goes on undisturbed.

    An invalid configuration changes nothing; `ok` is false then, and `error` says why. The answer waits for the end.
    """
    task = call.context.reloader.begin()
    if task is None:
        raise Problem(409, "A reload is under way already.")
    outcome = await asyncio.shield(task)
    call.facts |= {"ok": outcome.ok, "changed": outcome.changed}
    return outcome
