"""`hekate schema`: the JSON Schema of what a user writes."""

import click

from host.cli.support.did_you_mean import OneOf
from host.cli.support.exit_codes import exits


@click.command(name="schema", short_help="Print the JSON Schema of the configuration, or of cases.", epilog=exits())
@click.argument("kind", type=OneOf(["config", "cases"]), default="config")
def command(kind: str) -> None:
    """Print a JSON Schema, for editors: of the configuration, or of the cases of a plugin.

    \b
        hekate schema > config.schema.json
        hekate schema cases > cases.schema.json
    """  # noqa: D301 -- \b is click's mark for text that is not to be wrapped
    from host.cli.support.output import write_json
    from host.config.schema import cases_schema, config_schema

    write_json(config_schema() if kind == "config" else cases_schema())
