"""Whoever adds a plugin documents it; a missing sentence breaks the build."""

import pytest

from host.config import catalogue, model, registry
from host.config.model import STAGES
from host.config.schema import SHARED

ERRORS = []
PLUGINS = [plugin for stage in STAGES for plugin in catalogue.describe(stage, None, ERRORS)]
NAMES = [f"{plugin.stage}/{plugin.name}" for plugin in PLUGINS]


def test_every_header_of_a_shipped_plugin_is_read_without_a_fault():
    assert [str(error) for error in ERRORS] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=NAMES)
def test_every_plugin_says_in_a_sentence_what_it_does(plugin):
    assert len(plugin.summary) >= 15
    assert plugin.summary.endswith(".")
    assert not plugin.summary.startswith("Not available")


@pytest.mark.parametrize("plugin", PLUGINS, ids=NAMES)
def test_every_option_is_described(plugin):
    short = [option.name for option in plugin.options if len(option.description) < 10]

    assert short == []


@pytest.mark.parametrize("plugin", [p for p in PLUGINS if p.language == "lua"], ids=lambda p: f"{p.stage}/{p.name}")
def test_every_lua_plugin_explains_itself_in_prose(plugin):
    assert len(plugin.prose) >= 40


@pytest.mark.parametrize("stage", registry.STAGES)
def test_no_option_of_a_type_hides_a_key_that_all_of_its_stage_have(stage):
    shared = {option.name.partition(".")[0] for struct in SHARED[stage] for option in catalogue.struct_options(struct)}
    shared.add("name")

    for component in registry.types(stage):
        own = {option.name.partition(".")[0] for option in catalogue.struct_options(component.options)}
        assert own & shared == set(), component.name


@pytest.mark.parametrize("stage", registry.STAGES)
def test_options_are_frozen_plain_data_so_that_a_reload_can_compare_them(stage):
    for component in registry.types(stage):
        config = component.options.__struct_config__
        assert config.frozen, component.name
        assert config.forbid_unknown_fields, component.name


@pytest.mark.parametrize(
    "struct", [model.HostSettings, *dict.fromkeys(s for shared in SHARED.values() for s in shared)]
)
def test_every_shared_key_is_described(struct):
    short = [option.name for option in catalogue.struct_options(struct) if len(option.description) < 10]

    assert short == []
