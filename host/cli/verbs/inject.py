"""`hekate inject`: send a message, or lines, to an input of a running host."""

import os
import sys
import time
from typing import Any

import click

from host.cli.support.exit_codes import exits
from host.cli.support.options import format_option


@click.command(
    name="inject",
    short_help="Send a message, or lines, to an input of a running host.",
    epilog=exits(because={os.EX_UNAVAILABLE: "no process listens there, or it stopped"}),
)
@click.argument("where")
@click.option("--type", "type_", default="hekate.inject", show_default=True, help="The Type of the message.")
@click.option("--logger", default="hekate-inject", show_default=True, help="The Logger of the message.")
@click.option("--payload", default="", help="The Payload of the message.")
@click.option(
    "--severity", type=click.IntRange(0, 7), default=6, show_default=True, help="As in syslog: 0 is the worst."
)
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field; a JSON number becomes a number.")
@click.option("--raw", is_flag=True, help="Send standard input unchanged instead of a message.")
@format_option
def command(
    where: str, *, type_: str, logger: str, payload: str, severity: int, fields: tuple[str, ...], raw: bool,
    output_format: str,
) -> None:  # fmt: skip
    """Send one message, in Heka's protobuf with its frame, to an input with `splitter: heka` and `decoder: protobuf`.

    WHERE is tcp://host:port, udp://host:port or unix:///path of a tcp, udp or unix input. With --raw lines go to any
    input, each by itself where it takes datagrams.

    \b
        hekate inject tcp://127.0.0.1:5565 --type deploy --payload 'v7 is out' --field version=7
        tail -3 app.log | hekate inject udp://127.0.0.1:5514 --raw
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support import protobuf
    from host.cli.support.output import write_json
    from host.cli.support.sending import Sender
    from host.packs.writer import Field, Message, Scalar

    headers: dict[str, Scalar] = {"Payload": payload, "Severity": severity}
    message = Message(type_, logger, time.time_ns(), headers, [Field(*_field(given)) for given in fields])
    try:
        sender = Sender(where)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sent = sent_bytes = 0
    try:
        for data in sys.stdin.buffer if raw else [protobuf.framed(message)]:
            sender.send(data.rstrip(b"\n") if raw and sender.is_datagrams else data)
            sent, sent_bytes = sent + 1, sent_bytes + len(data)
    finally:
        sender.close()
    if output_format == "json":
        write_json({"sent": sent, "bytes": sent_bytes})
    else:
        click.echo(f"{sent} {'lines' if raw else 'message'}, {sent_bytes} bytes sent.")


def _field(given: str) -> tuple[str, Any]:
    import orjson

    name, equals, text = given.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--field takes NAME=VALUE, and not `{given}`.")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return name, text
    return name, value if isinstance(value, int | float) and not isinstance(value, bool) else text
