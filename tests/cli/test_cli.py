"""The command as a user types it: exit statuses, what goes where, plain and JSON."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLUGIN = """--[[
---
name: {name}
kind: {kind}
summary: A {kind} for the tests of the command line.
---
--]]
{code}
"""


def hekate(*arguments, env=None, **options):
    """Run the command in a process of its own."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})}
    command = [sys.executable, "-m", "host", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, **options)


@pytest.fixture
def sandbox_dir(tmp_path):
    folder = tmp_path / "plugins"
    for name, kind in [("payload", "decoder"), ("payload", "encoder"), ("mine", "filter")]:
        path = folder / f"{kind}s" / f"{name}.lua"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLUGIN.format(name=name, kind=kind, code="function process_message() return 0 end"))
    return folder


@pytest.fixture
def config(tmp_path, sandbox_dir):
    path = tmp_path / "hekate.yaml"
    path.write_text(
        f"hekate: {{sandbox_dir: {sandbox_dir}}}\n"
        "inputs: {in: {type: file, path: '/var/log/*.log'}}\n"
        "filters: {mine: {message_matcher: \"Type == 'x'\"}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: hekate"),
        (["vlidate"], "There is no command `vlidate`. Did you mean `validate`?"),
        (["validate"], "Missing argument 'CONFIG...'"),
        (["run"], "Missing argument 'CONFIG...'"),
        (["validate", "--nosuch", "x"], "No such option"),
        (["list", "plugins"], "there is no `plugins`. Known: decoders, "),
        (["list", "--format", "xml"], "there is no `xml`. Known: json, text."),
    ],
)
def test_a_wrong_command_line_is_64_and_says_what_is_wrong_on_stderr(arguments, said):
    result = hekate(*arguments)

    assert result.returncode == 64
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("verb", [[], ["run"], ["validate"], ["list"], ["sandbox"], ["schema"], ["version"]])
def test_help_is_0_whole_and_on_stdout(verb):
    result = hekate(*verb, "--help")

    usage, _, rest = result.stdout.partition("\n")
    assert result.returncode == 0
    assert usage.startswith("Usage: hekate")
    assert "..." not in rest


def test_help_is_fast():
    best = min(_cpu_seconds_of("--help") for _ in range(3))

    assert best < 0.3, "imports have crept into the command line (a quiet machine needs 0.1 s)"


