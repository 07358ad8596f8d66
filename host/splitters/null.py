"""Makes each read one record: for datagrams, which have their own boundaries."""

from array import array
from typing import Annotated

from msgspec import Meta

from host.splitters.base import Cut, Splitter, SplitterOptions


class NullSplitterOptions(SplitterOptions, frozen=True, kw_only=True):
    """Options of the null splitter."""

    deliver_incomplete_final: Annotated[bool, Meta(description="No effect: a read is never an incomplete record.")] = (
        True
    )


class NullSplitter(Splitter):
    """Makes each read one record, as Heka's NullSplitter did.

    On a byte stream, record boundaries then depend on how the bytes arrive. Use it there only for a protocol that
    writes one record at a time and waits for the response.
    """

    type = "null"
    Options = NullSplitterOptions
    whole_reads = True

    def split(self, view: memoryview, filled: int, final: bool) -> Cut:  # noqa: ARG002 -- the end changes nothing
        """Find the records in `view[:filled]`."""
        if not filled:
            return Cut(0, array("I"))
        scan = self._scan_of(view)
        scan.add(0, filled)
        return Cut(filled, scan.records, refused=tuple(scan.refused))
