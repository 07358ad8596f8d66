"""Each read is a record: for datagrams, which have their own bounds."""

from array import array
from typing import Annotated

from msgspec import Meta

from host.splitters.base import Cut, Splitter, SplitterOptions


class NullOptions(SplitterOptions, frozen=True, kw_only=True):
    """No options of its own."""

    deliver_incomplete_final: Annotated[
        bool, Meta(description="Without effect here: a read is never an incomplete record.")
    ] = True


class NullSplitter(Splitter):
    """Makes each read one record, as Heka's NullSplitter did.

    On a byte stream the records then depend on how the stream arrives, which is right only for a protocol that
    writes a record at a time and waits for the answer.
    """

    type = "null"
    Options = NullOptions
    whole_reads = True

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:  # noqa: ARG002 -- the end changes nothing
        """Find the records in `view[:filled]`."""
        if not filled:
            return Cut(0, array("I"))
        scan = self._scan_of(view)
        scan.add(0, filled)
        return Cut(filled, scan.records, refused=tuple(scan.refused))
