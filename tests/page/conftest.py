"""What the tests of the page share: a browser, and a host under load. All of them are slow."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.page import demo
from tests.page.browser import Visitor, launch
from tests.running import Bench


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A bench whose host runs for all tests of a module."""
    bench = Bench(tmp_path_factory.mktemp("page"))
    bench.host = demo.start(bench)
    yield bench
    bench.close()


@pytest.fixture
def visit(browser, running):
    """Makes visitors; whatever they saw go wrong is told at the end."""
    made = []

    def begin(role="admin", **options):
        made.append(Visitor(browser, running.host, role, **options))
        return made[-1].sign_in()

    yield begin
    for visitor in made:
        visitor.close()
