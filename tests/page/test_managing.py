"""What somebody does with the page, under load: nothing is lost by it."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.running import until

NEWCOMER = """--[[
---
name: newcomer
kind: filter
summary: Counts what is slow, for the tests of the page.
message_matcher: Fields[status] == 503
ticker_interval: 1
---
--]]
local n = 0
function process_message()
  n = n + 1
  return 0
end
function timer_event(ns, shutdown) inject_payload("txt", "slow", "slow: ", n) end
"""
BROKEN = NEWCOMER.replace("n = n + 1", "n = = 1")
FAILING_CASE = NEWCOMER.replace(
    "---\n--]]",
    'cases:\n- name: it says so\n  steps:\n  - message: {Fields: {status: 503}}\n    prints: ["something"]\n---\n--]]',
)


def write(page, text):
    """Paste a text into the editor, in the place of what was there."""
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.get_by_role("textbox", name="Script").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")


def test_a_newcomer_uploads_breaks_rolls_back_and_removes_a_filter_and_no_record_is_lost(visit, running):
    visitor = visit()
    visitor.allowed = ("status of 400",)
    page = visitor.open("sandboxes")
    main = page.get_by_role("main")
    page.get_by_role("link", name="New script").last.click()

    write(page, NEWCOMER)
    visitor.press("Deploy", sure="Deploy")
    visitor.says("newcomer runs as version 1.")
    expect(page.get_by_role("heading", level=1)).to_have_text("newcomer")
    expect(main).to_contain_text("running")

    page.get_by_role("link", name="Edit").click()
    write(page, BROKEN)
    visitor.press("Deploy", sure="Deploy")
    expect(page.get_by_role("alert")).to_contain_text("line 12")
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()
    visitor.check_accessible("a broken script")
    write(page, FAILING_CASE)
    visitor.press("Deploy", sure="Deploy")
    expect(page.get_by_role("alert")).to_contain_text("it says so")
    write(page, NEWCOMER.replace("slow: ", "second: "))
    visitor.press("Deploy", sure="Deploy")
    visitor.says("newcomer runs as version 2.")

    page.get_by_role("link", name="Versions").click()
    visitor.press("Roll back to version 1", sure="Roll back")
    visitor.says("newcomer is at version 1 again.")
    page.get_by_role("link", name="Graphs and outputs").click()
    expect(main).to_contain_text(re.compile("slow: [1-9]"))

    visitor.press("Remove", sure="Remove")
    visitor.says("newcomer was removed.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandboxes")
    expect(main).to_contain_text("statuses")
    expect(page.get_by_role("link", name="newcomer")).to_have_count(0)

    numbers = [json.loads(line)["n"] for line in running.read("all.jsonl").splitlines(keepends=True)[:-1]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 5000


def test_a_script_is_tried_on_the_live_stream_and_on_pasted_messages(visit):
    page = visit().open("edit")
    results = page.get_by_role("region", name="Dry run")

    write(page, NEWCOMER)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(results).to_contain_text("It works")
    expect(results).to_contain_text("passed by")
    expect(results.locator(".trial").last).to_contain_text(re.compile("slow: \\d"))

    page.get_by_label("Tried on").select_option("Pasted messages")
    page.get_by_label("Messages, as JSON").fill('[{"Fields": {"status": 503}}, {"Fields": {"status": 200}}]')
    write(page, NEWCOMER.replace("return 0", 'print("seen") return -1, "too slow"'))
    page.keyboard.press("Control+Enter")
    expect(results).to_contain_text("Something is wrong")
    expect(results.locator(".trial.failed")).to_contain_text("too slow")
    expect(results.locator(".trial.failed")).to_contain_text("seen")

    write(page, NEWCOMER.replace("n = n + 1", "n = nothing.at + 1"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(results).to_contain_text("Line 12")
    results.get_by_role("button", name="Line 12").click()
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-label')") == "Script"


def test_the_editor_knows_the_front_matter_functions_and_modules(visit):
    page = visit().open("edit")

    write(page, "--[[\n---\nname: x\nkind: filter\n")
    page.keyboard.type("tick")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("ticker_interval")
    write(page, NEWCOMER)
    page.keyboard.type("inject_m")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("inject_message")
    page.keyboard.press("Escape")
    write(page, NEWCOMER)
    page.keyboard.type('local cb = require "circ')
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("circular_buffer")


def test_what_was_written_is_there_after_looking_elsewhere(visit):
    visitor = visit()
    page = visitor.open("edit")

    write(page, NEWCOMER)
    visitor.open("metrics")
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")
    visitor.open("edit")
    expect(page.get_by_role("textbox", name="Script")).to_contain_text("newcomer")
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.get_by_role("textbox", name="Script")).to_contain_text("my_filter")


def test_a_sandbox_is_paused_stopped_started_and_its_limits_are_changed(visit):
    visitor = visit()
    page = visitor.open("sandboxes", "filter", "statuses")
    main = page.get_by_role("main")

    visitor.press("Pause")
    visitor.says("statuses was paused.")
    expect(main.locator(".live")).to_contain_text("paused")
    visitor.press("Resume")
    expect(main.locator(".live")).to_contain_text("running")
    visitor.press("Stop", sure="Stop")
    expect(main.locator(".live")).to_contain_text("stopped")
    visitor.press("Start")
    expect(main.locator(".live")).to_contain_text("running")

    visitor.press("Change limits")
    page.get_by_role("dialog").get_by_label("cpu_limit").fill("150")
    page.get_by_role("dialog").get_by_role("button", name="Change", exact=True).click()
    visitor.says("The limits of statuses were changed.")
    expect(main).to_contain_text("of 150 ms")

    page.get_by_role("link", name="Read-outs").click()
    visitor.press("Read total")
    expect(page.get_by_role("region", name="What total answers")).to_contain_text('"total": ')


def test_dead_letters_are_looked_at_replayed_and_dropped(visit, running):
    until(lambda: any("cpu_limit" in letter["reason"] for letter in running.dead_letters()), "the dead letter")
    visitor = visit()
    page = visitor.open("sandboxes", "filter", "fragile")

    # The cause is mended, and the record that was fatal goes through now.
    expect(page.get_by_role("main")).to_contain_text("Last termination (cpu_limit)")
    page.get_by_role("link", name="Edit").click()
    source = running.folder.joinpath("plugins/filters/fragile.lua").read_text()
    write(page, source.replace("n == 5000", "n < 0"))
    visitor.press("Deploy", sure="Deploy")
    visitor.says("fragile runs as version 2.")
    page.get_by_role("link", name="Dead letters").first.click()
    page.get_by_label("Component").fill("fragile")
    expect(page.get_by_role("row").filter(has_text="this number is not liked").first).to_be_visible()
    page.get_by_label("Reason has").fill("cpu_limit")
    expect(page.get_by_text(re.compile(r"used \(hekate.dead_letters.max_bytes\)"))).to_be_visible()
    expect(page.get_by_text("1 letter shown")).to_be_visible()  # and not those of all components any more
    letter = page.get_by_role("row").filter(has_text="cpu_limit")
    letter.get_by_role("checkbox").check()
    page.get_by_label("Replay through").select_option("numbers")
    visitor.press("Replay", sure="Replay")
    visitor.says("1 letter replayed.")
    expect(page.get_by_role("main")).to_contain_text("There are no dead letters like this.")

    page.get_by_label("Reason has").fill("")
    page.get_by_label("Component").fill("noise")
    refused = page.get_by_role("row").filter(has_text="not a JSON object")
    expect(refused.first).to_be_visible()
    first = refused.last.get_by_role("link").get_attribute("href")
    page.get_by_label("Choose all that are shown").check()
    visitor.press("Drop", sure="Drop")
    visitor.says("dropped.")
    expect(page.locator(f'a[href="{first}"]')).to_have_count(0)


def test_the_overview_warns_of_what_is_suspicious_while_it_is_there(visit, running):
    visitor = visit()
    doubts = visitor.page.locator(".doubts")
    echo = running.folder / "plugins/filters/echo.lua"

    def asks(change):
        """The page asks for the warnings once the host has seen a change."""
        with visitor.page.expect_response("**/api/v1/graph/warnings", timeout=20_000):
            change()

    def write(matcher):
        code = "function process_message() return 0 end function timer_event() inject_payload('txt', 'echo', 'x') end"
        running.plugin("filter", "echo", code, f"message_matcher: {matcher!r}\nticker_interval: 3600\n")

    asks(visitor.open)
    asks(lambda: write("TRUE"))
    expect(doubts).to_contain_text(
        "Warning: filters.echo -> filters.echo: the filter receives its own messages", timeout=20_000
    )
    asks(lambda: write('Type == "numbers"'))  # it stays, but sees itself no more
    expect(doubts).not_to_contain_text("the filter receives its own messages", timeout=20_000)
    asks(echo.unlink)
    expect(doubts).not_to_contain_text("echo", timeout=20_000)


def test_a_grammar_is_tried_started_from_the_library_and_saved_as_a_decoder(visit):
    visitor = visit()
    page = visitor.open("grammar")
    lines = page.get_by_role("region", name="Lines")

    expect(lines.locator(".trial.failed")).to_contain_text("it got as far as byte 7 of 10")
    expect(lines.locator("mark.capture").get_by_text("200")).to_have_attribute("title", "number")
    page.get_by_label("Records, one a line").fill("grün=1")
    expect(lines.locator(".trial.failed")).to_contain_text("byte 2 of 7")

    page.get_by_label("Start from the library").select_option("date_time")
    page.get_by_label("Its grammar").select_option("rfc3339")
    page.get_by_label("Records, one a line").fill("2024-05-01T10:00:00Z\nyesterday")
    expect(lines.locator("mark.capture").first).to_have_text("2024")
    visitor.press("Save as decoder")
    page.get_by_role("dialog").get_by_label("Name of the decoder").fill("my_times")
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    expect(page.get_by_role("textbox", name="Script")).to_contain_text("my_times")
    visitor.press("Deploy", sure="Deploy")
    visitor.says("my_times runs as version 1.")


def test_a_matcher_is_tested(visit):
    page = visit().open("matcher")
    main = page.get_by_role("main")

    page.get_by_label("Message matcher").fill("Fields[status] >>")
    expect(main).to_contain_text("The matcher is not valid.")
    page.get_by_label("Message matcher").fill("Fields[status] == 404")
    expect(main).to_contain_text("The matcher is valid.")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(main).to_contain_text(re.compile("[1-9]\\d* of 20 match"))
    page.get_by_label("Tried on").select_option("Pasted records")
    page.get_by_label("Records, one a line").fill('{"status":404}\n{"status":200}\nno JSON')
    page.get_by_label("Decoded as by").select_option("numbers")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(main).to_contain_text("1 of 3 match")
    expect(main.locator(".trial.failed")).to_contain_text("not a JSON object")


def test_the_configuration_is_validated_and_loaded_anew(visit, running):
    visitor = visit()
    page = visitor.open("config")
    main = page.get_by_role("main")

    visitor.press("Validate the files")
    expect(main).to_contain_text("The files are valid.")
    sound = running.host.config_path.read_text()
    running.host.config_path.write_text(sound + "colours: {}\n")
    visitor.press("Validate the files")
    expect(main.locator(".problem")).to_contain_text("colours")
    visitor.press("Reload", sure="Reload")
    expect(main).to_contain_text("Last reload failed")
    running.host.config_path.write_text(sound)
    visitor.press("Reload", sure="Reload")
    expect(main).to_contain_text("Nothing had changed.")


@pytest.mark.parametrize("name", ["numbers"])
def test_an_input_is_paused_and_resumed(name, visit):
    visitor = visit()
    page = visitor.open("components", "inputs", name)

    visitor.press("Pause")
    visitor.says(f"inputs.{name} was paused.")
    expect(page.get_by_role("main")).to_contain_text("paused")
    visitor.press("Resume")
    visitor.says(f"inputs.{name} was resumed.")
    expect(page.get_by_role("main")).to_contain_text("running")


FAILING = """--[[
---
name: stumbles
kind: filter
summary: Fails at nearly every record, for the tests of the page.
message_matcher: Fields[status] != NIL
---
--]]
function process_message()
  if read_message("Fields[n]") % 50 == 0 then return 0 end
  return read_message("Fields[status]").code
