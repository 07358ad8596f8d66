"""Runs a pipeline in this process, so that its components can be inspected while it runs."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml

from host.config.load import load_config
from host.pipeline.pipeline import Pipeline

PLUGIN = """--[[
---
name: {name}
kind: {kind}
summary: A {kind} of the benchmarks.
---
--]]
{code}
"""


@contextlib.asynccontextmanager
async def running(config: dict[str, Any], scratch: Path) -> AsyncIterator[Pipeline]:
    """Run a configuration until the end of the block. Inputs stop at the end of their files."""
    state = scratch / "state"
    shutil.rmtree(state, ignore_errors=True)
    path = scratch / "within.yaml"
    config["hekate"] = {"state_dir": str(state), **config.get("hekate", {})}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    pipeline = Pipeline(load_config([path]), once=True)
    await pipeline.start()
    try:
        yield pipeline
    finally:
        await pipeline.stop()
