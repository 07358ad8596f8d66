"""Options of the file input."""

from typing import Annotated, Literal

from msgspec import Meta

from host.inputs.base import InputOptions


class FileOptions(InputOptions, frozen=True, kw_only=True):
    """Options of the file input."""

    path: Annotated[
        str | list[str],
        Meta(description="File or pattern (*, ?, [...], ** for folders of any depth), or a list of them."),
    ]
    exclude: Annotated[
        tuple[str, ...], Meta(description="Patterns of paths that are not read though `path` matches them.")
    ] = ()
    follow: Annotated[
        bool, Meta(description="Wait for more at the end of a file; false: read what there is, then end.")
    ] = True
    start_at: Annotated[
        Literal["beginning", "end"],
        Meta(
            description="Where to begin in files that are there at the start and were never read before. Files that "
            "appear later are read from their beginning. Without effect where files are read once."
        ),
    ] = "beginning"
    poll_interval_ms: Annotated[
        int,
        Meta(
            ge=10,
            description="How often to look for new files and for data where the kernel does not tell: on network "
            "file systems. Less often where there are so many files that this would take more than about 1 % of a "
            "core.",
        ),
    ] = 1000
    close_rotated_after_ms: Annotated[
        int,
        Meta(ge=0, description="How long a file that was renamed or deleted is still read after its last data."),
    ] = 60_000
    close_idle_after_ms: Annotated[
        int,
        Meta(
            ge=0,
            description="A followed file without new data for so long is closed, and opened again when it changes. "
            "Where many files are open, idle ones are closed earlier.",
        ),
    ] = 60_000
    keep_position: Annotated[
        bool,
        Meta(
            description="Where files are read once: begin where the last run ended. By default each run reads from "
            "the beginning, unless the last one was interrupted."
        ),
    ] = False
    sequential: Annotated[
        bool,
        Meta(
            description="Where files are read once: one after the other, in the order of `path` and within a pattern "
            "oldest first. By default they are read side by side."
        ),
    ] = False
