"""All files of a replay."""

from host.replay.pack_recording import PackRecording
from host.replay.recording import Recording


class Recordings:
    """What is to be read, and in which order.

    Args:
        inputs: By the input that reads them.
        packs: Files of packs, which no input reads.
        by_time: Whether records are put in order by time; if not, file comes after file, in the order that they have.
    """

    def __init__(self, inputs: dict[str, list[Recording]], packs: list[PackRecording], *, by_time: bool) -> None:
        self.inputs = inputs
        self.packs = packs
        self.by_time = by_time
        found = [*packs, *(each for some in inputs.values() for each in some)]
        self.all = sorted(found, key=lambda each: each.order)
        for each in self.all:
            each.timed = by_time

    def close(self) -> None:
        """Let the files of packs go; nobody may use their packs any more."""
        for each in self.packs:
            each.close()
