"""`hekate schema`: the JSON Schema of the configuration."""

import click


@click.command(name="schema", short_help="Print the JSON Schema of the configuration.")
def command() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from host.cli.output import write_json
    from host.config.schema import config_schema

    write_json(config_schema())
