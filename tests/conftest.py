"""What all tests share."""

from hypothesis import settings

from tests.effort import examples

settings.register_profile("hekate", max_examples=examples(100))
settings.load_profile("hekate")
