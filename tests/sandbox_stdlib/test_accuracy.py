"""The accuracy that sketches promise, on a million values."""

import pytest

from tests.lua_runtime import ROOT, STDLIB, load_module, new_runtime, to_python

RUNTIME = new_runtime(STDLIB, ROOT / "tests" / "sandbox_stdlib")
ACCURACY = load_module(RUNTIME, "accuracy")


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [None, b"user-"], ids=["sequential integers", "strings"])
def test_hyperloglog_is_within_one_percent(prefix: bytes | None) -> None:
    for count, estimate in to_python(ACCURACY[b"hyperloglog"](prefix)):
        assert estimate == pytest.approx(count, rel=0.01)


def test_quantiles_of_tdigest_are_within_one_percent() -> None:
    for exact, whole, merged in to_python(ACCURACY[b"tdigest"](0.5, 0.95, 0.99)):
        assert whole == pytest.approx(exact, rel=0.01)
        assert merged == pytest.approx(exact, rel=0.01)


def test_space_saving_finds_the_top_of_a_zipf_stream() -> None:
    assert ACCURACY[b"space_saving"]() == 20
