"""Credentials are set up by whom they may be, and a refusal names what is wrong."""

from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Forbidden, InvalidRequest, NotFound
from event_bus.model.api_keys import ApiKey, certificate_id, principal_id, proof_of_chosen
from event_bus.registry.keys import KeyRegistry
from event_bus.registry.services import Services
from event_bus.registry.subscriber_keys import subscriber_key
from event_bus.requests.credentials import Authentication, KeyRequest
from event_bus.requests.validation import read
from event_bus.stores.keys import KeptKey, KeyChange

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, key, publisher, service

CHOSEN = "a-key-that-was-chosen"
SUBJECT = "CN=planner,O=Example"
ROLE = "arn:aws:iam::123456789012:role/planner"
SOON = 4_000_000_000


@pytest.fixture
def ring(aws: Aws) -> KeyRegistry:
    return KeyRegistry(aws.keys, 200)


def planner() -> str:
    return "planner"


def asked(**members: Any) -> KeyRequest:
    return read(KeyRequest, members)


def limited(aws: Aws, **limits: Any) -> Caller:
    aws.add_keys(ApiKey("ebk_own", "planner", NOON, **limits))
    return service("planner", "ebk_own")


def said(refusal: pytest.ExceptionInfo[Any]) -> list[tuple[str, str]]:
    return [(each.pointer, each.detail) for each in refusal.value.faults]


@pytest.mark.parametrize(
    ("authentication", "identifier", "stands_for"),
    [
        ({"type": "mtls", "subject": SUBJECT}, certificate_id(SUBJECT), SUBJECT),
        ({"type": "iam", "principal": ROLE}, principal_id(ROLE), ROLE),
    ],
)
def test_certificates_and_roles_are_set_up_by_admins_alone(
    aws: Aws, ring: KeyRegistry, authentication: Any, identifier: str, stands_for: str
) -> None:
    kind = authentication["type"]
    with pytest.raises(Forbidden) as refusal:
        ring.make(planner, asked(authentication=authentication), limited(aws))
    detail = f"{kind} can only be set up with an admin key"
    assert said(refusal) == [("/authentication/type", detail)]
    assert refusal.value.detail == f"/authentication/type: {detail}."
    assert refusal.value.reason == "admin"
    made = ring.make(planner, asked(authentication=authentication), AN_ADMIN)
    assert made.text is None
    assert made.kept == ApiKey(
        identifier, "planner", made.kept.created_at, type=kind, stands_for=stands_for
    )
    # The bus cannot make another certificate or role.
    with pytest.raises(Conflict) as refused:
        ring.rotate(planner, identifier, 60, AN_ADMIN)
    assert refused.value.detail == (
        "Only API keys are rotated: add a key for the new certificate, role or user, and revoke "
        "this key."
    )


def test_a_chosen_key_is_kept_by_its_proof_and_a_generated_one_is_shown(ring: KeyRegistry) -> None:
    made = ring.make(planner, asked(authentication={"api_key": CHOSEN}), AN_ADMIN)
    proof = proof_of_chosen(CHOSEN)
    assert (made.kept.id, made.kept.hash, made.text) == (proof.id, proof.hash, None)
    generated = ring.make(planner, asked(), AN_ADMIN)
    assert generated.text
    assert generated.text.startswith(f"{generated.kept.id}.")


@pytest.mark.parametrize(
    ("authentication", "member"),
    [
        ({"api_key": CHOSEN}, "API key"),
        ({"type": "mtls", "subject": SUBJECT}, "subject"),
        ({"type": "iam", "principal": ROLE}, "principal"),
    ],
)
def test_a_credential_identifies_one_service_and_once(
    ring: KeyRegistry, authentication: Any, member: str
) -> None:
    ring.make(planner, asked(authentication=authentication), AN_ADMIN)
    pointer = f"/authentication/{member.replace('API key', 'api_key')}"
    for find, detail in (
        (planner, "is a key of this service already"),
        (lambda: "other", "identifies another service already; choose another"),
    ):
        with pytest.raises(Conflict) as refusal:
            ring.make(find, asked(authentication=authentication), AN_ADMIN)
        assert said(refusal) == [(pointer, detail)]
        assert refusal.value.detail == f"The {member} {detail}."


def test_only_an_admin_sets_a_rate(aws: Aws, ring: KeyRegistry) -> None:
    with pytest.raises(Forbidden) as refusal:
        ring.make(planner, asked(rate_limit=1), limited(aws))
    assert said(refusal) == [("/rate_limit", "can only be set with an admin key")]
    assert refusal.value.detail == "/rate_limit can only be set with an admin key."
    assert refusal.value.reason == "admin"


