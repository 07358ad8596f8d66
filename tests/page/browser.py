"""The page in a real browser, with an eye on what it must never do."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.admin.client import TOKENS, api_of

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
VENDOR = ROOT / "host" / "admin" / "page" / "vendor"
EXPECTED_MS = 15_000

expect.set_options(timeout=EXPECTED_MS)


def launch(playwright):
    """Start Debian's Chromium."""
    found = shutil.which("chromium")
    assert found, "The tests of the page need Chromium: scripts/install_tests --slow"
    assert VENDOR.is_dir(), "The bundles of the page are missing: scripts/install_tests --slow"
    # Root has no use for Chromium's own sandbox, which refuses to start for it.
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])


class Visitor:
    """Somebody who looks at the page.

    Args:
        browser: Chromium.
        host: A host that runs.
        role: Whose token is used.
        options: Of Playwright's context: width, colours.
    """

    def __init__(self, browser, host, role="admin", **options):
        self.origin = f"http://{api_of(host).where}"
        self.faults = []
        self.allowed = ()
        self.context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
        self.context.set_default_timeout(EXPECTED_MS)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda fault: self.faults.append(f"error: {fault}"))
        self.page.on("request", self._on_request)
        self.role = role

    def _on_console(self, message):
        if message.type in {"error", "warning"} and not any(text in message.text for text in self.allowed):
            self.faults.append(f"{message.type}: {message.text}")

    def _on_request(self, request):
        url = urlsplit(request.url)
        if url.scheme not in {"data", "blob"} and f"{url.scheme}://{url.netloc}" != self.origin:
            self.faults.append(f"asked another host: {request.url}")

    def sign_in(self, token=None):
        self.page.goto(self.origin)
        self.page.get_by_label("Token").fill(token or TOKENS[self.role])
        self.page.get_by_role("button", name="Sign in").click()
        return self

    def open(self, *parts, query=""):
        """Open a view, and wait until it is shown."""
        self.page.goto(f"{self.origin}/#/{'/'.join(parts)}{query}")
        self.page.locator("main .view h1").wait_for()
        return self.page

    def press(self, name, *, sure=None):
        """Press a button of the page; `sure` is the one of the question that comes then."""
        self.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()
        if sure:
            self.page.get_by_role("dialog").get_by_role("button", name=sure, exact=True).click()

    def says(self, text):
        """Wait for a short message at the edge."""
        expect(self.page.locator("#toasts")).to_contain_text(text)

    def check_accessible(self, what):
        """No serious fault that axe can find."""
        assert AXE.is_file(), "axe is missing: scripts/install_tests --slow"
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [
            f"{each['id']} ({each['impact']}): {each['help']}: {node['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"][:3]
        ]
        assert not bad, (what, bad)

    def close(self):
        self.context.close()
        assert not self.faults, self.faults
