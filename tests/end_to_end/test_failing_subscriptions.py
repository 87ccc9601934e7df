"""Failing subscriptions are listed with the reason from the first failed attempt on."""

import time
from typing import Any

from event_bus.model.circuit import KNOWN_SECONDS

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


def failing(client: Client) -> list[dict[str, Any]]:
    return list(client.bus.listing("/failing"))


def test_a_failing_subscription_is_listed_with_its_reason_until_it_succeeds(
    world: World, service: Client, domain: str
) -> None:
    answers = {"status": 204}
    receiver, well = world.receiver(lambda _: (answers["status"], {})), world.receiver()
    made = service.subscribe(
        receiver, f"{domain}.*", retry_policy={"schedule": [30], "max_attempts": 5}
    )
    service.subscribe(well, f"{domain}.*")
    service.settled(service.publish(f"{domain}.created"), made["id"], "delivered")
    assert failing(service) == []

    answers["status"] = 503
    event_id = service.publish(f"{domain}.created")
    [found] = eventually(lambda: failing(service))
    assert (found["subscription_id"], found["attempts"]) == (made["id"], 1)
    assert found["last_error"]["code"] == "http_status"
    assert "503" in found["last_error"]["message"]
    assert found["circuit"]["state"] == "closed"
    assert found["failing_since"] <= found["last_error"]["timestamp"] or found["failing_since"]
    # It is listed without a dead letter.
    assert service.dead_letters(event_id=event_id) == []
    eventually(lambda: failing(service)[0]["waiting"] == 1)

    listed = service.bus.subscriptions.list(health="failing")
    assert [each["id"] for each in listed] == [made["id"]]
    assert made["id"] in [each["subscription_id"] for each in failing(world.admin)]
    assert failing(world.service()) == []
    refused = service.http.get("/subscriptions", params={"health": "well"})
    assert refused.status_code == 400

    answers["status"] = 204
    service.bus.subscriptions.update(made["id"], status="active")
    assert failing(service) == []


def test_the_worst_comes_first(world: World, service: Client, domain: str) -> None:
    refusing = world.receiver(lambda _: (500, {}))
    policy = {"schedule": [30], "max_attempts": 5}
    first = service.subscribe(refusing, f"{domain}.first", retry_policy=policy)
    second = service.subscribe(refusing, f"{domain}.second", retry_policy=policy)
    service.publish(f"{domain}.first")
    eventually(lambda: failing(service))
    service.publish(f"{domain}.second")
    eventually(lambda: len(failing(service)) == 2)
    time.sleep(KNOWN_SECONDS)
    for _ in range(12):
        service.publish(f"{domain}.second")
    # The circuit of the second one opens: it gets no more attempts.
    ranked = eventually(
        lambda: (each := failing(service))[0]["circuit"]["state"] == "open" and each
    )
    assert [each["subscription_id"] for each in ranked] == [second["id"], first["id"]]
    answer = service.bus.subscriptions.failing(limit=1)
    assert (len(answer["items"]), answer["total"]) == (1, 2)
