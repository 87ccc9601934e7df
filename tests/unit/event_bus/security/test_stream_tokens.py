"""A token follows one subscription, for an hour."""

import pytest
from event_bus import times
from event_bus.security.stream_tokens import LIFETIME_SECONDS, is_good, issue

SECRET = "whsec_c2VjcmV0"


def test_a_token_is_for_one_subscription_and_one_secret() -> None:
    token, until = issue("sub_1", SECRET)
    assert 0 < until - times.unix() <= LIFETIME_SECONDS
    assert is_good(token, "sub_1", SECRET)
    assert not is_good(token, "sub_2", SECRET)
    assert not is_good(token, "sub_1", SECRET + "x")


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    token, until = issue("sub_1", SECRET)
    monkeypatch.setattr(times, "unix", lambda: until)
    assert not is_good(token, "sub_1", SECRET)


@pytest.mark.parametrize("token", ["", ".", "1", "x.y", "9999999999999.x", "²3.x", "1.ü"])
def test_what_is_no_token_is_not_good(token: str) -> None:
    assert not is_good(token, "sub_1", SECRET)


def test_the_end_of_a_token_cannot_be_moved() -> None:
    token, until = issue("sub_1", SECRET)
    moved = f"{int(until) + 1}.{token.partition('.')[2]}"
    assert not is_good(moved, "sub_1", SECRET)
