"""Holds what a verb writes as JSON to what docs/cli.md says of it."""

import re

from host.cli.support.json_keys import SHAPES


def check_shape(verb, document):
    """Every key is documented, and every one that is documented is there."""
    tree = {}
    for path in SHAPES[verb]:
        below = tree
        for part in re.findall(r"\[\]|[^.\[\]]+", path):
            below = below.setdefault(part, {})
    _check(document, tree, verb)


def _check(value, tree, where):
    if not tree or value is None:
        return
    if "[]" in tree:
        assert isinstance(value, list), where
        for item in value:
            _check(item, tree["[]"], f"{where}[]")
        return
    assert isinstance(value, dict), where
    if "*" in tree:
        for item in value.values():
            _check(item, tree["*"], f"{where}.*")
        return
    keys = {name.rstrip("?") for name in tree}
    assert set(value) <= keys, f"{where}: docs/cli.md does not have {set(value) - keys}"
    assert {name for name in tree if not name.endswith("?")} <= set(value), (
        f"{where}: {set(tree) - set(value)} is missing"
    )
    for name, below in tree.items():
        _check(value.get(name.rstrip("?")), below, f"{where}.{name}")
