"""The exit statuses of sysexits.h: one table for `--help`, the man page and docs/cli.md."""

import os

WORDS = {
    0: "done",
    1: "something failed",
    os.EX_USAGE: "the command line is wrong",
    os.EX_DATAERR: "records failed, or a sandbox was ended",
    os.EX_NOINPUT: "there is nothing to read",
    os.EX_UNAVAILABLE: "the host, a port or a library is not available",
    os.EX_SOFTWARE: "a fault in Hekate, or a sandbox that could not be started",
    os.EX_CANTCREAT: "a file exists already, or cannot be written",
    os.EX_IOERR: "reading or writing failed for good",
    os.EX_TEMPFAIL: "stopped before everything was delivered or, with --once, read",
    os.EX_NOPERM: "the token is missing, wrong, or has too few rights",
    os.EX_CONFIG: "the configuration, or a plugin, is wrong",
    130: "interrupted",
    141: "the reader of the output has gone",
    143: "terminated",
}
"""Short meanings; docs/cli.md has more. The last three, and 64, apply to every verb."""

_OF_A_HOST = {1: "the host refused", os.EX_UNAVAILABLE: "no host answers", os.EX_NOPERM: WORDS[os.EX_NOPERM]}


def exits(*statuses: int, because: dict[int, str] | None = None, asks_a_host: bool = False) -> str:
    """Return the last paragraph of a verb's help.

    Args:
        statuses: Exit statuses of the verb, beside 0 and those of every verb.
        because: More specific meanings by exit status; these need not be in `statuses`.
        asks_a_host: True if the verb talks to a running host; adds the statuses of that.
    """
    said = because or {}
    words = (_OF_A_HOST if asks_a_host else {}) | {status: WORDS[status] for status in statuses} | said
    if asks_a_host and 1 in said:
        words[1] = f"{said[1]}, or the host refused"
    words |= {0: words.get(0, WORDS[0]), os.EX_USAGE: WORDS[os.EX_USAGE]}
    return "Exit status: " + "; ".join(f"{status} {words[status]}" for status in sorted(words)) + "."
