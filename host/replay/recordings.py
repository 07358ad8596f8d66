"""The files of a replay."""

from host.replay.pack_recording import PackRecording
from host.replay.recording import Recording


class Recordings:
    """The files of a replay, and their order.

    Args:
        inputs: The files by input.
        packs: Pack files, which no input reads.
        by_time: True to order records by time across files; False to read one file after the other.
    """

    def __init__(self, inputs: dict[str, list[Recording]], packs: list[PackRecording], *, by_time: bool) -> None:
        self.inputs = inputs
        self.packs = packs
        self.by_time = by_time
        files = [*packs, *(each for some in inputs.values() for each in some)]
        self.all = sorted(files, key=lambda each: each.order)
        for each in self.all:
            each.is_timed = by_time

    def close(self) -> None:
        """Close the pack files. Their packs must not be used any more."""
        for each in self.packs:
            each.close()
