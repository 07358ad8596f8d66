"""The links between Markdown pages lead to files and headings that exist."""

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)(```|~~~).*?^ *\2", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+")
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def find_pages():
    """Return the Markdown pages of the project, without those of installed packages."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        return sorted(path for path in (ROOT / name for name in listed.stdout.splitlines()) if path.is_file())
    skipped = {"node_modules", ".venv", "out", "var"}
    return sorted(path for path in ROOT.rglob("*.md") if not skipped & set(path.relative_to(ROOT).parts))


def find_links(text):
    """Return the targets of all links outside of code."""
    prose = CODE.sub("", INDENTED.sub("", FENCE.sub("", text)))
    return [first or second for first, second in LINK.findall(prose)]


@cache
def find_anchors(page):
    """Return the anchors of a page, as GitHub derives them from headings."""
    anchors, seen = set(), {}
    for heading in HEADING.findall(FENCE.sub("", page.read_text())):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = seen[anchor] = seen.get(anchor, -1) + 1
        anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


def find_fault(page, link):
    """Return the reason why a link is broken; None if it is not."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return None
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return f"{link}: no such file"
    if not target.is_relative_to(ROOT):
        return f"{link}: outside of the project"
    if anchor and target.suffix == ".md" and anchor not in find_anchors(target):
        return f"{link}: no such heading"
    return None


@pytest.mark.parametrize("page", find_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_broken(page):
    faults = [find_fault(page, link) for link in find_links(page.read_text())]

    assert not [fault for fault in faults if fault]


def test_every_page_of_docs_is_reached_from_the_index():
    reached, waiting = set(), [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in find_links(page.read_text()):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_relative_to(ROOT) and target.is_file():
                waiting.append(target)

    assert not sorted(set((ROOT / "docs").rglob("*.md")) - reached)


def test_every_page_is_searched():
    pages = {str(page.relative_to(ROOT)) for page in find_pages()}

    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md", "docs/decisions/README.md"} <= pages


@pytest.mark.parametrize(
    "link", ["no.md", "docs/no.md#x", "#no-such-heading", "docs/delivery.md#nothing", "../outside.md"]
)
def test_a_broken_link_is_found(link):
    assert find_fault(ROOT / "README.md", link)


def test_links_in_code_are_no_links():
    text = "See [a](a.md) and `[b](b.md)`.\n\n    [c](c.md)\n\n```\n[d](d.md)\n```\n\n[e]: e.md\n"

    assert find_links(text) == ["a.md", "e.md"]
