"""Nowhere: for measuring what comes before."""

from host.outputs.base import Batch, Output, OutputOptions


class NullOptions(OutputOptions, frozen=True, kw_only=True):
    """No options."""


class NullOutput(Output):
    """Takes every batch and forgets it."""

    type = "null"
    Options = NullOptions

    async def open(self) -> None:
        """Nothing to open."""

    def write(self, batch: Batch) -> None:
        """Take a batch."""

    async def close(self) -> None:
        """Nothing to close."""
