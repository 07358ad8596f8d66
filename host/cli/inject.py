"""`hekate inject`: send a message, or lines, to an input of a running host."""

import sys
import time
from typing import Any

import click


@click.command(name="inject", short_help="Send a message, or lines, to an input of a running host.")
@click.argument("where")
@click.option("--type", "type_", default="hekate.inject", show_default=True, help="The Type of the message.")
@click.option("--logger", default="hekate-inject", show_default=True)
@click.option("--payload", default="")
@click.option("--severity", type=click.IntRange(0, 7), default=6, show_default=True)
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field; what is a number in JSON is one."
)
@click.option("--raw", is_flag=True, help="Send what comes on the standard input, as it is, and no message.")
def command(
    where: str, *, type_: str, logger: str, payload: str, severity: int, fields: tuple[str, ...], raw: bool
) -> None:
    """Send one message, in Heka's protobuf with its frame, to an input with `splitter: heka` and `decoder: protobuf`.

    WHERE is tcp://host:port, udp://host:port or unix:///path of a tcp, udp or unix input. With --raw lines go to any
    input, each by itself where it takes datagrams.

    \b
        hekate inject tcp://127.0.0.1:5565 --type deploy --payload 'v7 is out' --field version=7
        tail -3 app.log | hekate inject udp://127.0.0.1:5514 --raw
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli import protobuf
    from host.cli.sending import Sender
    from host.packs.writer import Field, Message, Scalar

    try:
        sender = Sender(where)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from fault
    try:
        if raw:
            for line in sys.stdin.buffer:
                sender.send(line.rstrip(b"\n") if sender.is_datagrams else line)
            return
        headers: dict[str, Scalar] = {"Payload": payload, "Severity": severity}
        made = [Field(*_field(given)) for given in fields]
        sender.send(protobuf.framed(Message(type_, logger, time.time_ns(), headers, made)))
    finally:
        sender.close()


def _field(given: str) -> tuple[str, Any]:
    import orjson

    name, equals, text = given.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--field takes NAME=VALUE, and not `{given}`.")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return name, text
    return name, value if isinstance(value, int | float) else text
