"""Cases of plugins: reading them, locating their faults, running them, and describing differences."""

import pytest

from host.config import model
from host.plugins import library
from host.trial.cases import CaseReader
from host.trial.run_cases import run_cases
from tests.running import PLUGIN

SPLIT = """
function process_message()
  print("seen", read_message "Payload")
  local name, value = read_message("Payload"):match "^(%w+)=(%d+)$"
  if not name then return -1, "no pair" end
  if name == "loop" then while true do end end
  write_message("Type", read_config "type" or "pair")
  write_message("Fields[" .. name .. "]", tonumber(value), "count")
  write_message("Fields[twice]", 1)
  write_message("Fields[twice]", "b", "", 1)
  return 0
end
if read_config "type" == "bad" then error "type: must not be bad" end
"""
COUNT = """
local count = 0
function process_message() count = count + 1 return 0 end
function timer_event(ns) inject_message {Type = "count", Timestamp = ns, Fields = {count = count}} end
"""
ENCODE = (
    'function process_message() inject_payload("", "", read_message "Payload", "|", read_message "Type") return 0 end'
)


class Setting:
    def __init__(self, folder, harness):
        self.folder = folder
        self.harness = harness
        self.settings = model.HostSettings(sandbox_dir=str(folder))
        self.errors = []

    def plugin(self, kind, code, cases="", header="", cases_file=None):
        folder = self.folder / f"{kind}s"
        folder.mkdir(exist_ok=True)
        path = folder / "mine.lua"
        header = "config:\n  type: {type: string, description: The Type of it.}\n" + header + cases
        path.write_text(PLUGIN.format(kind=kind, name="mine", code=code, header=header))
        if cases_file is not None:
            (folder / "mine.cases.yaml").write_text(cases_file)
        return path

    def read(self, kind, *arguments, **more):
        path = self.plugin(kind, *arguments, **more)
        plugin = library.load(path, kind, self.errors)
        return [] if plugin is None else CaseReader(self.settings, self.errors).read_plugin(plugin, path.read_bytes())

    def run(self, *arguments, **more):
        cases = self.read(*arguments, **more)
        assert not self.errors, [str(error) for error in self.errors]
        return self.harness.wait(run_cases(cases, self.harness.zygote))

    def differences(self, *arguments, **more):
        return [[str(d) for d in result.differences] for result in self.run(*arguments, **more)]


@pytest.fixture
def setting(tmp_path, harness):
    return Setting(tmp_path, harness)


GOOD = """cases:
- name: all that can be said of a record
  config: {type: other}
  now: 2024-05-01T10:00:00Z
  steps:
  - record: a=1
    messages:
    - Type: other
      Timestamp: 2024-05-01T10:00:00Z
      Logger: mine
      Payload: a=1
      Severity: 7
      Fields:
        a: 1
        absent:
        twice: 1
    prints: ["seen\\ta=1"]
  - record_base64: Yj0y
    messages:
    - Fields:
      - {name: b, value: 2, value_type: double, representation: count}
      - {name: twice, value: 1}
      - {name: twice, value: b}
      - {name: twice, value: }
  - record: nothing
    failure: no pair
    messages: []
  - record: loop=1
    ended_by: cpu_limit
- name: it does not load with that
  config: {type: bad}
  load_failure: must not be bad
"""


def test_cases_of_a_decoder_that_pass(setting):
    results = setting.run("decoder", SPLIT, GOOD)
    assert [result.passed for result in results] == [True, True]
    assert [result.name for result in results] == [
        "all that can be said of a record",
        "it does not load with that",
    ]


def case(*steps, more=""):
    return "cases:\n- name: one\n" + more + "  steps:\n" + "".join(f"  - {step}\n" for step in steps)


@pytest.mark.parametrize(
    ("step", "difference"),
    [
        ("{record: a=1, messages: [{Type: nope}]}", 'step 1: message 1: Type: expected "nope", got "pair"'),
        ("{record: a=1, messages: [{Fields: {a: 2}}]}", "step 1: message 1: Fields[a]: expected 2, got 1.0"),
        ("{record: a=1, messages: [{Fields: {a: true}}]}", "step 1: message 1: Fields[a]: expected true, got 1.0"),
        ("{record: a=1, messages: [{Fields: {b: 2}}]}", "step 1: message 1: Fields[b]: expected 2, got none"),
        ("{record: a=1, messages: [{Fields: {a: }}]}", "step 1: message 1: Fields[a]: expected null, got 1.0"),
        (
            "{record: a=1, messages: [{Fields: [{name: twice, value: 1}, {name: twice, value: c}]}]}",
            'step 1: message 1: Fields[twice][1]: expected "c", got "b"',
        ),
        (
            "{record: a=1, messages: [{Fields: [{name: a, representation: B}]}]}",
            'step 1: message 1: Fields[a]: representation: expected "B", got "count"',
        ),
        (
            "{record: a=1, messages: []}",
            """step 1: messages: expected 0, got 1
  {"Type": "pair", "Payload": "a=1", "Fields": {"a": 1.0, "twice": [1.0, "b"]}}""",
        ),
        ("{record: a=1, failure: x}", 'step 1: failure: expected one with "x", got none'),
        ("{record: x}", 'step 1: failure: expected none, got "mine: no pair"'),
        ("{record: x, failure: why}", 'step 1: failure: expected one with "why", got "mine: no pair"'),
        ("{record: a=1, prints: [x]}", 'step 1: prints: expected ["x"], got ["seen\\ta=1"]'),
        ("{record: a=1, ended_by: cpu_limit}", "step 1: ended by: expected cpu_limit, got nothing"),
    ],
)
def test_a_difference_is_described(setting, step, difference):
    assert setting.differences("decoder", SPLIT, case(step)) == [[difference]]


