"""Callbacks lead only to permitted addresses, and to endpoints that agree."""

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.certificates import certificate, server_context, tls_server
from tests.end_to_end.problems import problem
from tests.end_to_end.world import World
from tests.hostile import HostileConnection, answering, subscriber

CONSENT = "HTTP/1.1 204 X\r\nwebhook-allowed-origin: *\r\ncontent-length: 0\r\n\r\n"
HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
NONE = "HTTP/1.1 405 X\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0x0a000001/",
        "http://[::ffff:192.168.0.1]/",
        "http://[fd00:ec2::254]/",
        "http://[5f00::1]/",
        "http://[64:ff9b::10.0.0.1]/",
    ],
)
def test_an_address_that_is_not_public_is_refused(world: World, url: str) -> None:
    service = world.service()
    asked = {"event_types": ["a.b"], "callback_url": url}
    said = problem(service.http.post("/subscriptions", json=asked), 422)
    assert said["errors"] == [
        {
            "pointer": "/callback_url",
            "detail": "must not name a private or reserved address, unless the deployment's "
            "setting callback_networks permits it",
        }
    ]
    assert list(service.bus.subscriptions.list()) == []


def test_a_callback_confirms_that_it_wants_events(world: World) -> None:
    service = world.service()
    types = f"{service.service_id}.*"
    with subscriber(answering(CONSENT)) as willing:
        made = service.subscribe(willing.url, types, verify=True)
        [(headers, _)] = willing.requests
        assert headers["webhook-request-origin"]
        assert made["verified_at"]
    path = f"/subscriptions/{made['id']}"
    with subscriber(answering(NONE)) as unwilling:
        asked = {"event_types": [types], "callback_url": unwilling.url, "verify": True}
        said = problem(service.http.post("/subscriptions", json=asked), 422)
        assert said["errors"][0]["pointer"] == "/verify"
        assert "405" in said["errors"][0]["detail"]
        changed = {"callback_url": unwilling.url, "verify": True}
        problem(service.http.patch(path, json=changed), 422)
        [kept] = service.bus.subscriptions.list()
        assert (kept["callback_url"], kept["verified_at"]) == (willing.url, made["verified_at"])
        # Without `verify`, nothing is verified.
        moved = service.bus.subscriptions.update(made["id"], callback_url=unwilling.url)
        assert moved["verified_at"] is None


def test_other_targets_are_not_asked_for_consent(world: World) -> None:
    service = world.service()
    asked = {"event_types": ["a.b"], "target": {"type": "pull"}, "verify": True}
    said = problem(service.http.post("/subscriptions", json=asked), 422)
    assert said["errors"][0]["pointer"] == "/verify"


def test_early_hints_are_no_answer(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    with subscriber(answering(HINTS + CONSENT)) as hinting:
        subscription = service.subscribe(hinting.url, f"{domain}.*")
        for _ in range(2):
            event_id = service.publish(f"{domain}.created")
            service.settled(event_id, subscription["id"], "delivered")
        assert len(hinting.requests) == 2


def test_a_failed_callback_has_its_cause(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    with subscriber(_plain) as plain, tls_server(_self_signed()) as secure:
        urls = {
            "tls_not_spoken": plain.url.replace("http:", "https:"),
            "tls_certificate_self_signed": f"https://127.0.0.1:{secure.port}/",
        }
        subscribed = {
            code: service.subscribe(url, f"{domain}.*", retry_policy={"max_attempts": 1})["id"]
            for code, url in urls.items()
        }
        event_id = service.publish(f"{domain}.created")
        for code, subscription_id in subscribed.items():
            service.settled(event_id, subscription_id, "exhausted")
            [letter] = service.dead_letters(subscription_id=subscription_id)
            assert letter["error"]["code"] == code


def _plain(conversation: HostileConnection) -> None:
    conversation.socket.recv(65_536)
    conversation.say(NONE)


def _self_signed() -> ssl.SSLContext:
    with TemporaryDirectory() as folder:
        return server_context(certificate("127.0.0.1"), Path(folder))
