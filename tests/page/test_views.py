"""Every view under load: it shows what the host does, whatever the colours and the width, and axe finds no fault."""

import re

import pytest
from playwright.sync_api import expect

from tests.running import until

VIEWS = {
    "overview": ([], "Everything does its work|Needs a look"),
    "sandboxes": (["sandboxes"], "statuses"),
    "sandbox": (["sandboxes", "filter", "statuses"], "CPU of a call"),
    "source": (["sandboxes", "filter", "statuses", "source"], "circular_buffer"),
    "versions": (["sandboxes", "filter", "statuses", "versions"], r"1 \(runs\)"),
    "outputs": (["sandboxes", "filter", "statuses", "outputs"], "server_error"),
    "prints": (["sandboxes", "filter", "statuses", "logs"], "the first one"),
    "state": (["sandboxes", "filter", "statuses", "state"], "outlive its process"),
    "readouts": (["sandboxes", "filter", "statuses", "readouts"], "How many responses"),
    "edit": (["edit"], "process_message"),
    "grammar": (["grammar"], "2 of 3 lines match"),
    "matcher": (["matcher"], "The matcher is valid"),
    "tap": (["tap"], "Watch"),
    "dead-letters": (["dead-letters"], "not a JSON object|this number is not liked"),
    "config": (["config"], "state_dir"),
    "metrics": (["metrics"], "Records received"),
    "component": (["components", "outputs", "nowhere"], "Connection refused"),
    "not-found": (["nothing"], "There is no such view"),
}
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_view_shows_what_it_is_for_and_is_accessible(look, visit):
    visitor = visit(**LOOKS[look])

    for name, (parts, words) in VIEWS.items():
        page = visitor.open(*parts)
        expect(page.get_by_role("main")).to_contain_text(re.compile(words))
        visitor.check_accessible(f"{name}, {look}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (name, f"{wide} pixels too wide")


def test_the_overview_shows_what_is_wrong_and_leads_to_why(visit):
    page = visit().open()

    expect(page.locator(".wrong")).to_contain_text("outputs.nowhere: cannot connect to 127.0.0.1:9")
    node = page.get_by_role("link", name=re.compile("nowhere.*output.*stuck"))
    expect(node).to_be_visible()
    rate = page.get_by_role("link", name=re.compile(r"statuses.*filter.*[1-9][\d,.]+.s"))
    expect(rate).to_be_visible()
    node.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("outputs.nowhere")
    expect(page.get_by_role("main")).to_contain_text("Why: ")


def test_a_sandbox_that_dies_shows_why_and_the_record(visit, running):
    until(lambda: any("cpu_limit" in letter["reason"] for letter in running.dead_letters()), "the dead letter")
    page = visit().open("sandboxes", "filter", "fragile")

    expect(page.get_by_role("main")).to_contain_text("Last termination (cpu_limit)")
    page.get_by_role("link", name="Its dead letters").click()
    page.get_by_label("Reason has").fill("cpu_limit")
    expect(page).to_have_url(re.compile("reason=cpu_limit"))
    row = page.get_by_role("row").filter(has_text="cpu_limit")
    expect(row).to_have_count(1)
    expect(row).to_contain_text('"n":5000')
    row.get_by_role("link").click()
    expect(page.get_by_role("region", name="Record")).to_contain_text('"n":5000')


def test_the_graph_of_a_circular_buffer_has_a_link_that_shows_the_same(visit):
    page = visit().open("sandboxes", "filter", "statuses", "outputs")

    expect(page.locator(".chart canvas")).to_be_visible()
    expect(page.locator(".annotation")).to_contain_text("more errors than usual")
    page.get_by_label("Logarithmic scale").check()
    page.get_by_label("Range").select_option("5 minutes")
    page.locator(".u-legend .u-label", has_text="client_error").click()
    expect(page).to_have_url(re.compile(r"output=status&log=1&last=300&hidden=client_error"))
    page.reload()
    expect(page.get_by_label("Logarithmic scale")).to_be_checked()
    expect(page.get_by_label("Range")).to_have_value("300")
    expect(page.locator(".u-series.u-off", has_text="client_error")).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.get_by_role("region", name="The rows of the graph").get_by_role("row").nth(1)).to_be_visible()


def test_the_tap_shows_records_and_counts_what_it_leaves_out(visit):
    visitor = visit()
    visitor.allowed = ("status of 400",)
    page = visitor.open("tap")

    page.get_by_label("Matcher").fill("Fields[status] == 404")
    page.get_by_role("button", name="Watch").click()
    expect(page.locator(".records li").first).to_contain_text("/missing")
    expect(page.locator(".facts")).to_contain_text("Matched, left out (rate)")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("main")).to_contain_text("Stopped.")
    page.get_by_label("Matcher").fill("Fields[")
    page.get_by_role("button", name="Watch").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")


def test_metrics_are_found_and_explained(visit):
    page = visit().open("metrics")

    page.get_by_label("Find").fill("lag")
    page.get_by_text("Age of the oldest retained pack").click()
    expect(page.get_by_role("main")).to_contain_text("Rises as long as something waits")


def test_it_can_be_used_with_the_keyboard_alone(visit):
    visitor = visit()
    page = visitor.open("sandboxes")

    page.keyboard.press("Tab")
    for _ in range(60):
        if page.evaluate("document.activeElement.textContent") == "statuses":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("statuses")
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == "Stop"
