"""`hekate schema`: the JSON Schema of what a user writes."""

import click


@click.command(name="schema", short_help="Print the JSON Schema of the configuration, or of cases.")
@click.argument("kind", type=click.Choice(["config", "cases"]), default="config")
def command(kind: str) -> None:
    """Print a JSON Schema, for editors: of the configuration, or of the cases of a plugin."""
    from host.cli.output import write_json
    from host.config.schema import cases_schema, config_schema

    write_json(config_schema() if kind == "config" else cases_schema())
