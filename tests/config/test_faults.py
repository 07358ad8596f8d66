"""Every fault is found, at its place, with what to do. One table: configuration, then what must be said."""

import pytest

from host.core.errors import ConfigErrors

GOOD_IN = "inputs: {in: {type: made_up, address: here}}\n"
GOOD_OUT = "outputs: {out: {type: made_up, address: x, message_matcher: 'TRUE'}}\n"


def faults(world, *texts, env=None):
    with pytest.raises(ConfigErrors) as raised:
        world.load(*texts, env=env)
    return raised.value.errors


CASES = {
    "unknown section": ("outputz: {}\n", "outputz", "Did you mean `outputs`?"),
    "unknown host key": ("hekate: {state_dri: x}\n", "hekate.state_dri", "Did you mean `state_dir`?"),
    "unknown input key": (
        "inputs: {b: {type: made_up, address: x, adress: y}}\n",
        "inputs.b.adress",
        "Did you mean `address`?",
    ),
    "unknown nested key": (
        "inputs: {b: {type: made_up, address: x, tls: {dept: 1}}}\n",
        "inputs.b.tls.dept",
        "Did you mean `depth`?",
    ),
    "unknown type": ("inputs: {b: {type: madeup}}\n", "inputs.b.type", "Did you mean `made_up`?"),
    "no type": ("inputs: {b: {}}\n", "inputs.b.type", "`type` is missing"),
    "missing option": ("inputs: {b: {type: made_up}}\n", "inputs.b", "`address` is missing. Where to."),
    "text for a number": (
        "inputs: {b: {type: made_up, address: x, port: 'eighty'}}\n",
        "inputs.b.port",
        "Expected a whole number, got `eighty`. Remove the quotes.",
    ),
    "number for text": (
        "inputs: {b: {type: made_up, address: 7}}\n",
        "inputs.b.address",
        "Expected text, got `7`. Put it in quotes.",
    ),
    "number in a list of texts": (
        "inputs: {b: {type: made_up, address: x, globs: [a, 7]}}\n",
        "inputs.b.globs[1]",
        "Expected text, got `7`.",
    ),
    "out of range": ("inputs: {b: {type: made_up, address: x, port: 70000}}\n", "inputs.b.port", "<= 65535"),
    "not among the choices": (
        "inputs: {b: {type: made_up, address: x, mode: fats}}\n",
        "inputs.b.mode",
        "One of: plain, fast. Did you mean `fast`?",
    ),
    "refused by the type itself": (
        "inputs: {b: {type: made_up, address: nowhere}}\n",
        "inputs.b",
        "The address must be somewhere.",
    ),
    "a list for a mapping": ("inputs: {b: [1]}\n", "inputs.b", "Expected a mapping"),
    "a section that is a list": ("filters: [a]\n", "filters", "Expected a mapping"),
    "a strange name": ("inputs: {a/b: {type: made_up, address: x}}\n", "inputs.a/b", "is not a valid name"),
    "unknown splitter": (
        "inputs: {b: {type: made_up, address: x, splitter: tokn}}\n",
        "inputs.b.splitter",
        "Did you mean `token`?",
    ),
    "splitter option": (
        "splitters: {s: {type: token, delimter: x}}\n",
        "splitters.s.delimter",
        "Did you mean `delimiter`?",
    ),
    "unknown decoder": (
        "inputs: {b: {type: made_up, address: x, decoder: [frist]}}\n",
        "inputs.b.decoder[0]",
        "There is no decoder `frist`. Did you mean `first`?",
    ),
    "empty chain": ("inputs: {b: {type: made_up, address: x, decoder: []}}\n", "inputs.b.decoder", "is empty"),
    "decoder without type": (
        "inputs: {b: {type: made_up, address: x, decoder: {config: {}}}}\n",
        "inputs.b.decoder",
        "`type` is missing.",
    ),
    "missing plugin option": (
        "decoders: {d: {type: first}}\n",
        "decoders.d.config",
        "`log_format` is missing. The format of the lines.",
    ),
    "unknown plugin option": (
        "decoders: {d: {type: first, config: {log_format: x, limmit: 1}}}\n",
        "decoders.d.config.limmit",
        "Did you mean `limit`?",
    ),
    "plugin option of a wrong type": (
        "decoders: {d: {type: first, config: {log_format: x, limit: many}}}\n",
        "decoders.d.config.limit",
        "Expected a whole number, got `many`.",
    ),
    "plugin option not among the choices": (
        "decoders: {d: {type: first, config: {log_format: x, zone: mars}}}\n",
        "decoders.d.config.zone",
        "One of: utc, local.",
    ),
    "plugin option outside of config": (
        "decoders: {d: {type: first, limit: 3, config: {log_format: x}}}\n",
        "decoders.d.limit",
        "Move it under `config`.",
    ),
    "type and filename": ("filters: {f: {type: bare, filename: x.lua}}\n", "filters.f.filename", "exclude each other"),
    "no such file": ("filters: {f: {filename: x.lua}}\n", "filters.f.filename", "There is no file `x.lua`."),
    "a plugin name that is a path": ("filters: {f: {type: ../filters/bare}}\n", "filters.f.type", "no filter"),
    "filter without matcher": ("filters: {f: {type: bare}}\n", "filters.f", "`message_matcher` is missing."),
    "output without matcher": ("outputs: {o: {type: made_up, address: x}}\n", "outputs.o", "`message_matcher` is"),
    "too small a limit": ("filters: {counter: {memory_limit: 5}}\n", "filters.counter.memory_limit", ">= 1048576"),
    "queue policy": ("filters: {counter: {queue: {policy: blok}}}\n", "filters.counter.queue.policy", "`block`?"),
    "records larger than packs": (
        "inputs: {b: {type: made_up, address: x, max_record_bytes: 600000}}\n",
        "inputs.b.max_record_bytes",
        "more than half of pack_bytes",
    ),
    "a library is missing": ("inputs: {b: {type: broken}}\n", "inputs.b.type", "No module named 'no_such_library'"),
    "a number for a key": ("filters: {404: {type: counter}}\n", "filters.404", 'Write "404".'),
    "a key twice": ("filters:\n  counter:\n  counter:\n", "filters.counter", "is already set in line 2."),
    "unset variable": (
        "inputs: {b: {type: made_up, address: '${NO}'}}\n",
        "inputs.b.address",
        "The environment variable NO is not set. Set it, or write a default: ${NO:-...}.",
    ),
    "demanded variable": ("filters: {counter: {message_matcher: '${NO:?say which}'}}\n", "filters.", "NO: say which."),
    "malformed variable": ("filters: {counter: {message_matcher: '${9}'}}\n", "filters.", "is not a variable"),
}


