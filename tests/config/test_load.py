"""What a valid configuration becomes."""

import msgspec
import pytest

from host.config import limits, model
from host.config.load import load, load_config
from host.core.errors import ConfigErrors

MINIMAL = """
inputs:
  in:
    type: made_up
    address: here
outputs:
  out:
    type: made_up
    address: there
    message_matcher: "TRUE"
"""


def test_a_minimal_configuration_has_every_default_filled_in(world):
    config = world.load(MINIMAL).config

    source = config.inputs["in"]
    assert (source.type, source.logger, source.message_type) == ("made_up", "in", "")
    assert (source.splitter.type, source.splitter.options.delimiter) == ("token", "\n")
    assert [(link.kind, link.plugin) for link in source.decoder_chain] == [("decoder", "payload")]
    assert source.options.port == 514
    assert config.outputs["out"].encoder.plugin == "payload"
    assert config.outputs["out"].queue == model.Queue(policy="block", max_packs=32)
    assert config.hekate.max_loops == 4
    assert config.hekate.hostname


def test_loading_twice_gives_equal_configurations(world):
    assert world.load(MINIMAL).config == world.load(MINIMAL).config


def test_a_changed_option_makes_only_its_component_unequal(world):
    before = world.load(MINIMAL).config
    after = world.load(MINIMAL.replace("there", "elsewhere")).config

    assert before.inputs == after.inputs
    assert before.outputs["out"] != after.outputs["out"]


def test_an_edited_plugin_makes_its_users_unequal(world):
    before = world.load(MINIMAL).config
    path = world.sandbox_dir / "encoders" / "payload.lua"
    path.write_text(path.read_text() + "-- edited\n")

    after = world.load(MINIMAL).config

    assert before.inputs == after.inputs
    assert before.outputs != after.outputs


def test_the_whole_configuration_is_plain_data(world):
    config = world.load(MINIMAL).config

    assert msgspec.json.decode(msgspec.json.encode(config))["inputs"]["in"]["options"]["address"] == "here"


def test_the_name_of_an_entry_is_its_type_if_none_is_given(world):
    config = world.load(
        """
        inputs: {made_up: {address: here}}
        filters: {counter: }
        """
    ).config

    assert config.inputs["made_up"].type == "made_up"
    assert config.filters["counter"].sandbox.plugin == "counter"


def test_a_filter_takes_matcher_ticker_and_limits_from_its_manifest(world):
    config = world.load(MINIMAL, "filters: {f: {type: counter, max_process_inject: 0}}").config

    found = config.filters["f"]
    assert found.message_matcher == "Type == 'x'"
    assert found.ticker_interval == 60
    assert (found.sandbox.limits.max_process_inject, found.sandbox.limits.max_timer_inject) == (0, 50)
    assert found.sandbox.name == "f"


def test_what_the_user_says_goes_before_the_manifest(world):
    text = "filters: {f: {type: counter, message_matcher: 'TRUE', ticker_interval: 0, memory_limit: 4194304}}"

    found = world.load(MINIMAL, text).config.filters["f"]

    assert (found.message_matcher, found.ticker_interval) == ("TRUE", 0)
    assert found.sandbox.limits.memory_limit == 4 * 1024 * 1024


def test_limits_come_from_entry_then_manifest_then_host(world):
    config = world.load(
        """
        hekate: {memory_limit: 3145728, cpu_limit: 7}
        inputs:
          in:
            type: made_up
            address: here
            decoder: {type: first, output_limit: 2048, config: {log_format: x}}
        outputs: {out: {type: made_up, address: a, message_matcher: 'TRUE'}}
        """
    ).config

    decoder = config.inputs["in"].decoder_chain[0]
    found = decoder.limits
    assert (found.memory_limit, found.cpu_limit, found.output_limit) == (2 * 1024 * 1024, 7, 2048)
    assert config.outputs["out"].encoder.limits.memory_limit == 3 * 1024 * 1024


