"""`hekate flood`: sends load to an input of a host."""

import os
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option

if TYPE_CHECKING:
    from host.cli.support.sending import Sender

_TURN_S = 0.01
_LINE = '{{"n":{n},"time":"{time}","level":"info","message":"{filler}"}}'
_SHARE = click.FloatRange(0, 1)


class Load(NamedTuple):
    """The kinds of lines to send."""

    size: int
    corrupt: float
    oversize: float
    oversize_bytes: int


@click.command(
    name="flood",
    short_help="Send load to an input of a host: rate, sizes, faulty and oversize shares.",
    epilog=exits(because={os.EX_UNAVAILABLE: "no process listens there, or it stopped"}),
)
@click.argument("where")
@click.option("--rate", type=click.IntRange(1), help="Lines per second; by default as fast as the host accepts them.")
@click.option("--seconds", type=click.FloatRange(0.1, 86_400), default=10.0, show_default=True, help="For how long.")
@click.option("--count", type=click.IntRange(1), help="End after so many lines.")
@click.option("--size", type=click.IntRange(64, 1_000_000), default=200, show_default=True, help="Bytes of a line.")
@click.option("--corrupt", type=_SHARE, default=0.0, show_default=True, help="Share of lines that are no JSON.")
@click.option("--oversize", type=_SHARE, default=0.0, show_default=True, help="Share of lines that are too long.")
@click.option(
    "--oversize-bytes",
    type=click.IntRange(1, 10_000_000),
    default=100_000,
    show_default=True,
    help="Bytes of a line that is too long.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same lines.")
@format_option
def command(
    where: str, *, rate: int | None, seconds: float, count: int | None, size: int, corrupt: float, oversize: float,
    oversize_bytes: int, seed: int, output_format: str,
) -> None:  # fmt: skip
    """Send lines of JSON to WHERE (tcp://host:port, udp://host:port or unix:///path), and print how many were accepted.

    Each line has a number `n`, so that losses can be found. Only load hosts that are yours.

    \b
        hekate flood tcp://127.0.0.1:5565 --rate 50000 --seconds 30 --corrupt 0.01
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.output import write_json
    from host.cli.support.sending import Sender

    try:
        sender = Sender(where)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    lines = _lines(Load(size, corrupt, oversize, oversize_bytes), random.Random(seed))  # noqa: S311 -- no secrets
    most = min(count or 1 << 62, round(rate * seconds) if rate else 1 << 62)
    began_s = time.monotonic()
    try:
        sent, sent_bytes = _send(sender, lines, rate=rate, seconds=seconds, most=most)
    finally:
        sender.close()
    took_s = time.monotonic() - began_s
    found = {"lines": sent, "bytes": sent_bytes, "seconds": round(took_s, 3), "lines_per_second": round(sent / took_s)}
    if output_format == "json":
        write_json(found)
    else:
        click.echo(f"{sent} lines, {sent_bytes} bytes in {took_s:.2f} s: {found['lines_per_second']:,} lines/s.")


def _lines(load: Load, dice: random.Random) -> Iterator[bytes]:
    n = 0
    while True:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        fate = dice.random()
        size = load.oversize_bytes if fate < load.oversize else load.size
        bare = len(_LINE.format(n=n, time=moment, filler=""))
        line = _LINE.format(n=n, time=moment, filler="x" * max(0, size - bare - 1))
        if load.oversize <= fate < load.oversize + load.corrupt:
            line = line[:-3]  # the end of the object is missing
        yield line.encode() + b"\n"
        n += 1


def _send(sender: "Sender", lines: Iterator[bytes], *, rate: int | None, seconds: float, most: int) -> tuple[int, int]:
    """Send until the time is over or all lines are sent; return the numbers of lines and bytes."""
    from host.cli.support.progress_bar import Progress

    began_s = time.monotonic()
    sent = sent_bytes = 0
    with Progress("lines", most if most < 1 << 62 else None) as progress:
        while sent < most and (elapsed_s := time.monotonic() - began_s) < seconds + _TURN_S:
            due = most if rate is None else min(most, round(rate * elapsed_s) + 1)
            turn = [next(lines) for _ in range(min(due - sent, 500))]
            if sender.is_datagrams:
                for line in turn:
                    sender.send(line[:-1])
            elif turn:
                sender.send(b"".join(turn))
            sent, sent_bytes = sent + len(turn), sent_bytes + sum(map(len, turn))
            progress.show(sent)
            if rate is not None and sent >= due:
                time.sleep(_TURN_S)
    return sent, sent_bytes
