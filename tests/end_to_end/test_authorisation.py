"""The right to each operation: every route, with every kind of key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS

from localstack.bus import LocalBus
from tests.end_to_end.estate import CONTEXT, Estate, estate_on
from tests.end_to_end.problems import problem
from tests.end_to_end.world import World, client_of


@dataclass(frozen=True)
class Case:
    """A request to a route that demands a key.

    Attributes:
        right: The status of the answer to the right key.
        stranger: The status of the answer to another service's key.
        names: Makes or finds what the path names.
        key_id: Makes what the path names as its key.
        body: Makes the body.
        query: The query.
        late: The status if the bus acted before the request with the right key.
        shared: Whether a stranger sees the resource, because it may receive its type.
        makes: Makes what the query names.
    """

    right: int
    stranger: int
    names: Callable[[Estate], str] | None = None
    key_id: Callable[[Estate], str] | None = None
    body: Callable[[Estate], Any] | None = None
    query: dict[str, str] | None = None
    late: int | None = None
    shared: bool = False
    makes: Callable[[Estate], object] | None = None

    def request(self, route: Operation, estate: Estate) -> dict[str, Any]:
        """The request, without its key."""
        path = route.path
        if self.makes:
            self.makes(estate)
        if self.names:
            named = self.names(estate)
            for parameter in ("{id}", "{type}", "{category}", "{key}"):
                path = path.replace(parameter, named)
        if self.key_id:
            path = path.replace("{key_id}", self.key_id(estate))
        path = path.replace("{version}", "1").replace("{name}", CONTEXT)
        body = self.body(estate) if self.body else None
        return {"method": route.method, "url": path, "json": body, "params": self.query}


def the_service(estate: Estate) -> str:
    return estate.owner.service_id


def the_key(estate: Estate) -> str:
    return estate.owner.key.partition(".")[0]


def the_subscription(estate: Estate) -> str:
    return estate.subscription_id


def the_event(estate: Estate) -> str:
    return estate.event_id


def the_dead_letter(estate: Estate) -> str:
    return estate.dead_letters[0]


CASES = {
    "POST /events": Case(202, 403, body=lambda e: {"type": f"{e.domain}.created", "payload": {}}),
    "POST /commands": Case(
        202,
        403,
        body=lambda e: {
            "type": f"{e.domain}.created",
            "payload": {},
            "metadata": {"expect_replies": 1},
        },
    ),
    "GET /commands/{id}": Case(200, 404, Estate.request),
    # A service does not reply to itself.
    "POST /events/{id}/reply": Case(403, 404, Estate.request, body=lambda _: {"payload": {}}),
    "POST /commands/{id}/cancel": Case(200, 404, Estate.request),
    "GET /events": Case(200, 200),
    "GET /events/{id}": Case(200, 404, the_event),
    "GET /events/{id}/trace": Case(200, 404, the_event),
    # A service that may receive its type may ask why an event did not arrive.
    "GET /events/{id}/matches": Case(200, 200, the_event, shared=True),
    # A stream belongs to its source: a stranger's own stream of that id is another, empty one.
    "GET /streams/events": Case(200, 200, query={"stream_id": "task/1", "source": "x"}),
    "GET /streams/state": Case(200, 200, query={"stream_id": "task/1", "source": "x"}),
    # Without another source, reducers are those of the key's own streams.
    "PUT /reducers/{category}": Case(
        201, 201, Estate.new_category, body=lambda _: {"type": "merge"}
    ),
    "GET /reducers": Case(200, 200),
    "GET /reducers/{category}": Case(200, 404, Estate.reduced_category),
    "GET /reducers/{category}/versions": Case(200, 404, Estate.reduced_category),
    "DELETE /reducers/{category}": Case(204, 404, Estate.reduced_category),
    "POST /streams/events": Case(
        202,
        403,
        body=lambda e: {
            "stream_id": "estate/1",
            "events": [{"type": f"{e.domain}.created", "payload": {}}],
        },
    ),
    "GET /streams": Case(200, 200),
    "GET /streams/head": Case(200, 404, query={"stream_id": "estate/1"}, makes=Estate.stream),
    "PATCH /streams": Case(
        200,
        404,
        query={"stream_id": "estate/1"},
        body=lambda _: {"truncate_before": 1},
        makes=Estate.stream,
    ),
    "DELETE /streams": Case(204, 404, query={"stream_id": "estate/2"}, makes=Estate.stream),
    "PUT /read-models/{category}": Case(201, 201, Estate.new_category, body=lambda _: {}),
    "GET /read-models": Case(200, 200),
    "GET /read-models/{category}": Case(200, 404, Estate.modelled_category),
    "POST /read-models/{category}/rebuild": Case(202, 404, Estate.modelled_category),
    "DELETE /read-models/{category}": Case(204, 404, Estate.modelled_category),
    "GET /states/{category}": Case(200, 404, Estate.served_category),
    "POST /filters/test": Case(200, 200, body=lambda _: {"event": {"type": "a.b", "payload": {}}}),
    "POST /subscriptions/{id}/test": Case(
        200, 404, the_subscription, body=lambda _: {"event": {"type": "a.b", "payload": {}}}
    ),
    "GET /metrics": Case(200, 403),
    "GET /analytics": Case(200, 403),
    "GET /traces": Case(200, 200, query={"correlation_id": "estate"}),
    "POST /events/{id}/replay": Case(202, 404, the_event),
    "POST /replays": Case(
        202,
        404,
        body=lambda e: {"from": "2026-01-01T00:00:00Z", "subscription_id": e.subscription_id},
    ),
    "GET /replays": Case(200, 200),
    "GET /replays/{id}": Case(200, 404, Estate.replay),
    # One event is replayed at once, so that the replay may be completed before it is cancelled.
    "DELETE /replays/{id}": Case(200, 404, Estate.replay, late=409),
    "GET /dead-letters": Case(200, 200),
    "GET /dead-letters/{id}": Case(200, 404, the_dead_letter),
    "POST /dead-letters/{id}/retry": Case(202, 404, Estate.dead_letter),
    "DELETE /dead-letters/{id}": Case(204, 404, Estate.dead_letter),
    # In the order of the list, it would remove what other cases need.
    "POST /dead-letters/retry": Case(202, 202, body=lambda _: {}),
    "POST /publishers": Case(
        201,
        403,
        body=lambda e: {"service_id": e.world.name("new"), "name": "New", "event_types": ["a.b"]},
    ),
    "GET /publishers": Case(200, 200),
    "GET /publishers/{id}": Case(200, 404, the_service),
    "PATCH /publishers/{id}": Case(200, 404, the_service, body=lambda _: {"name": "changed"}),
    "DELETE /publishers/{id}": Case(204, 403, Estate.publisher),
    "GET /subscribers": Case(200, 200),
    "GET /subscribers/{id}": Case(200, 404, Estate.granted),
    "PUT /subscribers/{id}": Case(200, 403, Estate.granted, body=lambda _: {"event_types": ["*"]}),
    "DELETE /subscribers/{id}": Case(204, 403, Estate.granted),
    "POST /subscriptions": Case(201, 403, body=Estate.registration),
    "GET /subscriptions": Case(200, 200),
    "GET /failing": Case(200, 200),
    "GET /subscriptions/{id}": Case(200, 404, the_subscription),
    "PUT /subscriptions/{id}": Case(201, 404, Estate.chosen_id, body=Estate.registration),
    "PATCH /subscriptions/{id}": Case(
        200, 404, the_subscription, body=lambda _: {"name": "changed"}
    ),
    "DELETE /subscriptions/{id}": Case(204, 404, Estate.subscription),
    "POST /subscriptions/{id}/secret/rotate": Case(200, 404, Estate.webhook),
    "GET /subscriptions/{id}/events": Case(
        200, 404, the_subscription, query={"lease": "1", "limit": "1"}
    ),
    "POST /subscriptions/{id}/ack": Case(204, 404, the_subscription, body=Estate.lease),
    "GET /subscriptions/{id}/stream": Case(200, 404, the_subscription, query={"wait": "0"}),
    "POST /subscriptions/{id}/stream-tokens": Case(201, 404, the_subscription),
    "GET /stream": Case(200, 200, query={"types": "estate.*", "wait": "0"}),
    "POST /stream-tokens": Case(201, 201),
    "POST /schemas/{type}/versions": Case(
        201, 403, Estate.new_type, body=lambda _: {"schema": {"type": "object"}}
    ),
    "GET /schemas": Case(200, 200),
    "GET /schemas/{type}": Case(200, 404, Estate.described_type),
    "PATCH /schemas/{type}": Case(
        200, 403, Estate.described_type, body=lambda _: {"validation": "off"}
    ),
    "GET /schemas/{type}/versions": Case(200, 404, Estate.described_type),
    "GET /schemas/{type}/versions/{version}": Case(200, 404, Estate.described_type),
    "DELETE /schemas/{type}/versions/{version}": Case(204, 403, Estate.described_type),
    "GET /schema-drafts": Case(200, 200),
    "GET /event-types": Case(200, 200),
    "GET /event-types/{type}": Case(200, 404, Estate.described_type),
    "GET /asyncapi.json": Case(200, 200),
    "PUT /contexts/{name}/{key}": Case(200, 201, Estate.entry, body=lambda _: {"value": 2}),
    "GET /contexts/{name}/{key}": Case(200, 404, Estate.entry),
    "GET /contexts/{name}": Case(200, 200),
    "DELETE /contexts/{name}/{key}": Case(204, 404, Estate.entry),
    "GET /audit-log": Case(200, 403),
} | {
    route: case
    for kind in ("publishers", "subscribers")
    for route, case in {
        f"GET /{kind}/{{id}}/keys": Case(200, 404, the_service),
        f"POST /{kind}/{{id}}/keys": Case(
            201, 404, the_service, body=lambda _: {"scopes": ["manage"]}
        ),
        f"DELETE /{kind}/{{id}}/keys/{{key_id}}": Case(204, 404, the_service, Estate.key),
        f"POST /{kind}/{{id}}/keys/{{key_id}}/rotate": Case(201, 404, the_service, Estate.key),
    }.items()
}


@pytest.fixture(scope="module")
def estate(bus: LocalBus) -> Iterator[Estate]:
    with client_of(bus, bus.admin_api_key) as admin:
        world = World(bus, admin)
        with estate_on(world) as made:
            yield made
        world.close()


ROUTES = {route.key: route for route in OPERATIONS}


def test_every_route_has_its_case() -> None:
    assert {route.key for route in OPERATIONS if not route.public} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_route_answers_only_to_permitted_keys(estate: Estate, name: str) -> None:
    route, case = ROUTES[name], CASES[name]
    assert route.scope
    request = case.request(route, estate)
    anyone, keys = estate.world.anonymous(), estate.keys

    def asked(key: str | None) -> httpx.Response:
        return anyone.request(**request, headers={"x-api-key": key} if key else {})

    problem(asked(None), 401)
    for what, key in keys.bad.items():
        assert problem(asked(key), 401)["detail"] == "The API key is not valid.", what
    if not route.tokens:
        problem(asked(keys.token), 401)
    query = {**(request["params"] or {}), "token": keys.only[route.scope]}
    problem(anyone.request(**{**request, "params": query}), 401)
    lacking = problem(asked(keys.but[route.scope]), 403)
    assert (
        lacking["detail"] == f"The key lacks the scope {route.scope}, which this operation needs."
    )
    foreign = asked(keys.stranger)
    if case.stranger < 400:
        assert foreign.status_code == case.stranger, foreign.text
        assert case.shared or estate.domain not in foreign.text
    else:
        problem(foreign, case.stranger)
    if route.admin:
        problem(asked(keys.only[route.scope]), 403)
    # The owner can do what nobody above could do or damage.
    answer = asked(estate.world.admin.key if route.admin else keys.only[route.scope])
    assert answer.status_code in (case.right, case.late), answer.text


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case.names and case.stranger == 404]
)
def test_an_invisible_resource_gets_the_same_404_as_a_missing_one(
    estate: Estate, name: str
) -> None:
    route, case = ROUTES[name], CASES[name]
    assert case.names
    case = replace(case, key_id=the_key if case.key_id else None)
    hidden = case.request(route, estate)
    nothing = {
        **hidden,
        "url": route.path.format(
            id="none",
            key_id="none",
            type="none",
            category="none",
            version="1",
            name=CONTEXT,
            key="none",
        ),
    }
    stranger = estate.world.with_key(estate.keys.stranger).http
    refused, missing = (problem(stranger.request(**each), 404) for each in (hidden, nothing))
    for said in (refused, missing):
        del said["instance"], said["request_id"]
    [named] = {word for word in refused["detail"].split() if word not in missing["detail"].split()}
    assert refused["detail"].replace(named, "none,") == missing["detail"]
    del refused["detail"], missing["detail"]
    assert refused == missing


@pytest.mark.parametrize(
    "path", ["/events", "/replays", "/publishers", "/subscriptions", "/dead-letters"]
)
def test_a_cursor_is_valid_only_for_the_caller_that_got_it(estate: Estate, path: str) -> None:
    if path == "/replays":
        estate.replay()
        estate.replay()
    # The service is its only publisher, so there is never a next page.
    giver = estate.world.admin if path == "/publishers" else estate.owner
    other = estate.owner if path == "/publishers" else estate.world.with_key(estate.keys.stranger)
    page = giver.http.get(path, params={"limit": "1"}).json()
    query = {"limit": "1", "cursor": page["next_cursor"]}
    assert giver.http.get(path, params=query).status_code == 200
    said = problem(other.http.get(path, params=query), 400)
    assert said["errors"][0]["pointer"] == "cursor"


def test_a_lease_and_a_token_are_valid_only_for_their_subscription(estate: Estate) -> None:
    other, one = estate.subscription(), estate.subscription()
    estate.owner.publish(f"{estate.domain}.created")
    ack = f"/subscriptions/{other}/ack"
    problem(estate.owner.http.post(ack, json=estate.lease(one)), 409)
    token = estate.owner.stream_token(estate.subscription_id)
    anyone, query = estate.world.anonymous(), {"token": token, "wait": "0"}
    own = f"/subscriptions/{estate.subscription_id}/stream"
    assert anyone.get(own, params=query).status_code == 200
    problem(anyone.get(f"/subscriptions/{other}/stream", params=query), 404)