def test_an_unexpected_ending_is_described(setting):
    ((ended,),) = setting.differences("decoder", SPLIT, case("{record: loop=1}", "{record: a=1}"))
    assert "step 1: ended by: expected nothing, got cpu_limit" in ended
    ((load,),) = setting.differences("decoder", "error 'no'", case("{record: a=1}"))
    assert 'load: expected to succeed, got "' in load
    ((load,),) = setting.differences("decoder", SPLIT, case("{record: a=1}", more="  load_failure: x\n"))
    assert load == 'load: expected a failure with "x", got none'


def test_cases_of_filters_and_encoders(setting):
    steps = (
        "{message: {Type: a}}",
        "{record: text}",
        "{tick: 2024-05-01T10:00:00Z, messages: [{Timestamp: 2024-05-01T10:00:00Z, Fields: {count: 2}}]}",
        "{tick: 1714557600000001024, shutdown: true, messages: [{Timestamp: 1714557600000001024}]}",
    )
    assert setting.differences("filter", COUNT, case(*steps, more="  decoder: payload\n")) == [[]]
    more = "  message_matcher: Type == 'b'\n"
    ((difference,),) = setting.differences(
        "filter", COUNT, case("{message: {Type: a}}", "{tick: 5, messages: [{Fields: {count: 1}}]}", more=more)
    )
    assert difference == "step 2: message 1: Fields[count]: expected 1, got 0.0"

    steps = ("{message: {Payload: p, Type: t}, output: p|t}", "{record: r, output_base64: cnxs}")
    decoder = "  decoder: {type: payload, config: {type: l}}\n"
    assert setting.differences("encoder", ENCODE, case(*steps, more=decoder)) == [[]]
    ((difference,),) = setting.differences("encoder", ENCODE, case("{message: {Payload: p}, output: p}"))
    assert difference == 'step 1: output: expected "p", got "p|"'
    more = "  message_matcher: Type == 'b'\n"
    ((difference,),) = setting.differences("encoder", ENCODE, case("{message: {Payload: p}, output: p}", more=more))
    assert difference == 'step 1: output: expected "p", got "", because the message_matcher does not match'


def test_cases_are_read_from_front_matter_and_cases_file(setting):
    results = setting.run("decoder", SPLIT, case("{record: a=1}"), cases_file=case("{record: b=1, failure: x}"))
    assert [result.passed for result in results] == [True, False]
    text = results[1].explain()
    assert text.endswith('mine.cases.yaml:4: case `one`: step 1: failure: expected one with "x", got none')


@pytest.mark.parametrize(
    ("kind", "cases", "complaint"),
    [
        ("decoder", "cases:\n- steps: []\n", ":9: cases[0]: `name` is missing."),
        ("decoder", "cases:\n- name: x\n", "The case has no steps. Add a record"),
        (
            "decoder",
            case("{recrd: x}"),
            ":11: cases[0].steps[0].recrd: There is no option `recrd` here. Did you mean `record`?",
        ),
        ("decoder", case("{record: x, tick: 5}"), "A step must have exactly one input"),
        ("decoder", case("{failure: x}"), "A step must have exactly one input"),
        ("decoder", case("{message: {}}"), "A decoder takes records, not a message."),
        ("decoder", case("{record: x, output: y}"), "A decoder has no output. Expect `messages`"),
        ("decoder", case("{record_base64: '*'}"), "Invalid base64"),
        ("decoder", case("{record: x, messages: [{Tpe: x}]}"), "Unknown header `Tpe`"),
        (
            "decoder",
            case("{record: x}", more="  config: {tpe: x}\n"),
            "config.tpe: There is no option `tpe` here. Did you mean",
        ),
        ("decoder", case("{record: x}", more="  now: today\n"), "now: Timestamp: `today` is neither"),
        ("filter", case("{tick: soon}"), "Timestamp: `soon` is neither"),
        ("filter", case("{message: {Fields: 5}}"), "Fields: must be a mapping"),
        ("filter", case("{record: x}", more="  decoder: nothing\n"), "There is no decoder `nothing`"),
        ("encoder", case("{tick: 5}"), "Only filters have a timer_event"),
        ("encoder", case("{message: {}, messages: []}"), "An encoder produces no messages"),
    ],
)
def test_faults_are_reported_with_their_location(setting, kind, cases, complaint):
    assert setting.read(kind, ENCODE, cases) == []
    assert len(setting.errors) >= 1
    assert any(complaint in str(error) for error in setting.errors), [str(error) for error in setting.errors]


def test_a_broken_cases_file_is_reported(setting):
    assert setting.read("decoder", SPLIT, cases_file="cases: 5") == []
    assert "mine.cases.yaml:1: cases: Expected a list" in str(setting.errors[0])