def test_a_key_ends_in_the_future(ring: KeyRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "unix", lambda: float(SOON))
    with pytest.raises(InvalidRequest) as refusal:
        ring.make(planner, asked(expires_at=times.at(SOON)), AN_ADMIN)
    assert said(refusal) == [("/expires_at", "must lie in the future")]
    made = ring.make(planner, asked(expires_at=times.at(SOON + 1)), AN_ADMIN)
    assert made.kept.expires_at == SOON + 1


def test_what_a_key_would_permit_beyond_its_maker_is_said(aws: Aws, ring: KeyRegistry) -> None:
    caller = limited(aws, scopes=("read", "manage"), expires_at=SOON)
    with pytest.raises(Forbidden) as refusal:
        ring.make(planner, asked(scopes=["publish"], expires_at=times.at(SOON + 1)), caller)
    scopes = "must be among those of the key that was sent: manage, read"
    end = f"must not lie after the end of the key that was sent, {times.at(SOON)}"
    assert said(refusal) == [("/scopes", scopes), ("/expires_at", end)]
    assert refusal.value.detail == f"/scopes {scopes} and /expires_at {end}."
    assert refusal.value.reason == "scope"


def test_a_key_that_permits_more_is_named_with_its_limits(aws: Aws, ring: KeyRegistry) -> None:
    caller = limited(aws, scopes=("manage",), expires_at=SOON, rate_limit=5)
    aws.add_keys(ApiKey("ebk_1", "planner", NOON))
    with pytest.raises(Forbidden) as refusal:
        ring.rotate(planner, "ebk_1", 60, caller)
    assert refusal.value.detail == (
        "The key ebk_1 permits more than the key that was sent, by its scopes, expires_at, "
        "rate_limit."
    )
    assert refusal.value.reason == "scope"
    with pytest.raises(NotFound, match="The service planner has no key ebk_2"):
        ring.rotate(planner, "ebk_2", 60, caller)


class TestSubscribing:
    @pytest.fixture
    def services(self, aws: Aws) -> Services:
        aws.add_publishers(publisher("planner"))
        return Services(aws.publishers, aws.subscriptions, aws.keys)

    def demanded(self, services: Services, caller: Caller, **members: Any) -> Any:
        """What a registration of the planner demands of its keys, and the new key."""
        return subscriber_key(services, "planner", read(Authentication, members), caller)

    def test_the_key_that_was_sent_must_still_exist(self, aws: Aws, services: Services) -> None:
        caller = limited(aws)
        assert self.demanded(services, caller) == (KeptKey("ebk_own"), None)
        assert self.demanded(services, service("planner", None)) == (None, None)

    def test_for_an_admin_the_key_that_ends_last_must(self, aws: Aws, services: Services) -> None:
        aws.add_keys(ApiKey("ebk_3", "planner", NOON, expires_at=SOON))
        aws.add_keys(ApiKey("ebk_1", "planner", NOON, expires_at=SOON + 1))
        assert self.demanded(services, AN_ADMIN) == (KeptKey("ebk_1"), None)
        aws.add_keys(ApiKey("ebk_2", "planner", NOON))
        assert self.demanded(services, AN_ADMIN) == (KeptKey("ebk_2"), None)

    def test_keys_that_a_service_left_behind_are_removed(
        self, aws: Aws, services: Services
    ) -> None:
        left = ApiKey("ebk_1", "gone", NOON)
        aws.add_keys(left)
        change, issued = subscriber_key(services, "gone", Authentication(), AN_ADMIN)
        assert isinstance(change, KeyChange)
        assert issued
        assert (change.added, change.removed) == ((issued.kept,), (left,))

    def test_a_service_without_a_key_gets_one(self, services: Services) -> None:
        change, issued = self.demanded(services, AN_ADMIN)
        assert isinstance(change, KeyChange)
        assert change.added == (issued.kept,)
        assert issued.text

    def test_a_key_that_is_named_is_added_once(self, aws: Aws, services: Services) -> None:
        caller = limited(aws, scopes=("read", "manage"))
        for asking in (caller, AN_ADMIN):
            change, issued = self.demanded(services, asking, api_key=CHOSEN)
            assert change.added == (issued.kept,)
            # It has the limits of the key that asks for it.
            assert issued.kept.scopes == (None if asking.admin else ("read", "manage"))
        aws.add_keys(key(CHOSEN))
        kept = KeptKey(proof_of_chosen(CHOSEN).id)
        assert self.demanded(services, caller, api_key=CHOSEN) == (kept, None)

    def test_certificates_are_named_by_admins_alone(self, aws: Aws, services: Services) -> None:
        with pytest.raises(Forbidden):
            self.demanded(services, limited(aws), type="mtls", subject=SUBJECT)
        change, issued = self.demanded(services, AN_ADMIN, type="mtls", subject=SUBJECT)
        assert change.added == (issued.kept,)
        assert issued.kept.id == certificate_id(SUBJECT)