def test_plugin_options_are_typed_and_defaulted_and_absent_without_a_default(world):
    config = world.load(
        MINIMAL,
        """
        decoders: {d: {type: first, config: {log_format: $remote_addr, scale: 2, keep: [a, 1]}}}
        inputs: {second: {type: made_up, address: x, decoder: d}}
        """,
    ).config

    decoder = config.inputs["second"].decoder_chain[0]
    assert decoder.name == "d"
    assert decoder.config == {
        "log_format": "$remote_addr",
        "limit": 5,
        "scale": 2.0,
        "strict": False,
        "keep": ["a", 1],
        "zone": "utc",
    }


def test_a_list_of_decoders_is_a_chain_of_names_and_definitions(world):
    config = world.load(
        """
        inputs:
          in:
            type: made_up
            address: here
            decoder_strategy: all
            decoder: [named, payload, {type: first, config: {log_format: y}}]
        decoders: {named: {type: first, config: {log_format: x}}}
        filters: {counter: }
        """
    ).config

    chain = config.inputs["in"].decoder_chain
    assert [link.name for link in chain] == ["named", "payload", "first"]
    assert config.inputs["in"].decoder_strategy == "all"


def test_splitters_are_found_by_name_by_type_or_defined_on_the_spot(world):
    config = world.load(
        """
        splitters: {records: {type: token, delimiter: ";"}}
        inputs:
          a: {type: made_up, address: x, splitter: records}
          b: {type: made_up, address: x, splitter: length}
          c: {type: made_up, address: x, splitter: {type: token, delimiter: "|"}}
          d: {type: made_up, address: x, splitter: null}
          e: {type: made_up, address: x, splitter: "null"}
        filters: {counter: }
        """
    ).config

    found = [source.splitter for source in config.inputs.values()]
    assert [splitter.type for splitter in found] == ["token", "length", "token", "null", "null"]
    assert [splitter.name for splitter in found] == ["records", "length", "token", "null", "null"]
    assert found[2].options.delimiter == "|"


def test_a_plugin_may_be_a_file_beside_the_configuration(world):
    source = (world.sandbox_dir / "filters" / "bare.lua").read_text().replace("bare", "mine")
    world.write(source, "lua/mine.lua")

    config = world.load(MINIMAL, "filters: {f: {filename: lua/mine.lua, message_matcher: 'TRUE'}}").config

    assert config.filters["f"].sandbox.plugin == "mine"
    assert config.filters["f"].sandbox.path.endswith("/conf/lua/mine.lua")


def test_nested_options_become_structs(world):
    config = world.load(MINIMAL.replace("address: there", "address: there\n    tls: {depth: 9}")).config

    assert config.outputs["out"].options.tls.depth == 9
    assert config.outputs["out"].options.tls.verify is True


def test_variables_fill_options_of_any_type(world):
    text = MINIMAL.replace("address: here", 'address: "${HOST}:$$x"\n    port: ${PORT}\n    ratio: ${R:-0.25}')

    options = world.load(text, env={"HOST": "h", "PORT": "99"}).config.inputs["in"].options

    assert (options.address, options.port, options.ratio) == ("h:$x", 99, 0.25)


def test_variables_that_look_like_numbers_stay_text_where_text_is_wanted(world):
    options = world.load(MINIMAL.replace("here", "${A}"), env={"A": "080"}).config.inputs["in"].options

    assert options.address == "080"


def test_a_directory_is_its_yaml_files_merged(world):
    world.write(f"hekate: {{sandbox_dir: {world.sandbox_dir}}}", "d/10-host.yaml")
    world.write("inputs: {a: {type: made_up, address: x}}", "d/20-in.yml")
    world.write("inputs: {b: {type: made_up, address: x}}\nfilters: {counter: }", "d/30.yaml")
    world.write("not: [yaml", "d/notes.txt")

    config = load_config([world.folder / "d"], {})

    assert list(config.inputs) == ["a", "b"]


