"""Grammars for addresses and host names, against Python's ipaddress."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lua_runtime import STDLIB, load_module, new_runtime, to_python

RUNTIME = new_runtime(STDLIB)
IP = load_module(RUNTIME, "ip_address")


def whole(grammar: str, text: str) -> bool:
    """Whether the grammar takes all of the text."""
    found = IP[grammar.encode()]
    return bool(found.match(found, text.encode()) == len(text.encode()) + 1)


def python_takes(kind: Any, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


@settings(max_examples=examples(300))
@given(st.ip_addresses(v=6))
def test_every_address_of_ipv6_is_taken(address: ipaddress.IPv6Address) -> None:
    assert whole("v6", str(address))
    assert whole("v6", address.exploded.upper())


@given(st.ip_addresses(v=4))
def test_every_address_of_ipv4_is_taken(address: ipaddress.IPv4Address) -> None:
    assert whole("v4", str(address))
    assert whole("v6", f"::ffff:{address}")


@settings(max_examples=examples(1000))
@given(st.lists(st.sampled_from(["::", ":", "1", "ab", "ffff", "12345", "1.2.3.4", "g"]), max_size=17).map("".join))
def test_ipv6_agrees_with_python(text: str) -> None:
    assert whole("v6", text) == python_takes(ipaddress.IPv6Address, text)


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from([".", "0", "1", "9", "25", "255", "256", "a"]), max_size=9).map("".join))
def test_ipv4_agrees_with_python(text: str) -> None:
    assert whole("v4", text) == python_takes(ipaddress.IPv4Address, text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("192.0.2.7", "ipv4"),
        ("2001:db8::1", "ipv6"),
        ("fe80::1%eth0", "ipv6"),
        ("web-01.example.com", "hostname"),
        ("1.2.3.4.example.com", "hostname"),
        ("10.in-addr", "hostname"),
        ("localhost", "hostname"),
    ],
)
def test_a_host_field_says_what_it_is(text: str, kind: str) -> None:
    grammar = IP[b"host_field"]

    assert to_python(grammar.match(grammar, text.encode())) == {
        "value": text.encode(),
        "representation": kind.encode(),
    }


@pytest.mark.parametrize("text", ["-a", "a..b", "", "a-", "_x", "a_b-"])
def test_what_is_no_host_name(text: str) -> None:
    assert not whole("hostname", text)
