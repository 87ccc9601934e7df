"""A token permits listening for an hour."""

from collections.abc import Callable

import pytest
from event_bus import times
from event_bus.access.admin_key import AdminSecret
from event_bus.access.authenticator import CACHE_SECONDS, Authenticator
from event_bus.access.callers import Caller, caller_of, listener_of
from event_bus.access.stream_tokens import LIFETIME_SECONDS, StreamTokens
from event_bus.errors import Unauthenticated
from event_bus.model.api_keys import ApiKey

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, service


def authenticator(aws: Aws, clock: Callable[[], float] = times.steady) -> Authenticator:
    return Authenticator(aws.keys, lambda: AdminSecret("the-admin-key", "admin_1"), clock)


def test_a_token_is_a_listener(aws: Aws) -> None:
    token, until = StreamTokens(aws.keys).issue("llm", AN_ADMIN)
    assert 0 < times.seconds(until) - times.unix() <= LIFETIME_SECONDS
    listener = Caller("llm", "listener")
    assert authenticator(aws).identify({}, {"token": token}) == listener
    assert authenticator(aws).identify({"x-api-key": token}) == listener
    assert authenticator(aws).identify({}, {"token": token + "x"}) is None
    assert authenticator(aws).identify({}, {"token": ""}) is None


def test_a_token_for_one_subscription_says_so(aws: Aws) -> None:
    token, _ = StreamTokens(aws.keys).issue("llm", AN_ADMIN, "sub_1")
    caller = authenticator(aws).identify({}, {"token": token})
    assert caller == Caller("llm", "listener", "sub_1")
    assert listener_of(caller.context()) == caller
    with pytest.raises(Unauthenticated):
        caller_of(caller.context())


def test_no_key_is_taken_from_the_query(aws: Aws) -> None:
    assert authenticator(aws).identify({}, {"token": "the-admin-key"}) is None
    assert authenticator(aws).identify({"x-api-key": "the-admin-key"}) is not None


def test_a_token_ends_however_it_is_remembered(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    began = times.unix()
    passed = 0.0
    monkeypatch.setattr(times, "unix", lambda: began + passed)
    token, _ = StreamTokens(aws.keys).issue("llm", AN_ADMIN)
    remembering = authenticator(aws, lambda: passed)
    passed = LIFETIME_SECONDS - CACHE_SECONDS / 2
    assert remembering.identify({}, {"token": token}) is not None
    passed = LIFETIME_SECONDS + 1.0
    assert remembering.identify({}, {"token": token}) is None


def test_the_token_itself_is_not_kept(aws: Aws) -> None:
    token, _ = StreamTokens(aws.keys).issue("llm", AN_ADMIN)
    kept = aws.dynamodb.scan(TableName=aws.tables["keys"])["Items"]
    assert len(kept) == 1
    assert token not in str(kept)


def test_a_token_ends_with_the_key_that_it_was_asked_for_by(aws: Aws) -> None:
    key = ApiKey("ebk_1", "llm", NOON)
    aws.add_keys(key)
    token, _ = StreamTokens(aws.keys).issue("llm", service("llm", "ebk_1"))
    now = 0.0
    remembering = authenticator(aws, lambda: now)
    assert remembering.identify({}, {"token": token}) is not None
    aws.revoke(key)
    now = CACHE_SECONDS
    assert remembering.identify({}, {"token": token}) is None


def test_a_token_of_the_next_admin_key_is_known_before_the_cached_one_ends(aws: Aws) -> None:
    token, _ = StreamTokens(aws.keys).issue("llm", Caller("admin", "admin", key_id="admin_2"))
    cached, current = AdminSecret("key", "admin_1"), AdminSecret("next-key", "admin_2")

    def found(first: AdminSecret, again: AdminSecret) -> Caller | None:
        reading = Authenticator(aws.keys, lambda: first, times.steady, lambda: again)
        return reading.identify({}, {"token": token})

    # A function whose copy of the admin key is old reads it anew before it refuses a token.
    assert found(cached, current) == Caller("llm", "listener")
    assert found(current, AdminSecret("last-key", "admin_3")) == Caller("llm", "listener")
    assert found(cached, AdminSecret("last-key", "admin_3")) is None


def test_a_token_permits_no_more_than_the_key_that_asks_for_it(aws: Aws) -> None:
    soon = int(times.unix()) + 60
    limited = ApiKey("ebk_1", "llm", NOON, expires_at=soon, rate_limit=3)
    aws.add_keys(limited, ApiKey("ebk_2", "llm", NOON, expires_at=soon + 7_200))
    tokens = StreamTokens(aws.keys)
    token, until = tokens.issue("llm", service("llm", "ebk_1"))
    assert until == times.at(soon)
    caller = authenticator(aws).identify({}, {"token": token})
    assert caller is not None
    assert caller.rate_limit == 3
    _, until = tokens.issue("llm", service("llm", "ebk_2"))
    assert times.seconds(until) <= times.unix() + LIFETIME_SECONDS
    aws.revoke(limited)
    with pytest.raises(Unauthenticated, match=r"^The API key is not valid\.$") as refusal:
        tokens.issue("llm", service("llm", "ebk_1"))
    assert refusal.value.reason == "bad_key"


def test_the_record_of_a_token_says_when_it_begins_and_ends(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = times.seconds(NOON)
    monkeypatch.setattr(times, "unix", lambda: began)
    monkeypatch.setattr(times, "now", lambda: NOON)
    aws.add_keys(ApiKey("ebk_1", "llm", NOON, expires_at=int(began) + 60))
    for caller, seconds in ((AN_ADMIN, LIFETIME_SECONDS), (service("llm", "ebk_1"), 60)):
        token, _ = StreamTokens(aws.keys).issue("llm", caller)
        kept = aws.keys.find(token.partition(".")[0])
        assert kept
        assert (kept.created_at, kept.expires_at) == (NOON, int(began) + seconds)


def test_a_token_ends_with_the_admin_key_that_it_was_asked_for_by(aws: Aws) -> None:
    current = AdminSecret("the-admin-key", "admin_1")
    remembering = Authenticator(aws.keys, lambda: current)
    admin = remembering.identify({"x-api-key": "the-admin-key"})
    assert admin is not None
    token, _ = StreamTokens(aws.keys).issue("admin", admin)
    assert remembering.identify({}, {"token": token}) is not None
    current = AdminSecret("another-admin-key", "admin_2")
    assert remembering.identify({}, {"token": token}) is None