def _cpu_seconds_of(*arguments):
    """Of the CPU, which others who use the machine hardly change."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    hekate(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_imports_neither_lua_nor_the_pipeline():
    program = "import sys; sys.argv = ['hekate', '--help']\nfrom host.cli import main\nmain.run()\nprint(*sys.modules)"

    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()

    assert not {"lupa", "rich", "yaml", "msgspec", "tornado", "asyncio"} & set(modules)


def test_validate_says_what_is_there_and_is_0(config):
    result = hekate("validate", config)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Valid: 1 input, 1 filter, 0 outputs.\n"


def test_validate_reports_every_fault_on_stderr_and_is_78(config):
    config.write_text(config.read_text().replace("path:", "pth:").replace("filters:", "fliters:"))

    result = hekate("validate", config)

    assert result.returncode == 78
    assert result.stdout == ""
    assert f"{config}:2: inputs.in.pth: There is no option `pth` here.\n    Did you mean `path`?" in result.stderr
    assert "Did you mean `filters`?" in result.stderr
    assert "faults in the configuration." in result.stderr


def test_validate_as_json_is_one_document(config):
    config.write_text(config.read_text().replace("path:", "pth:"))

    result = hekate("validate", "--format", "json", config)

    document = json.loads(result.stdout)
    assert (result.returncode, document["valid"]) == (78, False)
    unknown = next(error for error in document["errors"] if error["path"] == "inputs.in.pth")
    assert (unknown["line"], unknown["file"], unknown["hint"]) == (2, str(config), "Did you mean `path`?")


@pytest.mark.parametrize("used", [True, False], ids=["used", "only dropped in"])
def test_validate_compiles_the_lua_without_running_it(config, sandbox_dir, used):
    name = "mine" if used else "other"
    path = sandbox_dir / "filters" / f"{name}.lua"
    path.write_text(PLUGIN.format(name=name, kind="filter", code="error('ran')\nlocal x = = 1"))

    result = hekate("validate", config)

    assert result.returncode == 78
    assert f"{path}:9: Lua does not compile: unexpected symbol near '='." in result.stderr
    assert "ran" not in result.stderr


def test_validate_runs_no_plugin(config, sandbox_dir):
    path = sandbox_dir / "filters" / "mine.lua"
    path.write_text(PLUGIN.format(name="mine", kind="filter", code="while true do end"))

    assert hekate("validate", config).returncode == 0


CAPTURES = """
local lpeg = require "lpeg"
declare_grammar { alternatives = { { "id=", { name = "id", grammar = lpeg.C(lpeg.R "09" ^ 1) } } } }
"""


def test_validate_refuses_a_declared_grammar_that_captures(config, sandbox_dir):
    (sandbox_dir / "decoders").mkdir(exist_ok=True)
    (sandbox_dir / "decoders" / "capturing.lua").write_text(
        PLUGIN.format(name="capturing", kind="decoder", code=CAPTURES)
    )
    captured = "inputs: {captured: {type: stdin, decoder: capturing}, "
    config.write_text(config.read_text().replace("inputs: {", captured))

    result = hekate("validate", config)

    assert result.returncode == 78
    assert "inputs.captured.decoder: The plugin does not load: declare_grammar: item 2 (id) of alternative 1" in (
        result.stderr
    )


def test_validate_refuses_bytecode(config, sandbox_dir):
    path = sandbox_dir / "filters" / "mine.lua"
    path.write_bytes(b"\x1bLJ\x02")

    assert hekate("validate", config).returncode == 78


def test_validate_checks_the_matchers(config):
    config.write_text(config.read_text().replace("Type == 'x'", "Type == 'x' Type"))

    result = hekate("validate", config)

    assert result.returncode == 78
    assert f"{config}:3: filters.mine.message_matcher: " in result.stderr


def test_run_with_a_wrong_configuration_is_78(tmp_path):
    path = tmp_path / "hekate.yaml"
    path.write_text("inputz: {}\n")

    result = hekate("run", path)

    assert result.returncode == 78
    assert "Did you mean `inputs`?" in result.stderr


def test_list_shows_every_stage(sandbox_dir):
    result = hekate("list", "--sandbox-dir", sandbox_dir)

    assert result.returncode == 0
    for heading in ("inputs", "splitters", "decoders", "filters", "encoders", "outputs"):
        assert f"{heading}\n" in result.stdout
    assert "  mine  A filter for the tests of the command line.\n" in result.stdout
    assert '      delimiter (string, default "\\n")\n' in result.stdout


def test_list_of_one_kind_as_json():
    document = json.loads(hekate("list", "splitters", "--format", "json").stdout)

    assert list(document) == ["splitters"]
    token = next(plugin for plugin in document["splitters"] if plugin["name"] == "token")
    assert {"name": "count", "type": "integer"}.items() <= token["options"][-1].items()


def test_validate_looks_at_filters_that_run_by_themselves(config, sandbox_dir):
    filters = sandbox_dir / "filters"
    (filters / "plain.lua").write_text("function process_message() return 0 end")
    (filters / "good.cfg").write_text('filename = "plain.lua"\nmessage_matcher = "Type =~ \'^a%d\'"\n')
    assert hekate("validate", config).returncode == 0

    (filters / "bad.cfg").write_text('filename = "plain.lua"\nmessage_matcher = "Type =="\n')
    (filters / "worse.cfg").write_text('filename = "plain.lua"\nrows = f(1)\n')
    result = hekate("validate", config)

    assert result.returncode == 78
    assert "bad.cfg: message_matcher: The matcher is not valid: expected" in result.stderr
    assert "worse.cfg:2: `f` is not data: calls and lookups are not supported." in result.stderr


def test_list_goes_on_after_a_plugin_with_a_broken_header_and_is_78(sandbox_dir):
    (sandbox_dir / "filters" / "bad.lua").write_text("--[[\n---\nname: bad\n")

    result = hekate("list", "filters", "--sandbox-dir", sandbox_dir)

    assert result.returncode == 78
    assert "mine" in result.stdout
    assert "bad.lua:1: The header comment with front matter is missing." in result.stderr


def test_pipes_get_no_colours_and_no_wrapping(config):
    config.write_text(config.read_text() + f"x{'y' * 200}: 1\n")

    result = hekate("validate", config, env={"COLUMNS": "40"})

    assert "\x1b" not in result.stderr
    assert f"There is no section `x{'y' * 200}` here." in result.stderr


def test_a_reader_that_leaves_early_is_no_crash(sandbox_dir):
    command = f"{sys.executable} -m host schema | head -c 10"

    result = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)

    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_schema_is_a_json_schema_with_all_sections():
    document = json.loads(hekate("schema").stdout)

    assert document["$schema"].startswith("https://json-schema.org/")
    assert list(document["properties"]) == [
        "hekate",
        "admin",
        "inputs",
        "splitters",
        "decoders",
        "filters",
        "encoders",
        "outputs",
        "tests",
    ]
    assert document["$defs"]["splitters.token"]["properties"]["type"]["const"] == "token"


def test_version_names_what_runs():
    assert json.loads(hekate("version", "--format", "json").stdout).keys() >= {"hekate", "python", "lupa"}
    assert hekate("--version").stdout.startswith("hekate ")


def test_every_exit_status_is_documented():
    from host.core import errors

    page = (ROOT / "docs" / "cli.md").read_text()
    classes = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.HekateError)]

    assert all(f"| {cls.exit_code} |" in page for cls in classes)
    assert "| 64 |" in page
