"""docs/sandbox-api.md describes each function that a script can call, for the kinds of sandboxes that have it."""

import pytest

from host.config import api_reference
from tests.lua_runtime import KERNEL, new_runtime

NAMES = rb"""
local api, elsewhere = require "api", require "unsupported_api"
elsewhere.add = function(functions) return functions end
return function(kind)
  local names = {}
  for name in pairs((api[kind]({}, {}, {}))) do names[#names + 1] = name end
  return table.concat(names, " ")
end
"""


@pytest.mark.parametrize("kind", ["decoder", "filter", "encoder"])
def test_the_functions_of_a_kind_are_those_that_are_described(kind):
    names = new_runtime(*KERNEL).execute(NAMES)(kind.encode()).decode().split()
    described = [function.name for function in api_reference.functions() if f"{kind}s" in function.where.split(" (")[0]]

    assert sorted(names) == sorted(described)


def test_each_description_is_complete():
    for function in api_reference.functions():
        assert function.where, function.name
        assert len(function.prose) > 30, function.name
        assert function.errors or function.cost or "declare" in function.name or "config" in function.name, (
            function.name
        )
