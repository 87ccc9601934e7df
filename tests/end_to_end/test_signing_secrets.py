"""A subscription's signing secret is replaced, and both sign for a while."""

from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from tests.end_to_end.problems import problem
from tests.end_to_end.world import World


def test_a_signing_secret_is_replaced_with_an_overlap(world: World) -> None:
    domain = world.name("task")
    service, receiver = world.publisher(f"{domain}.*"), world.receiver()
    made = service.subscribe(receiver, f"{domain}.*")
    rotate = service.bus.subscriptions.rotate_secret
    rotated = rotate(made["id"], overlap=60)
    old, new = made["signing_secret"], rotated["signing_secret"]
    assert rotated["previous_secret_expires_at"]
    assert new.startswith("whsec_")
    assert new != old
    request = receiver.wait_for_event(service.publish(f"{domain}.created"))
    for secret in (old, new):
        request.verify(secret)
    # A leaked secret ends at once.
    last = rotate(made["id"], overlap=0)
    assert last["previous_secret_expires_at"] is None
    request = receiver.wait_for_event(service.publish(f"{domain}.created"))
    request.verify(last["signing_secret"])
    for secret in (old, new):
        with pytest.raises(WebhookVerificationError):
            request.verify(secret)
    assert "whsec_" not in str(service.bus.subscriptions.get(made["id"]))


@pytest.mark.parametrize(
    ("asked", "pointer"), [({"overlap": -1}, "/overlap"), ({"secret": "x"}, "/secret")]
)
def test_an_invalid_rotation_is_refused_with_its_fault(
    world: World, asked: dict[str, Any], pointer: str
) -> None:
    service = world.service()
    made = service.subscribe("http://127.0.0.1:1/", f"{service.service_id}.*")
    path = f"/subscriptions/{made['id']}/secret/rotate"
    said = problem(service.http.post(path, json=asked), 422)
    assert [each["pointer"] for each in said["errors"]] == [pointer]


def test_an_unsigned_target_has_no_secret(world: World) -> None:
    service = world.service()
    made = service.subscribe({"type": "pull"}, "a.b")
    assert made["signing_secret"] is None
    problem(service.http.post(f"/subscriptions/{made['id']}/secret/rotate"), 409)
