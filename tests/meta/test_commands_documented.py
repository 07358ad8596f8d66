"""Every verb and sub-verb shows by --help what it does, an example, its exit statuses, what each option means."""

import inspect
import re

import click
import pytest

from host.cli.main import cli
from host.cli.reference import STATUSES, commands

COMMANDS = dict(commands())
NO_JSON = {"run", "schema", "completion", "sandbox", "deadletters"}
"""run has --log-format, schema is JSON, completion is a script, and the groups only have commands."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name):
    command = COMMANDS[name]
    text = inspect.cleandoc(command.help or "")
    epilog = command.epilog or ""
    documented = {int(status) for status, _, _ in STATUSES}

    assert text.split("\n\n")[0].rstrip().endswith((".", ":")), "the first sentence"
    assert re.search(rf"^ +(\S.* \| )?hekate {name}\b", text, re.MULTILINE), "an example, behind \\b"
    assert epilog.startswith("Exit status: 0 "), "epilog=exits(...)"
    assert {int(number) for number in re.findall(r"(\d+) [a-z]", epilog)} <= documented
    assert command.get_short_help_str(200).endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts[0]} says nothing"
            assert parameter.help.endswith((".", "?")), parameter.opts[0]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - NO_JSON))
def test_a_command_speaks_json_where_it_has_output(name):
    formats = [choice for parameter in COMMANDS[name].params if "--format" in parameter.opts
               for choice in getattr(parameter.type, "choices", ())]  # fmt: skip

    assert "json" in formats


def test_help_is_the_same_by_any_of_its_names():
    assert cli.context_settings["help_option_names"] == ["-h", "--help"]