@pytest.mark.parametrize(("text", "path", "said"), CASES.values(), ids=CASES.keys())
def test_each_fault_is_reported_once_with_path_place_and_remedy(world, text, path, said):
    base = GOOD_IN if not text.startswith("inputs") else ""
    base += GOOD_OUT if not text.startswith("outputs") else ""

    found = faults(world, base, text) if base else faults(world, text)

    assert len(found) == 1, [str(error) for error in found]
    assert found[0].path.startswith(path)
    assert said in f"{found[0].message} {found[0].hint}"
    assert found[0].line >= 1
    assert found[0].file.endswith(".yaml")


def test_every_fault_of_a_configuration_comes_at_once_in_order_of_lines(world):
    found = faults(
        world,
        """
        inputs:
          a:
            type: made_up
            adress: x
            port: many
          b: {type: nothing}
        filters:
          f: {type: countr, on_terminate: explode}
        outputs:
          o: {type: made_up, address: x, message_matcher: "TRUE", encoder: jsno}
        """,
    )

    assert [(error.line, error.path) for error in found] == [
        (3, "inputs.a"),
        (5, "inputs.a.adress"),
        (6, "inputs.a.port"),
        (7, "inputs.b.type"),
        (9, "filters.f.on_terminate"),
        (9, "filters.f.type"),
        (11, "outputs.o.encoder"),
    ]


