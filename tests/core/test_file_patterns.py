"""Patterns of file names mean what they mean in Python, and take linear time."""

import fnmatch as python_fnmatch
import glob as python_glob
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.core.file_patterns import fnmatch, glob
from tests.effort import examples

PATTERN = st.text(alphabet="ab.*?[]!-^\\é日", max_size=8)
NAME = st.text(alphabet="ab.-^\\!]é日\n", max_size=6)


@settings(max_examples=examples(500))
@given(NAME, PATTERN)
def test_names_match_as_in_python(name, pattern):
    assert fnmatch(name, pattern) == python_fnmatch.fnmatchcase(name, pattern)


def test_names_that_are_no_utf_8():
    name = os.fsdecode(b"log\xff\x80.txt")
    assert fnmatch(name, "log??.txt")
    assert fnmatch(name, os.fsdecode(b"*\xff*"))
    assert not fnmatch(name, os.fsdecode(b"*\xfe*"))
    assert not fnmatch(name, "log?.txt")


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "*" * 200 + "b", "?*" * 60 + "b", "[ab]*" * 50 + "c"])
def test_no_pattern_takes_more_than_linear_time(pattern):
    before_ns = time.process_time_ns()
    assert not fnmatch("a" * 250, pattern)
    assert time.process_time_ns() - before_ns < 2e9


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for path in (
        "a/x.log",
        "a/y.log.1",
        "a/.hidden.log",
        "b/c/x.log",
        "b/c/d/z.txt",
        ".git/x.log",
        "x.log",
        "b/[odd]/x.log",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    (root / "a" / "dangling.log").symlink_to(root / "nowhere")
    (root / "linked").symlink_to(root / "b")
    return root


PATTERNS = [
    "*", "*.log", "*/*.log", "**/*.log", "**", "a/**", "b/**/x.log", "**/c/**", "a/.*", ".*/*.log", "x.log", "nowhere",
    "a/", "*/", "**/", "[ab]/*.log", "?/x.log", "b/[[]odd]/*", "a/dangling.log", "**/**/x.log", "b/**/**/**/*",
    "*/**/*.t?t",
    "linked/*",
    "a//x.log", "b/./c/x.log", "b/../x.log", "",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("absolute", [False, True])
def test_paths_are_found_as_in_python(tree, monkeypatch, pattern, recursive, absolute):
    monkeypatch.chdir(tree)
    given_pattern = f"{tree}/{pattern}" if absolute else pattern

    def normal(paths):
        return sorted({os.path.normpath(path) + ("/" if path.endswith("/") else "") for path in paths if path})

    assert normal(glob(given_pattern, recursive=recursive)) == normal(
        python_glob.glob(given_pattern, recursive=recursive)  # noqa: PTH207
    )
