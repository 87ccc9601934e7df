"""Streams of Server-Sent Events: by a browser, by clients that crash, without a subscription."""

import threading
import time
from typing import Any

import httpx
import orjson
import pytest

from tests.end_to_end.browser import browsing
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.test_inboxes import events_of
from tests.end_to_end.world import Client, World
from tests.waiting import PATIENCE_SECONDS, join


def subscribed(service: Client, domain: str, **more: Any) -> str:
    return str(service.subscribe({"type": "sse"}, f"{domain}.*", **more)["id"])


class StreamClient:
    """A client of a stream that reconnects like `EventSource`, from its last id."""

    def __init__(self, http: httpx.Client, path: str, **query: Any) -> None:
        self.http, self.path, self.query = http, path, query
        self.last_id: str | None = None

    def turn(self, wait: int = 20) -> list[dict[str, str]]:
        """Returns the events of one request."""
        headers = {"last-event-id": self.last_id} if self.last_id else {}
        answer = self.http.get(self.path, params={**self.query, "wait": wait}, headers=headers)
        assert answer.status_code == 200, answer.text
        for line in answer.text.splitlines():
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
        return events_of(answer.text)

    def events(self, count: int) -> list[dict[str, Any]]:
        """Returns the next events, up to a number."""
        found: list[dict[str, Any]] = []
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} events came: {found}"
            found += [orjson.loads(block["data"]) for block in self.turn()]
        return found


def test_a_killed_client_continues_at_its_place(service: Client, domain: str) -> None:
    path = f"/subscriptions/{subscribed(service, domain, ordered=True)}/stream"
    stream = {"metadata": {"stream_id": f"{domain}/1"}}
    client = StreamClient(service.http, path, cursor=0)
    for n in range(3):
        service.publish(f"{domain}.moved", {"n": n}, **stream)
    first = client.events(3)
    # The client ends with its next request, without having seen the answer.
    with pytest.raises(httpx.ReadTimeout):
        service.http.get(path, headers={"last-event-id": client.last_id or ""}, timeout=0.5)
    for n in range(3, 6):
        service.publish(f"{domain}.moved", {"n": n}, **stream)
    again = StreamClient(service.http, path)
    again.last_id = client.last_id
    seen = [each["payload"]["n"] for each in first + again.events(3)]
    assert seen == list(range(6))


@pytest.mark.parametrize("seen", ["2", "999999999999999", "sub_1.1", "-1", "x"])
def test_a_place_that_was_never_reached_is_answered_at_once(
    service: Client, domain: str, seen: str
) -> None:
    path = f"/subscriptions/{subscribed(service, domain)}/stream"
    service.publish(f"{domain}.created")
    client = StreamClient(service.http, path, cursor=0)
    assert len(client.events(1)) == 1
    client.last_id = seen
    began = time.monotonic()
    [reset] = client.turn()
    assert time.monotonic() - began < 15
    assert (reset["event"], client.last_id) == ("eventbus.stream.reset", "1")
    assert "last event id" in orjson.loads(reset["data"])["reason"]
    after = service.publish(f"{domain}.created")
    assert [each["id"] for each in client.events(1)] == [after]


@pytest.fixture
def listening(service: Client, domain: str) -> StreamClient:
    client = StreamClient(service.http, "/stream", types=f"{domain}.created,{domain}.closed")
    assert client.turn() == []
    return client


def test_anyone_listens_to_types_for_a_while(
    service: Client, domain: str, listening: StreamClient
) -> None:
    ids = [service.publish(f"{domain}.{name}") for name in ("created", "moved", "closed")]
    heard = listening.events(2)
    assert {each["id"] for each in heard} == {ids[0], ids[2]}
    listener = str(listening.last_id).partition(".")[0]
    assert service.bus.subscriptions.get(listener)["expires_at"] > heard[0]["timestamp"]
    # Between two requests nothing is missed.
    later = service.publish(f"{domain}.created")
    time.sleep(1)
    assert [each["id"] for each in listening.events(1)] == [later]


def test_an_absent_listener_ends_and_gets_a_reset(
    world: World, service: Client, domain: str, listening: StreamClient
) -> None:
    listener = str(listening.last_id).partition(".")[0]
    world.bus.dynamodb.update_item(
        TableName=world.bus.resources["subscriptions_table"],
        Key={"id": {"S": listener}},
        UpdateExpression="SET ends_at = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 100)}},
    )
    [reset] = listening.turn()
    assert reset["event"] == "eventbus.stream.reset"
    assert not str(listening.last_id).startswith(listener)
    event_id = service.publish(f"{domain}.created")
    assert [each["id"] for each in listening.events(1)] == [event_id]
    world.sweep()
    problem(service.http.get(f"/subscriptions/{listener}"), 404)


