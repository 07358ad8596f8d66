"""requirements-dev.txt locks all dependencies of pyproject.toml, by version and hash."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def declared_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [project["project"]["dependencies"], project["build-system"]["requires"]]
    lists += project["project"]["optional-dependencies"].values()
    return sorted({text for requirements in lists for text in requirements})


def read_lock():
    """Return the locked requirements by name, each with the number of its hashes."""
    text = (ROOT / "requirements-dev.txt").read_text().replace("\\\n", " ")
    locked = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(re.split(r"\s--hash=", line)[0].strip())
            locked.setdefault(canonicalize_name(requirement.name), []).append(
                (requirement, line.count("--hash=sha256:"))
            )
    return locked


@pytest.mark.parametrize("text", declared_requirements())
def test_each_declared_dependency_is_locked_within_its_range(text):
    declared = Requirement(text)
    locked = read_lock().get(canonicalize_name(declared.name))

    assert locked, f"requirements-dev.txt lacks {declared.name}; run: make lock"
    for requirement, _ in locked:
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        assert declared.specifier.contains(pin.version), f"{requirement} is outside of {text}; run: make lock"


def test_each_locked_package_has_one_exact_version_and_hashes():
    lock = read_lock()

    assert len(lock) > 40
    for name, entries in lock.items():
        for requirement, hashes in entries:
            assert [each.operator for each in requirement.specifier] == ["=="], name
            assert hashes, f"{name} has no hash"


def test_the_lock_names_no_index_or_folder_of_one_machine():
    text = (ROOT / "requirements-dev.txt").read_text()

    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|^-[ef] ", text, re.MULTILINE)


def test_the_package_itself_declares_ranges():
    assert not [text for text in declared_requirements() if "==" in text]
