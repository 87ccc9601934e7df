"""A service neither learns of, nor takes, what belongs to another."""

from typing import Any

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


def caused_by(cause_id: str, client: Client, event_type: str) -> dict[str, Any]:
    """The metadata of an event that a service publishes as caused by another event."""
    event_id = client.publish(event_type, metadata={"causation_id": cause_id})
    metadata: dict[str, Any] = client.event(event_id)["metadata"]
    return {name: metadata.get(name) for name in ("correlation_id", "hop_count")}


def test_a_cause_that_may_not_be_seen_tells_nothing(world: World) -> None:
    domain, own = world.name("order"), world.name("other")
    shop, outsider = world.publisher(f"{domain}.*"), world.publisher(f"{own}.*")
    first = shop.publish(f"{domain}.placed", metadata={"correlation_id": "cart"})
    second = shop.publish(f"{domain}.paid", metadata={"causation_id": first})
    nothing = {"correlation_id": None, "hop_count": 1}
    assert caused_by(second, outsider, f"{own}.a") == nothing
    assert caused_by("evt_none", outsider, f"{own}.a") == nothing
    # Who receives the cause goes on with its flow, also before it is on record as routed.
    receiver = world.receiver()
    outsider.subscribe(receiver, f"{domain}.*")
    third = shop.publish(f"{domain}.sent", metadata={"causation_id": second})
    eventually(lambda: receiver.requests)
    assert caused_by(third, outsider, f"{own}.a") == {"correlation_id": "cart", "hop_count": 3}
