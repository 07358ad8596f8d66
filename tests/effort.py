"""How many examples a property is tried with: few while one develops, all of them in CI."""

import os

THOROUGH = bool(os.environ.get("HEKATE_TESTS_THOROUGH"))


def examples(count):
    """So many if all are wanted; otherwise a fifth of them, which finds what is plainly wrong."""
    return count if THOROUGH else max(10, count // 5)
