"""Every shipped plugin has cases, and they pass."""

from pathlib import Path

import pytest

from host.config import model
from host.sandbox.library import KINDS, Library
from host.trial.cases import Cases
from host.trial.run_cases import run_cases

PLUGINS = [plugin for kind in KINDS for plugin in Library().plugins(kind, [])]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: f"{plugin.kind}-{plugin.name}")
def test_the_cases_of_each_shipped_plugin_pass(laboratory, plugin):
    errors = []
    cases = Cases(model.HostSettings(), errors).of_plugin(plugin, Path(plugin.path).read_bytes())
    assert not errors
    assert cases, "a shipped plugin has cases"
    for verdict in laboratory.wait(run_cases(cases, laboratory.zygote)):
        assert verdict.passed, verdict.explain()
