"""A token permits to listen, for an hour."""

from collections.abc import Callable

import pytest
from event_bus import times
from event_bus.errors import Unauthenticated
from event_bus.security.authenticator import CACHE_SECONDS, Authenticator
from event_bus.security.callers import Caller, caller_of, listener_of
from event_bus.security.keys import ApiKey
from event_bus.security.stream_tokens import LIFETIME_SECONDS, StreamTokens

from tests.aws import Aws
from tests.builders import NOON


def authenticator(aws: Aws, clock: Callable[[], float] = times.steady) -> Authenticator:
    return Authenticator(aws.keys, lambda: "the-admin-key", clock)


def test_a_token_is_a_listener(aws: Aws) -> None:
    token, until = StreamTokens(aws.keys).issue("llm", None)
    assert 0 < times.seconds(until) - times.unix() <= LIFETIME_SECONDS
    listener = Caller("llm", "listener")
    assert authenticator(aws).identify({}, {"token": token}) == listener
    assert authenticator(aws).identify({"x-api-key": token}) == listener
    assert authenticator(aws).identify({}, {"token": token + "x"}) is None
    assert authenticator(aws).identify({}, {"token": ""}) is None


def test_a_token_for_one_subscription_says_so(aws: Aws) -> None:
    token, _ = StreamTokens(aws.keys).issue("llm", None, "sub_1")
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
    token, _ = StreamTokens(aws.keys).issue("llm", None)
    remembering = authenticator(aws, lambda: passed)
    passed = LIFETIME_SECONDS - CACHE_SECONDS / 2
    assert remembering.identify({}, {"token": token}) is not None
    passed = LIFETIME_SECONDS + 1.0
    assert remembering.identify({}, {"token": token}) is None


def test_the_token_itself_is_not_kept(aws: Aws) -> None:
    token, _ = StreamTokens(aws.keys).issue("llm", None)
    kept = aws.keys.of_service("llm")
    assert [each.token for each in kept] == [True]
    assert token not in str(kept)


def test_a_token_ends_with_the_key_that_it_was_asked_for_by(aws: Aws) -> None:
    aws.keys.add(ApiKey("ebk_1", "llm", NOON))
    token, _ = StreamTokens(aws.keys).issue("llm", "ebk_1")
    now = 0.0
    remembering = authenticator(aws, lambda: now)
    assert remembering.identify({}, {"token": token}) is not None
    assert aws.keys.remove("ebk_1")
    now = CACHE_SECONDS
    assert remembering.identify({}, {"token": token}) is None
