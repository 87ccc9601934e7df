"""A key proves a caller from the moment it is made until shortly after it is removed."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.access.admin_key import AdminSecret
from event_bus.access.authenticator import CACHE_SECONDS, SEEN_SECONDS, Authenticator, key_in
from event_bus.access.callers import Caller
from event_bus.model.api_keys import (
    MAX_CHOSEN_LENGTH,
    ApiKey,
    certificate_id,
    generate_key,
    principal_id,
)

from tests.builders import AN_ADMIN, NOON, key, service
from tests.clock import Clock

ADMIN_KEY = "the-key-of-the-admin"
KEY = "the-key-of-the-planner"


class Keys:
    """Keys by their ids, and how often one was looked for."""

    def __init__(self, *keys: str) -> None:
        self.kept = {each.id: each for each in map(key, keys)}
        self.looks = 0
        self.seen: list[str] = []

    def find(self, key_id: str) -> ApiKey | None:
        self.looks += 1
        return self.kept.get(key_id)

    def saw(self, key_id: str, at: str) -> None:
        self.seen.append(key_id)
        self.kept[key_id] = replace(self.kept[key_id], last_used_at=at)


def authenticator(keys: Keys, clock: Clock | None = None) -> Authenticator:
    return Authenticator(keys, lambda: AdminSecret(ADMIN_KEY, "admin_1"), clock or Clock())


def identify(of: Authenticator, text: str = KEY) -> Caller | None:
    return of.identify({"x-api-key": text})


@pytest.mark.parametrize(
    ("headers", "found"),
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
def test_a_key_comes_in_one_of_two_headers(headers: dict[str, str], found: str | None) -> None:
    assert key_in(headers) == found
    caller = authenticator(Keys(KEY)).identify(headers)
    assert caller == (service("planner") if found else None)


def test_the_admins_key_is_the_admins() -> None:
    keys = Keys(ADMIN_KEY)
    assert identify(authenticator(keys), ADMIN_KEY) == AN_ADMIN
    assert keys.looks == 0


def test_no_key_is_admin_by_being_empty() -> None:
    unset = Authenticator(Keys(), lambda: AdminSecret("", ""), Clock())
    assert unset.identify({"x-api-key": "", "authorization": "Bearer "}) is None


def test_an_unknown_key_identifies_no_caller() -> None:
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


def test_a_removed_key_is_refused_after_its_caching_time() -> None:
    keys, clock = Keys(KEY), Clock()
    at = authenticator(keys, clock)
    identify(at)
    keys.kept.clear()
    clock.now += CACHE_SECONDS
    assert identify(at) is None
    assert keys.looks == 2


def test_use_does_not_lengthen_the_caching_time_of_a_key() -> None:
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


def test_an_admin_key_that_was_read_past_the_cache_is_not_remembered() -> None:
    fresh = ["the-second-key-of-the-admin"]
    at = Authenticator(
        Keys(),
        lambda: AdminSecret(ADMIN_KEY, "admin_1"),
        Clock(),
        lambda: AdminSecret(fresh[0], "admin_2"),
    )
    assert identify(at, "the-second-key-of-the-admin") == AN_ADMIN
    fresh[0] = "the-third-key-of-the-admin"
    assert identify(at, "the-second-key-of-the-admin") is None


def test_a_new_admin_key_works_and_the_old_one_no_longer() -> None:
    clock, current = Clock(), [ADMIN_KEY]
    at = Authenticator(Keys(), lambda: AdminSecret(current[0], current[0]), clock)
    assert identify(at, ADMIN_KEY) == AN_ADMIN
    current[0] = "another-key-of-the-admin"
    assert identify(at, "another-key-of-the-admin") == AN_ADMIN
    # What is remembered of it is the reader's to say, and not remembered once more.
    assert identify(at, ADMIN_KEY) is None


def test_absurdly_long_keys_are_not_even_hashed() -> None:
    longest = "k" * MAX_CHOSEN_LENGTH
    keys = Keys(longest, f"{longest}k")
    assert identify(authenticator(keys), f"{longest}k") is None
    assert keys.looks == 0
    assert identify(authenticator(keys), longest) == service("planner")


def test_the_cache_is_bounded_and_keeps_the_latest() -> None:
    # Generated keys: those that a client chose are slow to hash, by design.
    many = [generate_key() for _ in range(1_200)]
    keys = Keys()
    keys.kept = {proof.id: ApiKey(proof.id, "planner", NOON, proof.hash) for _, proof in many}
    at = authenticator(keys)
    for text, _ in many:
        assert identify(at, text) == service("planner")
    keys.looks = 0
    for text, _ in many[-500:]:
        identify(at, text)
    assert keys.looks == 0
    for text, _ in many[:100]:
        identify(at, text)
    assert keys.looks == 100


def test_the_right_beginning_with_a_wrong_secret_proves_nothing() -> None:
    keys = Keys()
    text, proof = generate_key()
    keys.kept[proof.id] = ApiKey(proof.id, "planner", NOON, "0" * 64)
    assert identify(authenticator(keys), text) is None
    keys.kept[proof.id] = ApiKey(proof.id, "planner", NOON, proof.hash)
    assert identify(authenticator(keys), text) == service("planner")


def test_the_caller_has_the_scopes_of_its_key() -> None:
    keys = Keys(KEY)
    [kept] = keys.kept.values()
    keys.kept[kept.id] = replace(kept, scopes=("publish",))
    caller = identify(authenticator(keys))
    assert caller is not None
    assert caller.scopes == frozenset(["publish"])
    assert caller.key_id == kept.id


def test_the_use_of_a_key_is_recorded_every_few_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, clock = Keys(KEY), Clock()
    at = authenticator(keys, clock)
    began = times.unix()
    passed = 0.0
    monkeypatch.setattr(times, "unix", lambda: began + passed)
    for later in (0.0, CACHE_SECONDS, SEEN_SECONDS - 1, SEEN_SECONDS + CACHE_SECONDS):
        passed = later
        clock.now += CACHE_SECONDS
        identify(at)
    assert len(keys.seen) == 2


def test_a_valid_key_is_accepted_even_if_its_use_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: str) -> None:
        raise TimeoutError

    keys = Keys(KEY)
    monkeypatch.setattr(keys, "saw", fail)
    assert identify(authenticator(keys)) == service("planner")


class TestCertificates:
    """API Gateway proves the certificate; its subject tells the service."""

    SUBJECT = "CN=planner,O=Example"

    @pytest.fixture
    def keys(self) -> Keys:
        keys = Keys(KEY, "the-key-of-the-worker")
        by_certificate = ApiKey(certificate_id(self.SUBJECT), "planner", NOON, type="mtls")
        keys.kept[by_certificate.id] = by_certificate
        worker = key("the-key-of-the-worker", "worker")
        keys.kept[worker.id] = worker
        return keys

    def test_a_certificate_stands_for_its_service(self, keys: Keys) -> None:
        at = authenticator(keys)
        assert at.identify({}, {}, self.SUBJECT) == service("planner")
        assert at.identify({}, {}, "CN=planner") is None

    def test_a_key_must_not_contradict_the_certificate(self, keys: Keys) -> None:
        at = authenticator(keys)
        assert at.identify({"x-api-key": KEY}, {}, self.SUBJECT) == service("planner")
        assert at.identify({"x-api-key": "the-key-of-the-worker"}, {}, self.SUBJECT) is None
        assert at.identify({"x-api-key": ADMIN_KEY}, {}, self.SUBJECT) == AN_ADMIN
        assert at.identify({"x-api-key": "unknown"}, {}, self.SUBJECT) is None

    def test_an_unknown_certificate_adds_nothing_to_a_key(self, keys: Keys) -> None:
        assert authenticator(keys).identify({"x-api-key": KEY}, {}, "CN=x") == service("planner")

    def test_a_subject_cannot_be_sent_as_a_key(self, keys: Keys) -> None:
        assert identify(authenticator(keys), self.SUBJECT) is None
        assert identify(authenticator(keys), certificate_id(self.SUBJECT)) is None


class TestPrincipals:
    """API Gateway proves the role or user; its sessions stand for the same service."""

    ROLE = "arn:aws:iam::123456789012:role/planner"
    SESSION = "arn:aws:sts::123456789012:assumed-role/planner"

    @pytest.fixture
    def keys(self) -> Keys:
        keys = Keys()
        by_role = ApiKey(principal_id(self.ROLE), "planner", NOON, type="iam")
        keys.kept[by_role.id] = by_role
        return keys

    def test_a_role_stands_for_its_service_in_every_session(self, keys: Keys) -> None:
        at = authenticator(keys)
        for arn in (f"{self.SESSION}/one", f"{self.SESSION}/two", self.ROLE):
            assert at.identify_principal(arn) == service("planner")
        # All of them are remembered as one.
        assert keys.looks == 1

    def test_another_role_stands_for_no_service(self, keys: Keys) -> None:
        at = authenticator(keys)
        assert at.identify_principal(f"{self.SESSION}/one")
        for arn in (f"{self.SESSION}s/one", self.ROLE.replace("123", "321"), "planner", ""):
            assert at.identify_principal(arn) is None

    def test_a_role_is_refused_after_its_caching_time(self, keys: Keys) -> None:
        clock = Clock()
        at = authenticator(keys, clock)
        at.identify_principal(self.ROLE)
        keys.kept.clear()
        clock.now += CACHE_SECONDS - 0.1
        assert at.identify_principal(self.ROLE) == service("planner")
        clock.now += 0.1
        assert at.identify_principal(self.ROLE) is None

    def test_an_arn_cannot_be_sent_as_a_key_or_a_certificate(self, keys: Keys) -> None:
        assert identify(authenticator(keys), self.ROLE) is None
        assert identify(authenticator(keys), principal_id(self.ROLE)) is None
        assert authenticator(keys).identify({}, {}, self.ROLE) is None