end
"""


def test_a_script_that_fails_is_warned_of_before_and_seen_after(visit):
    visitor = visit()
    visitor.allowed = ("status of 400",)
    page = visitor.open("edit")
    write(page, FAILING)
    page.get_by_role("main").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(
        re.compile(r"Warning: Its dry run fails at \d+ of \d+ records: stumbles.lua:11")
    )
    visitor.check_accessible("the warning")
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    visitor.says("stumbles runs as version 1.")

    report = page.get_by_role("region", name="Failures")
    expect(report).to_contain_text("Last error: stumbles.lua:11: attempt to index")
    expect(report).to_contain_text("First failed record")
    visitor.check_accessible("the failures of a script")
    visitor.open("sandboxes")
    expect(page.get_by_role("row").filter(has_text="stumbles")).to_contain_text("failing")
    visitor.open("components", "filters", "stumbles")
    expect(page.get_by_role("region", name="Failures")).to_contain_text("stumbles.lua:11")
    visitor.open()
    expect(page.locator(".wrong li.failing").filter(has_text="filters.stumbles")).to_contain_text("stumbles.lua:11")
    visitor.check_accessible("an overview of what fails")
    visitor.open("sandboxes", "filter", "stumbles")
    visitor.press("Remove", sure="Remove")
    visitor.says("stumbles was removed.")
