"""Work that outlasts the check of its key ends at most half a minute after the key."""

from event_bus import times
from event_bus.access.authenticator import CACHE_SECONDS
from event_bus.access.live_keys import LiveKeys
from event_bus.model.api_keys import ApiKey

from tests.aws import Aws
from tests.builders import NOON
from tests.clock import Clock


def test_a_revoked_key_stays_valid_for_at_most_half_a_minute(aws: Aws) -> None:
    clock = Clock()
    live = LiveKeys(aws.keys, lambda: "admin_1", clock)
    key = ApiKey("ebk_1", "planner", NOON)
    aws.add_keys(key)
    assert live.good("ebk_1")
    aws.revoke(key)
    clock.now += CACHE_SECONDS - 0.1
    assert live.good("ebk_1")
    clock.now += 0.1
    assert not live.good("ebk_1")


def test_a_replaced_admin_key_stays_valid_for_at_most_half_a_minute(aws: Aws) -> None:
    clock, current = Clock(), ["admin_1"]
    live = LiveKeys(aws.keys, lambda: current[0], clock)
    token = ApiKey(
        "ebt_1", "admin", NOON, expires_at=int(times.unix()) + 3_600, issued_by="admin_1"
    )
    aws.keys.add_token(token)
    assert live.good("admin_1")
    assert live.good("ebt_1")
    current[0] = "admin_2"
    clock.now += CACHE_SECONDS - 0.1
    assert live.good("admin_1")
    clock.now += 0.1
    assert not live.good("admin_1")
    assert not live.good("ebt_1")
    assert live.good("admin_2")