def test_the_same_file_twice_is_no_conflict(world):
    path = world.write(f"hekate: {{sandbox_dir: {world.sandbox_dir}}}\n{MINIMAL}")

    assert load_config([path, world.folder], {}).inputs.keys() == {"in"}


def test_anchors_merge_keys_and_dates_are_read(world):
    config = world.load(
        """
        x-common: &common {type: made_up, address: 2024-01-01}
        inputs:
          a: &a {<<: *common, port: 7}
          b: {<<: *common}
          c: *a
          d: {<<: *a, port: 8}
        filters: {counter: }
        """
    ).config

    assert [source.options.port for source in config.inputs.values()] == [7, 514, 7, 8]
    assert config.inputs["a"].options.address == "2024-01-01"


def test_state_dir_is_absolute_and_relative_to_where_hekate_was_started(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    config = world.load(MINIMAL, "hekate: {state_dir: state}").config

    assert config.hekate.state_dir == str(tmp_path / "state")


def test_places_tell_where_each_path_stands(world):
    places = world.load(MINIMAL).positions

    assert places["outputs.out.address"].line == 9
    assert places["outputs.out.address"].file.endswith("part0.yaml")


def test_all_faults_come_as_one_error(world):
    with pytest.raises(ConfigErrors) as raised:
        load([world.folder / "missing.yaml", world.folder / "missing2.yaml"], {})

    assert [error.message for error in raised.value.errors if error.file] == [
        "Cannot read the configuration: No such file or directory.",
        "Cannot read the configuration: No such file or directory.",
    ]
    assert "`hekate new config NAME`" in str(raised.value)


def test_the_hosts_maximum_wins_over_entry_and_manifest(world):
    config = world.load(
        """
        hekate:
          output_limit: 4096
          memory_limit: 4194304
          sandbox_maximums: {memory_limit: 1048576, max_timer_inject: 20, output_limit: 2048, max_loops: 2}
        inputs:
          in: {type: made_up, address: here, decoder: {type: first, output_limit: 8192, config: {log_format: x}}}
        filters:
          counter: {cpu_limit: 20000, max_loops: 3}
        """
    ).config

    decoder, counter = config.inputs["in"].decoder_chain[0].limits, config.filters["counter"].sandbox.limits
    assert (decoder.memory_limit, counter.memory_limit) == (2 << 20, 4 << 20), "the host's own default it may have"
    assert (decoder.output_limit, decoder.requested) == (4096, {"output_limit": 8192})
    assert (counter.max_timer_inject, counter.cpu_limit, counter.max_loops) == (20, 10_000, 3)
    assert counter.requested == {"max_timer_inject": 50, "cpu_limit": 20_000}
    assert limits.notes(config.sandboxes()) == [
        "decoder first: output_limit 8192 was reduced to 4096, the maximum in hekate.sandbox_maximums.",
        "filter counter: cpu_limit 20000 was reduced to 10000, the maximum in hekate.sandbox_maximums.",
        "filter counter: max_timer_inject 50 was reduced to 20, the maximum in hekate.sandbox_maximums.",
    ]


def test_limits_say_where_they_come_from(world):
    settings = model.HostSettings(sandbox_maximums=model.SandboxMaximums(cpu_limit=500))

    found = limits.resolve(
        settings, model.SandboxKeys(cpu_limit=900), model.SandboxKeys(cpu_limit=1, output_limit=2048)
    )

    assert found["cpu_limit"] == limits.Limit("cpu_limit", 100, 900, 500, 500)
    assert found["cpu_limit"].capped
    assert found["output_limit"] == limits.Limit("output_limit", 65536, 2048, 1 << 20, 2048)
    assert found["max_loops"] == limits.Limit("max_loops", 4, None, 16, 4)
    assert list(found) == list(limits.NAMES)