def test_a_listener_beyond_its_end_and_one_of_another_begin_anew(
    world: World, service: Client, domain: str, listening: StreamClient
) -> None:
    listener = str(listening.last_id).partition(".")[0]
    listening.last_id = f"{listener}.7"
    [reset] = listening.turn()
    assert (reset["event"], reset["id"]) == ("eventbus.stream.reset", f"{listener}.0")
    event_id = service.publish(f"{domain}.created")
    assert [each["id"] for each in listening.events(1)] == [event_id]
    other = StreamClient(world.service().http, "/stream", **listening.query)
    other.last_id = f"{listener}.0"
    [reset] = other.turn()
    assert reset["event"] == "eventbus.stream.reset"
    assert not reset["id"].startswith(listener)


@pytest.mark.parametrize("query", ["", "types=", "types=a b", "types=a.b,", "types=a.b&wait=26"])
def test_an_invalid_listener_is_refused(service: Client, query: str) -> None:
    assert problem(service.http.get(f"/stream?{query}"), 400)["errors"]


def test_a_token_listens_and_does_nothing_else(world: World, service: Client, domain: str) -> None:
    token = service.stream_token()
    anonymous = world.anonymous()
    query = {"types": f"{domain}.*", "token": token}
    assert anonymous.get("/stream", params=query).status_code == 200
    problem(anonymous.get("/stream", params={**query, "token": "ebt_wrong"}), 401)
    problem(anonymous.get("/events", params={"token": token}), 401)
    problem(anonymous.get("/stream", params={"what": "?"}), 401)
    problem(anonymous.post("/stream-tokens", headers={"x-api-key": token}), 401)
    bound = service.stream_token(subscribed(service, domain))
    problem(anonymous.get("/stream", params={**query, "token": bound}), 403)


SCRIPT = """
const source = new EventSource(%s);
source.onopen = () => report({open: true});
source.addEventListener(%s, (message) =>
    report({id: message.lastEventId, event: JSON.parse(message.data)}));
"""


def following(url: str, event_type: str) -> str:
    """Returns the script of a page that follows a stream and reports its events."""
    return SCRIPT % (orjson.dumps(url).decode(), orjson.dumps(event_type).decode())


def test_a_browser_follows_a_subscription_over_many_turns(
    world: World, service: Client, domain: str
) -> None:
    subscription_id = subscribed(service, domain, ordered=True)
    path = f"/subscriptions/{subscription_id}/stream"
    token = service.stream_token(subscription_id)
    stream = {"metadata": {"stream_id": f"{domain}/1"}}
    service.publish(f"{domain}.moved", {"n": 0}, **stream)
    url = f"{world.bus.api_url}{path}?token={token}&cursor=0&wait=2"
    with browsing(following(url, f"{domain}.moved")) as page:

        def heard() -> list[int]:
            return [each["event"]["payload"]["n"] for each in page.messages]

        eventually(lambda: heard() == [0])
        for n in range(1, 5):
            service.publish(f"{domain}.moved", {"n": n}, **stream)
            # Some while the browser waits, some between two requests, some after an empty answer.
            time.sleep(0.9 * n)
        eventually(lambda: len(heard()) >= 5)
    assert heard() == list(range(5))
    assert [each["id"] for each in page.messages] == list("12345")


def test_a_second_browser_continues_after_a_killed_one(
    world: World, service: Client, domain: str
) -> None:
    subscription_id = subscribed(service, domain)
    token = service.stream_token(subscription_id)
    url = f"{world.bus.api_url}/subscriptions/{subscription_id}/stream?token={token}&cursor="
    first = service.publish(f"{domain}.created")
    with browsing(following(f"{url}0", f"{domain}.created")) as page:
        eventually(lambda: bool(page.messages))
    [last] = page.messages
    assert last["event"]["id"] == first
    second = service.publish(f"{domain}.created")
    with browsing(following(url + last["id"], f"{domain}.created")) as page:
        eventually(lambda: bool(page.messages))
    assert [each["event"]["id"] for each in page.messages] == [second]


def test_a_browser_listens_to_types(world: World, service: Client, domain: str) -> None:
    token = service.stream_token()
    url = f"{world.bus.api_url}/stream?types={domain}.*&token={token}"
    with browsing(following(url, f"{domain}.created")) as page:
        eventually(lambda: {"open": True} in page.reports)
        # The first answer comes at once, so every event is received from then on.
        ids = [service.publish(f"{domain}.created") for _ in range(2)]
        publisher = threading.Timer(2, lambda: ids.append(service.publish(f"{domain}.created")))
        publisher.start()
        eventually(lambda: len(page.messages) == 3)
        join(publisher)
    assert {each["event"]["id"] for each in page.messages} == set(ids)
