"""A key never makes one that permits more, and a service never has more than its number."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Forbidden, NotFound, Unauthenticated
from event_bus.model.api_keys import ApiKey, proof_of
from event_bus.registry import keys
from event_bus.registry.keys import MAX_KEYS, KeyRegistry
from event_bus.registry.services import Services
from event_bus.requests.credentials import KeyRequest
from event_bus.requests.validation import read
from event_bus.stores.keys import KeyStore
from event_bus.stores.refusals import KeyGone, Outdated

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, key, publisher, service, subscription
from tests.refusals import pointers

RATE = 200
SOON = 4_000_000_000
CHOSEN = "a-key-that-was-chosen"


def planner() -> str:
    return "planner"


def request(**members: Any) -> KeyRequest:
    return read(KeyRequest, members)


def chosen(**members: Any) -> KeyRequest:
    return request(authentication={"api_key": CHOSEN}, **members)


@pytest.fixture
def ring(aws: Aws) -> KeyRegistry:
    return KeyRegistry(aws.keys, RATE)


@pytest.fixture
def held(aws: Aws) -> Caller:
    """A caller with a key without limits."""
    aws.add_keys(ApiKey("ebk_own", "planner", NOON))
    return service("planner", "ebk_own")


def limited(aws: Aws, **limits: Any) -> Caller:
    """A caller with a limited key."""
    aws.add_keys(ApiKey("ebk_limited", "planner", NOON, **limits))
    return service("planner", "ebk_limited")


class TestMaking:
    def test_limits_that_are_left_out_are_those_of_the_making_key(
        self, aws: Aws, ring: KeyRegistry
    ) -> None:
        limits: dict[str, Any] = {
            "scopes": ("manage", "read"), "expires_at": SOON, "rate_limit": 5,
        }  # fmt: skip
        made = ring.make(planner, request(name="second"), limited(aws, **limits)).kept
        assert made == ApiKey(
            made.id, "planner", made.created_at, made.hash, name="second", **limits
        )
        assert aws.keys.find(made.id) == made

    @pytest.mark.parametrize(
        ("limits", "asked", "pointer"),
        [
            ({"scopes": ("manage",)}, {"scopes": ["manage", "read"]}, "/scopes"),
            ({"scopes": ("manage", "read")}, {"scopes": ["publish"]}, "/scopes"),
            ({"expires_at": SOON}, {"expires_at": times.at(SOON + 1)}, "/expires_at"),
        ],
    )
    def test_more_than_the_key_that_makes_it_is_refused(
        self, aws: Aws, ring: KeyRegistry, limits: Any, asked: Any, pointer: str
    ) -> None:
        caller = limited(aws, **limits)
        with pytest.raises(Forbidden) as refusal:
            ring.make(planner, request(**asked), caller)
        assert pointers(refusal) == [pointer]
        assert [each.id for each in ring.of("planner")] == ["ebk_limited"]

    def test_less_is_allowed(self, aws: Aws, ring: KeyRegistry) -> None:
        caller = limited(aws, scopes=("manage", "read"), expires_at=SOON)
        asked = request(scopes=["read"], expires_at=times.at(SOON - 9))
        made = ring.make(planner, asked, caller).kept
        assert (made.scopes, made.expires_at) == (("read",), SOON - 9)

    def test_a_key_is_kept_with_its_proof_and_its_time(
        self, aws: Aws, ring: KeyRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(times, "now", lambda: NOON)
        for asked in (request(), chosen()):
            issued = ring.make(planner, asked, AN_ADMIN)
            proof = proof_of(issued.text or CHOSEN)
            assert proof
            kept = aws.keys.find(proof.id)
            assert kept == issued.kept == ApiKey(proof.id, "planner", NOON, proof.hash)

    def test_an_admin_makes_any(self, ring: KeyRegistry) -> None:
        made = ring.make(planner, request(rate_limit=9_000), AN_ADMIN).kept
        assert (made.scopes, made.expires_at, made.rate_limit) == (None, None, 9_000)

    def test_a_revoked_key_creates_no_key(self, aws: Aws, ring: KeyRegistry, held: Caller) -> None:
        aws.revoke(ApiKey("ebk_own", "planner", NOON))
        with pytest.raises(Unauthenticated):
            ring.make(planner, request(), held)
        assert ring.of("planner") == ()

    def test_a_key_that_is_there_is_not_made_anew(
        self, aws: Aws, ring: KeyRegistry, held: Caller
    ) -> None:
        narrow = key(CHOSEN, scopes=("read",))
        aws.add_keys(narrow)
        with pytest.raises(Conflict) as refusal:
            ring.make(planner, chosen(), held)
        assert pointers(refusal) == ["/authentication/api_key"]
        assert aws.keys.find(narrow.id) == narrow

    def test_a_key_of_another_service_is_refused(
        self, aws: Aws, ring: KeyRegistry, held: Caller
    ) -> None:
        aws.add_keys(key(CHOSEN, "other"))
        with pytest.raises(Conflict, match="another service"):
            ring.make(planner, chosen(), held)


class TestRotating:
    def test_the_new_key_permits_the_same_until_the_same_end(
        self, aws: Aws, ring: KeyRegistry, held: Caller
    ) -> None:
        old = ApiKey(
            "ebk_1", "planner", NOON, name="job", scopes=("read",), expires_at=SOON, rate_limit=7
        )
        aws.add_keys(old)
        new = ring.rotate(planner, "ebk_1", 60, held).kept
        same = replace(old, id=new.id, hash=new.hash, created_at=new.created_at)
        assert aws.keys.find(new.id) == new == same
        ending = aws.keys.find("ebk_1")
        assert ending is not None
        assert ending.replaced_by == new.id
        assert ending.expires_at == pytest.approx(times.unix() + 60, abs=5)

    def test_an_overlap_reaches_not_beyond_the_end(
        self, aws: Aws, ring: KeyRegistry, held: Caller
    ) -> None:
        soon = int(times.unix()) + 30
        aws.add_keys(ApiKey("ebk_1", "planner", NOON, expires_at=soon))
        assert ring.rotate(planner, "ebk_1", 600, held).kept.expires_at == soon
        ends = [each.expires_at for each in ring.of("planner") if each.id != held.key_id]
        assert ends == [soon, soon]

    @pytest.mark.parametrize(
        ("own", "other"),
        [
            ({"scopes": ("manage",)}, {}),
            ({"scopes": ("manage",)}, {"scopes": ("manage", "read")}),
            ({"expires_at": SOON}, {}),
            ({"expires_at": SOON}, {"expires_at": SOON + 1}),
            ({"rate_limit": RATE - 1}, {}),
            ({"rate_limit": 5}, {"rate_limit": 6}),
            ({}, {"rate_limit": RATE + 1}),
        ],
    )
    def test_a_key_that_permits_more_is_not_rotated(
        self, aws: Aws, ring: KeyRegistry, own: Any, other: Any
    ) -> None:
        caller = limited(aws, **own)
        aws.add_keys(ApiKey("ebk_1", "planner", NOON, **other))
        with pytest.raises(Forbidden):
            ring.rotate(planner, "ebk_1", 60, caller)
        assert len(ring.of("planner")) == 2
        # A key may replace itself, whatever its limits.
        ring.rotate(planner, "ebk_limited", 60, caller)

    def test_a_key_is_replaced_once(self, aws: Aws, ring: KeyRegistry, held: Caller) -> None:
        aws.add_keys(ApiKey("ebk_1", "planner", NOON))
        new = ring.rotate(planner, "ebk_1", 60, held).kept
        for _ in range(3):
            with pytest.raises(Conflict, match=new.id):
                ring.rotate(planner, "ebk_1", 60, held)
        assert len(ring.of("planner")) == 3

    def test_only_one_of_simultaneous_rotations_succeeds(
        self, aws: Aws, ring: KeyRegistry, held: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aws.add_keys(ApiKey("ebk_1", "planner", NOON))
        original = aws.dynamodb.transact_write_items

        def overtaken(**asked: Any) -> Any:
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", original)
            ring.rotate(planner, "ebk_1", 60, held)
            return original(**asked)

        monkeypatch.setattr(aws.dynamodb, "transact_write_items", overtaken)
        with pytest.raises(Conflict, match="was replaced by"):
            ring.rotate(planner, "ebk_1", 60, held)
        assert len(ring.of("planner")) == 3


class TestTheNumber:
    def test_a_service_has_so_many_keys_on_every_way(self, aws: Aws, ring: KeyRegistry) -> None:
        for _ in range(MAX_KEYS):
            last = ring.make(planner, request(), AN_ADMIN).kept
        with pytest.raises(Conflict, match=r"at most 20 keys; revoke one first\.$"):
            ring.make(planner, request(), AN_ADMIN)
        said = (
            "; revoke one first, or rotate with an overlap of 0, which ends the old key at once.$"
        )
        with pytest.raises(Conflict, match=f"at most 20 keys{said}"):
            ring.rotate(planner, last.id, 60, AN_ADMIN)
        assert len(ring.of("planner")) == MAX_KEYS
        # Without an overlap the new key takes the place of the old one.
        new = ring.rotate(planner, last.id, 0, AN_ADMIN).kept
        assert aws.keys.find(last.id) is None
        assert len(ring.of("planner")) == MAX_KEYS
        ring.revoke(planner, new.id)
        made = ring.make(planner, request(), AN_ADMIN).kept
        ring.revoke(planner, made.id)
        [*_, last] = ring.of("planner")
        # With an overlap, the last free place is taken.
        ring.rotate(planner, last.id, 60, AN_ADMIN)
        assert len(ring.of("planner")) == MAX_KEYS

    def test_a_ring_that_others_change_every_time_is_not_changed(
        self, ring: KeyRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: Any) -> None:
            raise Outdated("planner")

        monkeypatch.setattr(KeyStore, "change", refused)
        monkeypatch.setattr(keys, "attempts", lambda: range(2))
        with pytest.raises(Conflict, match=r"^Other requests changed the keys of the service at"):
            ring.make(planner, request(), AN_ADMIN)

    def test_a_key_that_expired_meanwhile_is_not_rotated(
        self, ring: KeyRegistry, held: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: Any) -> None:
            raise KeyGone("ebk_own")

        monkeypatch.setattr(KeyStore, "change", gone)
        with pytest.raises(NotFound, match=r"^The key ebk_own no longer exists\.$"):
            ring.rotate(planner, "ebk_own", 60, held)

    def test_a_key_that_ended_does_not_count(
        self, ring: KeyRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        soon = times.unix() + 60
        for _ in range(MAX_KEYS):
            ring.make(planner, request(expires_at=times.at(soon)), AN_ADMIN)
        with pytest.raises(Conflict):
            ring.make(planner, request(), AN_ADMIN)
        monkeypatch.setattr(times, "unix", lambda: soon + 1)
        made = ring.make(planner, request(), AN_ADMIN).kept
        assert [each.id for each in ring.of("planner")] == [made.id]

    def test_the_second_request_exceeds_the_limit(
        self, aws: Aws, ring: KeyRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(MAX_KEYS - 1):
            ring.make(planner, request(), AN_ADMIN)
        original = aws.dynamodb.transact_write_items

        def overtaken(**asked: Any) -> Any:
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", original)
            ring.make(planner, request(), AN_ADMIN)
            return original(**asked)

        monkeypatch.setattr(aws.dynamodb, "transact_write_items", overtaken)
        with pytest.raises(Conflict, match="at most 20 keys"):
            ring.make(planner, request(), AN_ADMIN)
        assert len(ring.of("planner")) == MAX_KEYS

    def test_a_key_is_revoked_once(self, aws: Aws, ring: KeyRegistry, held: Caller) -> None:
        ring.revoke(planner, str(held.key_id))
        with pytest.raises(NotFound):
            ring.revoke(planner, str(held.key_id))
        aws.add_keys(ApiKey("ebk_2", "other", NOON))
        with pytest.raises(NotFound):
            ring.revoke(planner, "ebk_2")


class TestServices:
    @pytest.fixture
    def services(self, aws: Aws) -> Services:
        return Services(aws.publishers, aws.subscriptions, aws.keys)

    def test_a_listener_is_not_a_service(self, aws: Aws, services: Services) -> None:
        aws.subscriptions.create(replace(subscription("sub_1"), ends_at=SOON))
        assert not services.known("worker")
        for find in (services.subscriber, services.key_owner):
            with pytest.raises(NotFound):
                find("worker", AN_ADMIN)

    def test_an_admin_finds_the_keys_that_any_service_left(
        self, aws: Aws, services: Services
    ) -> None:
        aws.add_keys(ApiKey("ebk_1", "worker", NOON))
        assert services.key_owner("worker", AN_ADMIN) == "worker"
        with pytest.raises(NotFound):
            services.key_owner("worker", service("worker"))
        with pytest.raises(NotFound):
            services.subscriber("worker", AN_ADMIN)

    def test_a_publisher_and_a_subscriber_are_known(self, aws: Aws, services: Services) -> None:
        aws.add_publishers(publisher("planner"))
        aws.subscriptions.create(subscription("sub_1", "worker"))
        assert services.known("planner")
        assert services.known("worker")
        assert services.subscriber("worker", service("worker")) == "worker"
        with pytest.raises(NotFound):
            services.subscriber("worker", service("planner"))
