"""Secrets are stored, logged and shown nowhere except in the answer that creates them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from event_bus.api.operations.registry import OPERATIONS

from tests.end_to_end.everything import forms, items, kept, lines
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.test_keys import make_key
from tests.end_to_end.world import Client, World


@dataclass
class Canaries:
    """Secrets, and every answer that was given since each was handed out."""

    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, secret: str) -> str:
        # The part before the dot is the key's id, which may be shown.
        self.secrets[name] = secret.rpartition(".")[2]
        return secret

    def hear(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append((str(answer.url.path), f"{answer.headers}\n{answer.text}"))
        return answer

    def sung(self, told: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
        """Returns which secret was found where."""
        return [
            (name, where)
            for where, text in told
            for name, secret in self.secrets.items()
            if any(form in text for form in forms(secret))
        ]


def chosen(world: World, canaries: Canaries, domain: str) -> Client:
    """A publisher whose key was chosen by its admin."""
    service_id, key = world.name("publisher"), f"chosen-canary-{domain}-0123456789"
    registration = {
        "service_id": service_id,
        "event_types": [f"{domain}.*"],
        "authentication": {"api_key": canaries.add("chosen key", key)},
    }
    canaries.hear(world.admin.http.post("/publishers", json=registration))
    # The second request is a conflict.
    assert canaries.hear(world.admin.http.post("/publishers", json=registration)).status_code == 409
    return world.with_key(key, service_id)


def provoke(world: World, canaries: Canaries, service: Client, domain: str) -> None:
    """Makes keys fail in every way."""
    made = make_key(service, name="second")
    second = canaries.add("second key", made["authentication"]["api_key"])
    path = f"/publishers/{service.service_id}/keys/{made['id']}"
    rotated = service.http.post(f"{path}/rotate", json={"overlap": 60}).json()
    canaries.add("rotated key", rotated["authentication"]["api_key"])
    canaries.hear(service.http.delete(path))
    for key in (second, second[:-1] + "x", canaries.add("unknown key", "never-seen-0123456789")):
        for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
            canaries.hear(world.anonymous().get("/events", headers=headers))
        canaries.hear(world.anonymous().get("/events", params={"api_key": key}))
    limited = make_key(service, scopes=["read"])
    key = canaries.add("limited key", limited["authentication"]["api_key"])
    body = {"type": f"{domain}.created", "payload": {}}
    canaries.hear(world.with_key(key).http.post("/events", json=body))
    chosen = {"authentication": {"api_key": canaries.add("short key", "aaaaaaaaaaaaaaaab")}}
    canaries.hear(world.admin.http.post(f"/publishers/{service.service_id}/keys", json=chosen))


def listen(world: World, canaries: Canaries, service: Client, domain: str) -> None:
    """Uses tokens and WebSockets."""
    token = canaries.add("token", service.stream_token())
    query = {"types": f"{domain}.*", "token": token, "wait": "0"}
    canaries.hear(world.anonymous().get("/stream", params=query))
    canaries.hear(world.anonymous().get("/events", params={"token": token}))
    with connected(world.bus.websocket_url, service.key) as socket:
        socket.ask("subscribe", event_types=["not a type"])
    with connected(world.bus.websocket_url, token=token) as socket:
        socket.subscribe(event_types=[f"{domain}.*"])


def deliver(world: World, canaries: Canaries, service: Client, domain: str) -> None:
    """Makes deliveries that are signed, refused and retried, and replaces secrets meanwhile."""
    refusing = world.receiver(lambda count: (500 if count == 1 else 204, {}))
    refusing.echoes = True
    made = service.subscribe(refusing, f"{domain}.*", retry_policy={"max_attempts": 1})
    canaries.add("signing secret", made["signing_secret"].removeprefix("whsec_"))
    path = f"/subscriptions/{made['id']}"
    service.publish(f"{domain}.created", {"n": 1})
    letter = service.dead_letter(subscription_id=made["id"])
    rotated = service.http.post(f"{path}/secret/rotate", json={"overlap": 60}).json()
    canaries.add("rotated signing secret", rotated["signing_secret"].removeprefix("whsec_"))
    canaries.hear(service.http.patch(path, json={"callback_url": "http://169.254.169.254/"}))
    canaries.hear(service.http.post(f"/dead-letters/{letter['id']}/retry"))
    eventually(lambda: len(refusing.requests) == 2)
    begin = "2020-01-01T00:00:00Z"
    service.completed(service.bus.replays.start(since=begin, subscription_id=made["id"]))


def read_all(canaries: Canaries, *clients: Client) -> None:
    """Reads every route, and each element of each list."""
    for client in clients:
        for route in OPERATIONS:
            path = route.path.replace("{id}", client.service_id)
            if route.method == "GET" and "{" not in path:
                answer = canaries.hear(client.http.get(path, params=_query(path)))
                for item in _items(answer):
                    name = item.get("id") or item.get("service_id")
                    canaries.hear(client.http.get(f"{path}/{name}"))


def _query(path: str) -> dict[str, str]:
    if path.endswith("stream"):
        return {"types": "a.b", "wait": "0"}
    return {"limit": "100"} if path in ("/events", "/subscriptions", "/dead-letters") else {}


def _items(answer: httpx.Response) -> list[dict[str, Any]]:
    if not answer.headers["content-type"].startswith("application/json"):
        return []
    items: list[dict[str, Any]] = answer.json().get("items", [])
    return items


@pytest.fixture
def canaries(world: World) -> Canaries:
    made = Canaries()
    made.add("admin key", world.bus.admin_api_key)
    return made


def test_no_secret_is_stored_or_shown(world: World, canaries: Canaries, domain: str) -> None:
    service = chosen(world, canaries, domain)
    provoke(world, canaries, service, domain)
    listen(world, canaries, service, domain)
    deliver(world, canaries, service, domain)
    read_all(canaries, world.admin, service)
    assert len(canaries.secrets) == 10
    assert canaries.sung(iter(canaries.answers)) == []
    # Its entries come some seconds late; by then the logs are complete.
    eventually(
        lambda: any(
            "key.rotate" in text and service.service_id in text
            for _, text in items(world.bus, "audit")
        ),
        60,
    )
    assert canaries.sung(kept(world.bus)) == []


def test_every_stored_text_is_searched(world: World, service: Client, domain: str) -> None:
    canaries, began = (
        Canaries({"payload": f"canary-{domain}", "type": f"{domain}.created"}),
        time.time(),
    )
    service.publish(f"{domain}.created", {"canary": f"canary-{domain}", "large": "x" * 20_000})
    service.publish(f"{domain}.created", {"canary": f"canary-{domain}"})

    def found() -> object:
        places = {name: set[str]() for name in canaries.secrets}
        for name, where in canaries.sung(kept(world.bus, began)):
            places[name].add(where)
        table, bucket = (world.bus.resources[each] for each in ("events_table", "payloads_bucket"))
        logs = {group for group, _ in lines(world.bus, began)}
        return (
            {table, bucket} <= places["payload"]
            and table in places["type"]
            and (logs & places["type"])
        )

    eventually(found)
