"""Batches for tests of outputs."""

from array import array
from itertools import accumulate

from host.outputs.base import Batch


def batch_of(*records: bytes) -> Batch:
    """Make a batch of records."""
    data = b"".join(records)
    return Batch(memoryview(data), len(records), lambda: array("I", accumulate(map(len, records))))
