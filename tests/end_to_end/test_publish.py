"""Publishing on the deployed bus."""

import json
from typing import Any

import pytest

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World


def test_an_event_is_stored_with_all_that_was_sent(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    sent = {
        "id": f"evt_{domain}",
        "type": f"{domain}.created",
        "source": publisher.service_id,
        "timestamp": "2026-05-01T14:00:00.123456+02:00",
        "payload": {"a": [1, 1.5, None, True, "ü"], "large": 2**63, "nested": {"b": {}}},
        "metadata": {
            "correlation_id": "c-1",
            "trace_id": "t-1",
            "version": "1.0",
            "retry_count": 0,
            "reply_to": "task.replies",
            "team": "blue",
        },
    }
    answer = publisher.http.post("/events", json=sent)
    assert answer.status_code == 202
    assert answer.json() == {
        "id": sent["id"],
        "type": sent["type"],
        "source": sent["source"],
        "timestamp": "2026-05-01T12:00:00.123Z",
        "created_at": answer.json()["created_at"],
    }
    event = publisher.event(f"evt_{domain}")
    assert {name: event[name] for name in sent} == {
        **sent,
        "timestamp": "2026-05-01T12:00:00.123Z",
    }
    assert event["created_at"] <= event["updated_at"]
    processed = eventually(lambda: publisher.event(f"evt_{domain}")["processed"])
    assert processed is True


def test_numbers_arrive_as_they_were_sent_and_match_by_value(world: World, domain: str) -> None:
    publisher, receiver, other = world.publisher(f"{domain}.*"), world.receiver(), world.receiver()
    kind = f"{domain}.measured"
    for receiving, asked in ((receiver, 9007199254740993), (other, 9007199254740992)):
        publisher.subscribe(
            receiving, kind, filters={kind: {"large": [asked], "small": [{"numeric": [">", 0]}]}}
        )
    payload = '{"large":9007199254740993.0,"small":1e-400,"wide":36893488147419103232,"n":5e-325}'
    answer = publisher.http.post(
        "/events",
        content=f'{{"type":"{kind}","payload":{payload}}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 202, answer.text
    event_id = answer.json()["id"]
    assert payload.encode() in receiver.wait_for_event(event_id).body
    assert payload in publisher.http.get(f"/events/{event_id}").text
    assert not other.requests
    # The same body again is the same event.
    again = f'{{"id":"{event_id}","type":"{kind}","payload":{payload}}}'
    assert publisher.http.post("/events", content=again).status_code == 200
    refused = publisher.http.post("/events", content=again.replace("5e-325", "1e400"))
    said = problem(refused, 400)
    assert [each["pointer"] for each in said["errors"]] == ["/payload/n"]


def test_omitted_members_get_their_defaults(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.created")
    sent = {"type": f"{domain}.created", "payload": {"n": 1}}
    event = publisher.event(publisher.http.post("/events", json=sent).json()["id"])
    assert event["id"].startswith("evt_")
    assert event["source"] == publisher.service_id
    assert event["timestamp"] == event["created_at"]
    assert event["metadata"] == {}


def test_the_same_id_is_one_event_and_another_body_a_conflict(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    receiver = world.receiver()
    subscription = publisher.subscribe(receiver, f"{domain}.*")
    body = {"id": f"{domain}-1", "type": f"{domain}.created", "payload": {"b": 1, "a": 2}}
    first = publisher.http.post("/events", json=body)
    again = publisher.http.post("/events", json={**body, "payload": {"a": 2, "b": 1}})
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    other = publisher.http.post("/events", json={**body, "payload": {"a": 2, "b": 3}})
    assert problem(other, 409)["errors"][0]["pointer"] == "/id"
    eventually(
        lambda: (publisher.delivery(f"{domain}-1", subscription["id"]) or {}).get("attempts")
    )
    last = publisher.publish(f"{domain}.deleted")
    receiver.wait_for_event(last)
    assert sorted(receiver.event_ids()) == sorted([f"{domain}-1", last])
    assert publisher.event(f"{domain}-1")["payload"] == {"a": 2, "b": 1}


def test_each_event_of_a_batch_is_judged_on_its_own(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    good = {"type": f"{domain}.created", "payload": {}}
    answer = publisher.http.post(
        "/events",
        json=[
            good,
            {**good, "payload": "no object"},
            {**good, "type": "other.created"},
            {**good, "id": f"{domain}-same"},
            {**good, "id": f"{domain}-same"},
            {**good, "id": f"{domain}-same", "payload": {"another": "body"}},
            7,
        ],
    )
    assert answer.status_code == 207
    assert [each["status"] for each in answer.json()["results"]] == [
        202, 422, 403, 202, 200, 409, 422,
    ]  # fmt: skip
    assert (answer.json()["accepted"], answer.json()["refused"]) == (3, 4)
    pointers = [
        each["error"]["errors"][0]["pointer"]
        for each in answer.json()["results"]
        if "error" in each
    ]
    assert pointers == ["/1/payload", "/2/type", "/5/id", "/6"]
    for each in answer.json()["results"]:
        if "id" in each:
            assert publisher.event(each["id"])["payload"] == {}


def test_a_batch_of_a_hundred_is_stored_and_one_more_is_refused(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    events = [{"type": f"{domain}.created", "payload": {"n": n}} for n in range(100)]
    ids = publisher.publish_all(events)
    assert len(set(ids)) == 100
    assert [publisher.event(ids[n])["payload"]["n"] for n in (0, 50, 99)] == [0, 50, 99]
    problem(publisher.http.post("/events", json=[*events, events[0]]), 422)
    problem(publisher.http.post("/events", json=[]), 422)


def test_a_payload_of_one_megabyte_is_kept_whole_and_a_larger_one_refused(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    receiver = world.receiver()
    secret = publisher.subscribe(receiver, f"{domain}.*")["signing_secret"]
    filler = "x" * (1024 * 1024 - len('{"blob":""}'))
    event_id = publisher.publish(f"{domain}.created", {"blob": filler})
    assert publisher.event(event_id)["payload"] == {"blob": filler}
    delivered = receiver.wait_for_event(event_id)
    delivered.verify(secret)
    assert delivered.event["payload"] == {"blob": filler}
    answer = publisher.http.post(
        "/events", json={"type": f"{domain}.created", "payload": {"blob": filler + "x"}}
    )
    assert problem(answer, 413)["errors"][0]["pointer"] == "/payload"
    too_long = b'"' + b"x" * (4 * 1024 * 1024) + b'"'
    answer = publisher.http.post(
        "/events", content=too_long, headers={"content-type": "application/json"}
    )
    problem(answer, 413)


HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "NaN": b'{"type": "a.b", "payload": {"n": NaN}}',
    "infinity": b'{"type": "a.b", "payload": {"n": -Infinity}}',
    "a number beyond a double": b'{"type": "a.b", "payload": {"n": 1e999}}',
    "a giant integer": b'{"type": "a.b", "payload": {"n": ' + b"9" * 5000 + b"}}",
    "two members of one name": b'{"type": "a.b", "payload": {"n": 1, "n": 2}}',
    "a deep payload": b'{"type": "a.b", "payload": {"n": ' + b"[" * 32 + b"]" * 32 + b"}}",
    "a very deep payload": b"[" * 100_000,
    "broken UTF-8": b'{"type": "a.b", "payload": {"n": "\xff"}}',
    "a truncated character": b'{"type": "a.b", "payload": {"n": "\xf0\x9f\x98"}}',
    "a lone surrogate": rb'{"type": "a.b", "payload": {"n": "\ud800"}}',
}


@pytest.mark.parametrize("media_type", ["application/json", "application/vnd.api+json"])
def test_hostile_json_is_refused_with_a_reason(world: World, media_type: str) -> None:
    # The second type arrives in base64, the first as text that was decoded on the way.
    for name, body in HOSTILE.items():
        answer = world.admin.http.post(
            "/events", content=body, headers={"content-type": media_type}
        )
        assert problem(answer, 400)["detail"], name
    answer = world.admin.http.post("/events", content=b"a=1", headers={"content-type": "text/html"})
    problem(answer, 415)


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"type": "bad type"}, "/type"),
    ({"type": "a..b"}, "/type"),
    ({"type": 1}, "/type"),
    ({"id": "with space"}, "/id"),
    ({"id": "x" * 129}, "/id"),
    ({"payload": []}, "/payload"),
    ({"payload": None}, "/payload"),
    ({"timestamp": "yesterday"}, "/timestamp"),
    ({"timestamp": "2026-02-30T00:00:00Z"}, "/timestamp"),
    ({"metadata": {"retry_count": -1}}, "/metadata/retry_count"),
    ({"metadata": {"retry_count": "1"}}, "/metadata/retry_count"),
    ({"metadata": {"correlation_id": "a\r\nb"}}, "/metadata/correlation_id"),
    ({"metadata": {"team": 1}}, "/metadata/team"),
    ({"metadata": {"trace_id": None}}, "/metadata/trace_id"),
    ({"metadata": {"team": "x" * 1025}}, "/metadata/team"),
    ({"source": "no spaces"}, "/source"),
    ({"surprise": 1}, "/surprise"),
]


def test_a_timestamp_has_a_bound(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    for timestamp, said in (
        ("2999-01-01T00:00:00Z", "at most 300 s ahead of the bus's clock"),
        ("2016-12-31T23:59:60Z", "must not be a leap second"),
    ):
        body = {"type": f"{domain}.created", "payload": {}, "timestamp": timestamp}
        [fault] = problem(publisher.http.post("/events", json=body), 422)["errors"]
        assert fault["pointer"] == "/timestamp"
        assert said in fault["detail"]
        # In a batch, the others are stored.
        fine = {"type": f"{domain}.created", "payload": {}}
        results = publisher.http.post("/events", json=[fine, body]).json()["results"]
        assert [each["status"] for each in results] == [202, 422]


@pytest.mark.parametrize(("change", "pointer"), INVALID, ids=lambda each: json.dumps(each)[:40])
def test_an_invalid_event_is_refused_at_its_fault(
    world: World, change: dict[str, Any], pointer: str
) -> None:
    event = {"type": "a.b", "payload": {}, **change}
    document = problem(world.admin.http.post("/events", json=event), 422)
    assert [each["pointer"] for each in document["errors"]] == [pointer]


def test_a_missing_member_is_named(world: World) -> None:
    document = problem(world.admin.http.post("/events", json={}), 422)
    assert {each["pointer"]: each["detail"] for each in document["errors"]} == {
        "/type": "is required",
        "/payload": "must be an object; it is required without payload_base64",
    }


def test_a_publisher_publishes_its_own_types_under_its_own_name(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.created", f"{domain}.role.*")
    publisher.publish(f"{domain}.created", source=publisher.service_id)
    publisher.publish(f"{domain}.role.action.failed")
    for event_type in (f"{domain}.deleted", f"{domain}.role", "eventbus.subscription.disabled"):
        answer = publisher.http.post("/events", json={"type": event_type, "payload": {}})
        assert problem(answer, 403)["errors"][0]["pointer"] == "/type"
    answer = publisher.http.post(
        "/events", json={"type": f"{domain}.created", "payload": {}, "source": "somebody_else"}
    )
    assert problem(answer, 403)["errors"][0]["pointer"] == "/source"


def test_without_a_valid_key_nothing_is_published(world: World) -> None:
    event = {"type": "a.b", "payload": {}}
    for headers in (
        {},
        {"x-api-key": "ebk_guess"},
        {"authorization": "Bearer guess"},
        {"authorization": f"Basic {world.bus.admin_api_key}"},
        {"x-api-key": "x" * 4000},
    ):
        answer = world.anonymous().post("/events", json=event, headers=headers)
        assert "bearer" in answer.headers["www-authenticate"].lower()
        problem(answer, 401)
    answer = world.anonymous().post(
        "/events", json=event, headers={"authorization": f"Bearer {world.bus.admin_api_key}"}
    )
    assert answer.status_code == 202


def test_an_unreadable_event_of_a_batch_is_refused_by_its_index(world: World, domain: str) -> None:
    publisher = world.publisher(f"{domain}.*")
    event = f'{{"id": "{domain}-%d", "type": "{domain}.made", "payload": %s}}'
    flawed = ['{"n": NaN}', '{"n": 1, "n": 2}', r'{"s": "\ud83d"}', '{"n": -1e999}']
    payloads = ["{}", *flawed, '{"n": 5}']
    batch = ", ".join(event % (place, each) for place, each in enumerate(payloads))
    headers = {"content-type": "application/json"}
    answer = publisher.http.post("/events", content=f"[{batch}]", headers=headers)
    assert answer.status_code == 207, answer.text
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202, 400, 400, 400, 400, 202]
    for place, result in enumerate(results[1:-1], 1):
        assert result["error"]["errors"][0]["pointer"].startswith(f"/{place}/payload")
    assert publisher.event(f"{domain}-5")["payload"] == {"n": 5}
    # If the body is not JSON, the end of an event is unknown: nothing is stored.
    broken = f"[{event % (8, '{}')}, {{'id': 'quoted'}}]"
    document = problem(publisher.http.post("/events", content=broken, headers=headers), 400)
    assert document["errors"][0]["pointer"] == "/1"
    problem(publisher.http.get(f"/events/{domain}-8"), 404)
