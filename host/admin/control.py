"""What the API looks at and changes: the pipeline, and what is kept beside it for people."""

from __future__ import annotations

import time
from pathlib import Path

from host.admin.audit import Audit
from host.admin.index import Index
from host.admin.recent import Recent
from host.pipeline.pipeline import Pipeline
from host.pipeline.reloading import Reloader


class Control:
    """Everything that the handlers of the routes need.

    Args:
        pipeline: What runs.
        reloader: Reads anew what the user has edited.
    """

    def __init__(self, pipeline: Pipeline, reloader: Reloader) -> None:
        self.pipeline = pipeline
        self.reloader = reloader
        self.state_dir = Path(pipeline.config.hekate.state_dir)
        self.audit = Audit(self.state_dir)
        self.index = Index(pipeline)
        self.recent = Recent(pipeline)
        pipeline.router.on_pack = self.recent.see
        self.started_ns = time.time_ns()

    async def close(self) -> None:
        """End."""
        self.audit.close()