def test_a_conflict_between_files_names_both_places(world):
    found = faults(world, GOOD_IN + GOOD_OUT, "\n" + GOOD_IN)

    assert [error.path for error in found] == ["inputs.in"]
    assert "part0.yaml:1" in found[0].message
    assert found[0].line == 2


def test_a_host_setting_in_two_files_is_a_conflict(world):
    found = faults(world, GOOD_IN + GOOD_OUT + "hekate: {log_level: info}", "hekate: {log_level: debug}")

    assert [error.path for error in found] == ["hekate.log_level"]


def test_a_wrong_variable_is_blamed_on_the_environment(world):
    found = faults(world, GOOD_OUT + "inputs: {in: {type: made_up, address: x, port: '${P}'}}", env={"P": "many"})

    assert found[0].message == "Expected a whole number, got `many` from the environment."


def test_a_fault_in_the_host_settings_does_not_hide_the_users_plugins(world):
    found = faults(world, GOOD_IN + "hekate: {max_loops: x}", "filters: {counter: }")

    assert [error.path for error in found] == ["hekate.max_loops"]


def test_a_fault_in_a_plugins_header_is_reported_once_with_its_own_place(world):
    path = world.sandbox_dir / "encoders" / "lines.lua"
    path.write_text(path.read_text().replace("summary", "sumary"))
    one = "{type: made_up, address: x, message_matcher: 'TRUE', encoder: lines}"

    found = faults(world, GOOD_IN, f"outputs: {{a: {one}, b: {one}}}")

    assert {(error.file, error.line) for error in found} == {(str(path), 3), (str(path), 5)}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("inputs:\n  a: {b: [\n", 3, "Not valid YAML"),
        ("inputs:\n\ta: 1\n", 2, "Indent with spaces"),
        ("- a\n", 1, "A configuration is a mapping of sections."),
        ("inputs: &a {b: *a}\n", 1, "An anchor contains itself."),
        ("inputs: {b: !!python/object:os.system {}}\n", 1, "is not supported"),
    ],
)
def test_what_is_no_configuration_is_explained(world, text, line, said):
    found = faults(world, text)

    assert any(error.line == line and said in f"{error.message} {error.hint}" for error in found), list(map(str, found))


def test_aliases_of_aliases_do_not_exhaust_memory(world):
    lines = ["x-0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"x-{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]

    assert "more than 100000 values" in faults(world, "\n".join(lines))[0].message


def test_deep_nesting_is_a_fault_and_no_crash(world):
    assert "Nested too deeply." in faults(world, "inputs: " + "[" * 5000 + "]" * 5000)[0].message


def test_a_configuration_without_input_or_consumer_is_refused(tmp_path, world):
    from host.config.load import load

    path = world.write("hekate: {log_level: info}")
    with pytest.raises(ConfigErrors) as raised:
        load([path], {})

    assert [error.path for error in raised.value.errors] == ["inputs", "outputs"]


def test_an_empty_directory_is_explained(tmp_path):
    from host.config.load import load

    with pytest.raises(ConfigErrors) as raised:
        load([tmp_path], {})

    assert "There is no *.yaml file in this directory." in [error.message for error in raised.value.errors]


def test_a_sandbox_dir_that_is_no_directory_is_reported_at_its_line(world):
    from host.config.load import load

    path = world.write("\nhekate:\n  sandbox_dir: /dev/null\n" + GOOD_IN)
    with pytest.raises(ConfigErrors) as raised:
        load([path], {})

    assert ("hekate.sandbox_dir", 3) in [(error.path, error.line) for error in raised.value.errors]
