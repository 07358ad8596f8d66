"""Who may do what on the page, and how it says so."""

import re

import pytest
from playwright.sync_api import expect

from tests.admin.client import TOKENS


def refused(page, name):
    button = page.get_by_role("main").get_by_role("button", name=name, exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    return button.get_attribute("title")


def test_without_a_good_token_nothing_is_shown(visit):
    visitor = visit()
    page = visitor.open("sandboxes")
    visitor.allowed = ("status of 401",)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").fill("wrong-token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This token is not known.")
    visitor.check_accessible("signing in")
    page.get_by_label("Token").fill(TOKENS["viewer"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandboxes")


def test_a_viewer_looks_and_is_told_why_the_rest_is_not_for_them(visit):
    visitor = visit("viewer")
    page = visitor.open("sandboxes", "filter", "statuses")

    for name in ("Pause", "Stop", "Restart"):
        assert refused(page, name) == "This needs the role operator; yours is viewer."
    assert refused(page, "Remove") == "This needs the role admin; yours is viewer."
    page.get_by_role("main").get_by_role("button", name="Stop", exact=True).click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    visitor.open("edit")
    refused(page, "Deploy")
    refused(page, "Run")
    visitor.open("dead-letters")
    refused(page, "Replay")
    refused(page, "Drop")
    visitor.open("config")
    refused(page, "Reload")
    for view in ("grammar", "matcher", "metrics", "tap"):
        visitor.open(view)
        visitor.check_accessible(f"{view}, viewer")


def test_an_operator_operates_and_does_not_load(visit):
    visitor = visit("operator")
    page = visitor.open("sandboxes", "filter", "statuses")

    visitor.press("Restart")
    visitor.says("statuses was restarted.")
    assert refused(page, "Change limits") == "This needs the role admin; yours is operator."
    visitor.open("edit")
    refused(page, "Deploy")
    visitor.press("Run")
    expect(page.get_by_role("region", name="Dry run")).to_contain_text("It works")


def test_a_tenant_sees_and_loads_only_their_own(visit):
    visitor = visit("tenant")
    page = visitor.page

    expect(page.get_by_role("heading", level=1)).to_have_text("Sandboxes")
    expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(
        [re.compile(name) for name in ("Sandboxes", "New script", "Grammar", "Matcher", "API", "Licences")]
    )
    visitor.open("edit")
    visitor.press("Deploy")
    visitor.says("Your token is for sandboxes whose names begin with team_a_.")
    page.get_by_role("textbox", name="Script").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.type("name: team_a_counts ")
    visitor.press("Deploy", sure="Deploy")
    visitor.says("team_a_counts runs as version 1.")
    visitor.press("Remove", sure="Remove")
    visitor.says("team_a_counts was removed.")


@pytest.mark.parametrize("view", ["edit", "sandboxes/filter/statuses/outputs"])
def test_without_its_bundles_the_page_says_so_and_works(view, visit):
    visitor = visit()
    visitor.allowed = ("status of 404",)
    visitor.page.route("**/vendor/*", lambda route: route.fulfill(status=404, body=""))
    page = visitor.open(*view.split("/"))

    expect(page.locator(".notice")).to_contain_text("scripts/build_page")
    if view == "edit":
        page.get_by_role("textbox", name="Script").fill("--[[\n---\nname: bare\nkind: filter\n---\n--]]\n")
        expect(page.get_by_role("main")).to_contain_text("filter bare, changed")
    else:
        expect(page.get_by_role("columnheader", name="server_error")).to_be_visible()
