"""Front matter is read as text, and its faults have the line of the Lua file."""

import pytest

from host.plugins import library, lua_modules
from host.plugins.library import Library
from host.plugins.manifest import read

GOOD = """\
--[[
---
name: thing
kind: decoder
summary: Makes things of other things.
config:
  size: {type: integer, default: 3, description: How large a thing is.}
---
Prose that explains.

Two paragraphs.
--]]
error("never run")
"""


def faults(text):
    errors = []
    assert read(text, "thing.lua", errors) is None
    return [(error.line, error.path) for error in errors]


def test_manifest_and_prose_are_read_without_running_the_plugin():
    errors = []

    header = read(GOOD, "thing.lua", errors)

    assert errors == []
    assert (header.manifest.name, header.manifest.kind) == ("thing", "decoder")
    assert header.manifest.config["size"].default == 3
    assert header.prose == "Prose that explains.\n\nTwo paragraphs."


def test_a_long_bracket_of_any_level_will_do():
    header = read(GOOD.replace("--[[", "--[==[").replace("--]]", "--]==]"), "thing.lua", [])

    assert header.manifest.name == "thing"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: decoder", "kind: input", (4, "kind")),
        ("summary: Makes things of other things.", "summary: x", (5, "summary")),
        ("name: thing", "name: The Thing", (3, "name")),
        ("config:", "confg:", (6, "confg")),
        ("type: integer", "type: int", (7, "config.size.type")),
        ("default: 3", "default: many", (7, "config.size")),
        ("default: 3", "default: 3, required: true", (7, "config.size")),
        ("description: How large a thing is.", "description: x", (7, "config.size.description")),
        ("kind: decoder", "kind: [", (6, "")),
    ],
)
def test_each_fault_has_its_line(old, new, expected):
    assert expected in faults(GOOD.replace(old, new))


def test_front_matter_without_an_end_is_told_what_to_write():
    assert faults("--[[\n---\nname: x\n--]]") == [(1, "")]


@pytest.mark.parametrize(
    "text", ["", "function process_message() end", "--[[ no rules --]]", "--[[ a\n---\nb\n---\n]]"]
)
def test_a_script_without_front_matter_takes_any_option(tmp_path, text):
    path = tmp_path / "Some-thing.lua"
    path.write_text(text)
    errors = []

    found = library.load(path, "filter", errors)

    assert errors == []
    assert (found.name, found.kind, found.takes_any_option) == ("Some-thing", "filter", True)


def test_the_users_plugin_hides_the_shipped_one_of_the_same_name(tmp_path):
    (tmp_path / "decoders").mkdir()
    own = tmp_path / "decoders" / "thing.lua"
    own.write_text(GOOD)

    found = Library(tmp_path)

    assert found.path("decoder", "thing") == own
    assert "thing" in found.names("decoder")
    assert found.find("decoder", "thing", []).manifest.summary == "Makes things of other things."


@pytest.mark.parametrize("name", ["", "..", "../decoders/thing", "a/b", "a\\b", ".hidden", "nul\0"])
def test_a_plugin_name_is_never_a_path(tmp_path, name):
    assert Library(tmp_path).path("decoder", name) is None


@pytest.mark.parametrize(
    ("name", "kind", "said"), [("other", "decoder", "Name the file thing.lua."), ("thing", "filter", "folder decoders")]
)
def test_file_name_and_kind_must_agree_with_the_front_matter(tmp_path, name, kind, said):
    path = tmp_path / f"{name}.lua"
    path.write_text(GOOD)
    errors = []

    assert library.load(path, kind, errors) is None
    assert said in errors[0].hint


def test_a_plugin_that_is_no_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "thing.lua"
    path.write_bytes(GOOD.encode() + b"\n\n-- \xff\n")
    errors = []

    assert library.load(path, "decoder", errors) is None
    assert errors[0].line == 16


def test_the_digest_changes_with_the_file(tmp_path):
    path = tmp_path / "thing.lua"
    path.write_text(GOOD)
    before = library.load(path, "decoder", []).digest
    path.write_text(GOOD + "-- more")

    assert library.load(path, "decoder", []).digest != before


def test_lpeg_and_cjson_load_into_luajit_here():
    assert lua_modules.missing() == []
    lua_modules.check_present()


def test_a_missing_module_names_the_command_to_give(monkeypatch):
    monkeypatch.setattr(lua_modules, "folders", list)

    with pytest.raises(lua_modules.StartError, match="sudo apt-get install -y lua-lpeg lua-cjson"):
        lua_modules.check_present()
