"""No key permits more than the key that created it."""

from typing import Any

import pytest
from event_bus.access.key_limits import excess, inherited
from event_bus.model.api_keys import ApiKey

from tests.builders import NOON

KEY_RATE = 50
"""The rate of a key without one of its own."""


def limited(**limits: Any) -> ApiKey:
    return ApiKey("key_1", "planner", NOON, **limits)


@pytest.mark.parametrize(
    ("made", "maker", "beyond"),
    [
        ({}, {}, []),
        ({"scopes": ("read",)}, {}, []),
        ({}, {"scopes": ("read",)}, ["/scopes"]),
        ({"scopes": ("read", "manage")}, {"scopes": ("read",)}, ["/scopes"]),
        ({"expires_at": 200}, {"expires_at": 200}, []),
        ({"expires_at": 201}, {"expires_at": 200}, ["/expires_at"]),
        ({}, {"expires_at": 200}, ["/expires_at"]),
        ({"expires_at": 200}, {}, []),
        ({"rate_limit": KEY_RATE}, {}, []),
        ({"rate_limit": KEY_RATE + 1}, {}, ["/rate_limit"]),
        ({"rate_limit": 20}, {"rate_limit": 20}, []),
        ({"rate_limit": 21}, {"rate_limit": 20}, ["/rate_limit"]),
        ({}, {"rate_limit": 20}, ["/rate_limit"]),
        ({"rate_limit": 90}, {"rate_limit": 100}, []),
    ],
)
def test_limits_beyond_those_of_the_making_key_are_named(
    made: dict[str, Any], maker: dict[str, Any], beyond: list[str]
) -> None:
    faults = excess(limited(**made), limited(**maker), KEY_RATE)
    assert [each.pointer for each in faults] == beyond
    for each in faults:
        if each.pointer == "/rate_limit":
            rate = maker.get("rate_limit", KEY_RATE)
            said = f"must not be higher than that of the key that was sent, {rate}"
            assert each.detail == said
    # An admin's key has no limits.
    assert excess(limited(**made), None, KEY_RATE) == []


def test_a_key_has_the_limits_of_its_maker_unless_it_has_its_own() -> None:
    maker = limited(scopes=("read",), expires_at=200, rate_limit=20)
    assert inherited(limited(), maker) == maker
    own = limited(scopes=("manage",), expires_at=100, rate_limit=10)
    assert inherited(own, maker) == own
    assert inherited(own, None) == own
