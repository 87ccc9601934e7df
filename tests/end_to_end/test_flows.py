"""The flow of an event shows its causes, its effects and each delivery."""

from typing import Any

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def flow_of(client: Client, event_id: str) -> list[dict[str, Any]]:
    flow = client.bus.events.trace(event_id)
    assert flow["complete"]
    events: list[dict[str, Any]] = flow["events"]
    return events


def test_a_flow_shows_every_step_from_publisher_to_subscriber(world: World, domain: str) -> None:
    shop, billing = world.publisher(f"{domain}.placed"), world.publisher(f"{domain}.billed")
    taking, failing = world.receiver(), world.receiver(lambda _: (500, {}))
    billing.subscribe(taking, f"{domain}.placed")
    refusing = shop.subscribe(failing, f"{domain}.billed", retry_policy={"max_attempts": 1})
    sent = {"type": f"{domain}.placed", "payload": {}}
    headers = {"traceparent": PARENT, "tracestate": "vendor=1"}
    placed = shop.http.post("/events", json=sent, headers=headers).json()["id"]
    request = taking.wait_for_event(placed)
    # The trace continues in a step of its own.
    onward = request.headers["traceparent"]
    assert onward.startswith(f"00-{TRACE}-")
    assert onward != PARENT
    assert request.headers["tracestate"] == "vendor=1"
    assert request.event["metadata"]["traceparent"] == onward
    billed = billing.publish(
        f"{domain}.billed", metadata={"causation_id": placed, "traceparent": onward}
    )
    shop.settled(billed, refusing["id"], "exhausted")

    for seen_from in (placed, billed):
        first, second = flow_of(world.admin, seen_from)
        assert (first["id"], first["cause"], first["traceparent"]) == (placed, None, PARENT)
        assert (second["id"], second["cause"]) == (billed, placed)
        assert second["correlation_id"] == placed
        assert first["stored_at"] <= first["routed_at"] <= second["routed_at"]
        [taken], [refused] = first["deliveries"], second["deliveries"]
        assert (taken["status"], refused["status"]) == ("delivered", "exhausted")
        assert [each["status_code"] for each in taken["attempts"]] == [204]
        assert [each["error"] for each in refused["attempts"]] == ["http_status"]
        assert refused["dead_letter_id"]
    # Each service sees the part that it may see.
    assert [each["id"] for each in flow_of(billing, billed)] == [placed, billed]
    assert flow_of(billing, billed)[1]["deliveries"] == second["deliveries"]
    assert problem(world.service().http.get(f"/events/{placed}/trace"), 404)

    by_id = {"correlation_id": placed}
    eventually(lambda: len(world.admin.http.get("/traces", params=by_id).json()["events"]) == 2)
    drawn = world.admin.http.get("/traces", params={**by_id, "format": "mermaid"})
    assert drawn.headers["content-type"] == "application/vnd.mermaid"
    assert drawn.text.startswith("sequenceDiagram\n")
    assert f"{domain}.billed {billed}, caused by {placed}" in drawn.text
    assert f"{billed} is exhausted" in drawn.text


def test_an_event_that_was_matched_in_part_says_so(world: World, domain: str) -> None:
    shop, seen, unseen = world.publisher(f"{domain}.*"), world.receiver(), world.receiver()
    lines = [{"sku": f"sku-{n}"} for n in range(6_000)]
    shop.subscribe(seen, f"{domain}.*", filters={f"{domain}.*": {"lines": {"sku": ["sku-7"]}}})
    # Beyond the limit, a value satisfies no comparison, but is not missing.
    for asked in (["sku-5999"], [{"exists": False}]):
        shop.subscribe(unseen, f"{domain}.*", filters={f"{domain}.*": {"lines": {"sku": asked}}})
    large = shop.publish(f"{domain}.large", payload={"lines": lines})
    small = shop.publish(f"{domain}.small", payload={"lines": lines[:2_000]})
    seen.wait_for_event(large)
    seen.wait_for_event(small)
    for event_id, limited in ((large, True), (small, False)):
        [step] = flow_of(shop, event_id)
        assert step["matching_limited"] is limited
        assert len(step["deliveries"]) == 1
        assert shop.event(event_id)["matching_limited"] is limited


def test_an_invalid_query_is_refused_with_its_fault(world: World) -> None:
    for query, where in (
        ({}, "correlation_id"),
        ({"correlation_id": "a", "trace_id": "b"}, "trace_id"),
        ({"correlation_id": "a", "format": "svg"}, "format"),
        ({"order": "newest"}, "order"),
    ):
        said = problem(world.admin.http.get("/traces", params=query), 400)
        assert [each["pointer"] for each in said["errors"]] == [where]
    nothing = world.admin.http.get("/traces", params={"trace_id": "nobody-has-it"}).json()
    assert nothing == {"events": [], "complete": True}
