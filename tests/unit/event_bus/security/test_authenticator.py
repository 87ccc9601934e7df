"""A key proves a caller from the moment it is made until shortly after it is removed."""

import pytest
from event_bus.security.authenticator import CACHE_SECONDS, Authenticator, key_in
from event_bus.security.callers import Caller
from event_bus.security.keys import ApiKey, hash_key

from tests.builders import AN_ADMIN, NOON, service
from tests.clock import Clock

ADMIN_KEY = "the-key-of-the-admin"
KEY = "the-key-of-the-planner"


class Keys:
    """Keys by their hashes, and how often one was looked for."""

    def __init__(self, *keys: str) -> None:
        self.kept = {hash_key(key): ApiKey(hash_key(key), "planner", NOON) for key in keys}
        self.looks = 0

    def find(self, key_hash: str) -> ApiKey | None:
        self.looks += 1
        return self.kept.get(key_hash)


def authenticator(keys: Keys, clock: Clock | None = None) -> Authenticator:
    return Authenticator(keys.find, lambda: ADMIN_KEY, clock or Clock())


def identify(of: Authenticator, key: str = KEY) -> Caller | None:
    return of.identify({"x-api-key": key})


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"x-api-key": KEY}, KEY),
        ({"authorization": f"Bearer {KEY}"}, KEY),
        ({"authorization": f"bearer {KEY}"}, KEY),
        ({"authorization": f"Bearer  {KEY} "}, KEY),
        ({"x-api-key": KEY, "authorization": "Bearer other"}, KEY),
        ({"x-api-key": "", "authorization": f"Bearer {KEY}"}, KEY),
        ({"authorization": f"Basic {KEY}"}, None),
        ({"authorization": KEY}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": ""}, None),
        ({"x-api-key": ""}, None),
        ({}, None),
    ],
)
def test_a_key_comes_in_one_of_two_headers(headers: dict[str, str], key: str | None) -> None:
    assert key_in(headers) == key
    caller = authenticator(Keys(KEY)).identify(headers)
    assert caller == (service("planner") if key else None)


def test_the_admins_key_is_the_admins() -> None:
    keys = Keys(ADMIN_KEY)
    assert identify(authenticator(keys), ADMIN_KEY) == AN_ADMIN
    assert keys.looks == 0


def test_no_key_is_admin_by_being_empty() -> None:
    unset = Authenticator(Keys().find, lambda: "", Clock())
    assert unset.identify({"x-api-key": "", "authorization": "Bearer "}) is None


def test_an_unknown_key_is_nobodys() -> None:
    assert identify(authenticator(Keys()), "unknown") is None
    assert identify(authenticator(Keys()), "schlüssel") is None


def test_a_known_key_is_not_looked_up_again_for_a_while() -> None:
    keys, clock = Keys(KEY), Clock()
    at = authenticator(keys, clock)
    identify(at)
    keys.kept.clear()
    clock.now += CACHE_SECONDS - 0.1
    assert identify(at) == service("planner")
    assert keys.looks == 1


def test_a_removed_key_is_refused_after_the_while() -> None:
    keys, clock = Keys(KEY), Clock()
    at = authenticator(keys, clock)
    identify(at)
    keys.kept.clear()
    clock.now += CACHE_SECONDS
    assert identify(at) is None
    assert keys.looks == 2


def test_using_a_key_does_not_lengthen_its_while() -> None:
    keys, clock = Keys(KEY), Clock()
    at = authenticator(keys, clock)
    identify(at)
    keys.kept.clear()
    for _ in range(2):
        clock.now += CACHE_SECONDS / 2
        last = identify(at)
    assert last is None


def test_a_key_works_from_the_moment_it_is_made() -> None:
    keys = Keys()
    at = authenticator(keys)
    assert identify(at) is None
    keys.kept.update(Keys(KEY).kept)
    assert identify(at) == service("planner")


def test_a_new_admin_key_works_and_the_old_one_no_longer() -> None:
    clock, current = Clock(), [ADMIN_KEY]
    at = Authenticator(Keys().find, lambda: current[0], clock)
    assert identify(at, ADMIN_KEY) == AN_ADMIN
    current[0] = "another-key-of-the-admin"
    assert identify(at, "another-key-of-the-admin") == AN_ADMIN
    clock.now += CACHE_SECONDS
    assert identify(at, ADMIN_KEY) is None


def test_absurdly_long_keys_are_not_even_hashed() -> None:
    keys = Keys("k" * 257)
    assert identify(authenticator(keys), "k" * 257) is None
    assert keys.looks == 0


def test_what_is_remembered_is_bounded_and_the_latest_stay() -> None:
    many = [f"the-key-number-{number:06}" for number in range(1_200)]
    keys = Keys(*many)
    at = authenticator(keys)
    for key in many:
        identify(at, key)
    keys.looks = 0
    for key in many[-500:]:
        identify(at, key)
    assert keys.looks == 0
    for key in many[:100]:
        identify(at, key)
    assert keys.looks == 100
