"""Every event and delivery is counted once, in Prometheus, analytics and CloudWatch."""

import time
from typing import Any

import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.everything import lines
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

COUNTERS = (
    "events_published",
    "events_delivered",
    "delivery_failures",
    "dead_letters",
)


def scraped(world: World) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by its name and labels."""
    answer = world.admin.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def counted(world: World, event_type: str) -> dict[str, float]:
    """The counters of a type, over all subscribers."""
    found = dict.fromkeys(COUNTERS, 0.0)
    for (name, labels), value in scraped(world).items():
        counter = name.removeprefix("event_bus_").removesuffix("_total")
        if counter in found and ("type", event_type) in labels:
            found[counter] += value
    return found


def analysed(world: World, **query: str) -> dict[str, Any]:
    told: dict[str, Any] = world.admin.bus.call("GET", "/analytics", query=query)
    return told


def test_each_step_of_an_event_is_counted_once(world: World, service: Client, domain: str) -> None:
    name, began = f"{domain}.created", time.time()
    taking, failing = (
        world.receiver(),
        world.receiver(lambda count: (500 if count < 3 else 204, {})),
    )
    service.subscribe(taking, f"{domain}.*")
    refused = service.subscribe(
        failing, f"{domain}.*", retry_policy={"max_attempts": 2, "schedule": [1]}
    )
    event_id = service.publish(name)
    letter = service.dead_letter(subscription_id=refused["id"])
    expected = {
        "events_published": 1,
        "events_delivered": 1,
        "delivery_failures": 2,
        "dead_letters": 1,
    }
    eventually(lambda: counted(world, name) == expected)
    service.bus.dead_letters.retry(letter["id"])
    service.settled(event_id, refused["id"], "delivered")
    service.replayed(event_id)
    # Sent again, it is the same event.
    again = {"id": f"{domain}-1", "type": name, "payload": {}}
    assert [service.http.post("/events", json=again).status_code for _ in range(2)] == [202, 200]
    expected = {**expected, "events_published": 2, "events_delivered": 6}
    eventually(lambda: counted(world, name) == expected)
    by_subscriber = scraped(world)[
        "event_bus_events_delivered_total",
        frozenset({("type", name), ("subscriber", service.service_id)}),
    ]
    assert by_subscriber == 6

    for granularity in ("minute", "hour", "day"):
        told = analysed(world, type=name, granularity=granularity)
        totals = told["totals"]
        assert (totals["published"], totals["delivered"]) == (2, 6)
        assert (totals["failed"], totals["dead_lettered"]) == (2, 1)
        assert totals["latency_seconds"]["p50"] < 30
        assert [each["subscriber"] for each in told["subscribers"]] == [service.service_id]
        assert told["sources"] == [{"source": service.service_id, "published": 2}]
        assert sum(each["delivered"] for each in told["buckets"]) == 6
    assert analysed(world, source="nobody")["totals"]["published"] == 0

    def told_to_cloudwatch() -> set[str]:
        return {
            metric["Name"]
            for _, line in lines(world.bus, began)
            if '"_aws"' in line
            for metrics in orjson.loads(line)["_aws"]["CloudWatchMetrics"]
            for metric in metrics["Metrics"]
            if metrics["Namespace"] == "EventBus"
        }

    expected_names = {"Published", "Delivered", "Failed", "DeadLettered", "DeliveryLatency"}
    eventually(lambda: told_to_cloudwatch() >= expected_names)


def test_gauges_show_the_present_state(world: World, service: Client, domain: str) -> None:
    service.subscribe("http://127.0.0.1:1/", f"{domain}.*")
    active = "event_bus_active_subscriptions", frozenset({("type", f"{domain}.*")})
    # Otherwise the count might be a minute old.
    world.forget("Metrics")
    eventually(lambda: scraped(world).get(active) == 1)
    samples = scraped(world)
    lane = frozenset({("queue", "http_lane"), ("state", "visible")})
    assert samples["event_bus_queue_messages", lane] >= 0
    assert samples["event_bus_circuits", frozenset({("state", "open")})] >= 0
    nothing: frozenset[tuple[str, str]] = frozenset()
    assert samples["event_bus_router_lag_seconds", nothing] >= 0
    assert samples["event_bus_oldest_due_delivery_seconds", nothing] >= 0
    assert samples["event_bus_delivery_latency_seconds_count", nothing] >= 0


def test_messages_in_redrive_queues_are_shown(world: World) -> None:
    sqs, queue = world.bus.client("sqs"), world.bus.resources["unroutable_queue_redrive_url"]
    sqs.send_message(QueueUrl=queue, MessageBody="not to be worked")
    given_up = frozenset({("queue", "unroutable_redrive"), ("state", "visible")})
    world.forget("Metrics")
    eventually(lambda: scraped(world)["event_bus_queue_messages", given_up] >= 1)
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    world.forget("Metrics")
    eventually(lambda: scraped(world)["event_bus_queue_messages", given_up] == 0)


def test_refusals_are_counted_by_what_was_asked_and_why(
    world: World, service: Client, domain: str
) -> None:
    def refusals() -> dict[tuple[str, str], float]:
        return {
            (dict(labels)["action"], dict(labels)["reason"]): value
            for (name, labels), value in scraped(world).items()
            if name == "event_bus_authorization_failures_total"
        }

    narrow = service.http.post(f"/publishers/{service.service_id}/keys", json={"scopes": ["read"]})
    reader = world.with_key(narrow.json()["authentication"]["api_key"])
    stranger = world.with_key(f"{service.key[:-1]}{'a' if service.key[-1] != 'a' else 'b'}")
    own, others = f"{domain}.created", f"{world.name('others')}.created"
    before = refusals()
    problem(world.anonymous().get("/traces"), 401)
    problem(stranger.http.get("/traces"), 401)
    problem(world.anonymous().get("/stream", params={"token": "x"}), 401)
    problem(reader.http.post("/replays", json={}), 403)
    problem(service.http.get("/metrics"), 403)
    asked = {"type": own, "payload": {}, "source": "somebody"}
    problem(service.http.post("/events", json=asked), 403)
    # One of a batch counts as well.
    batch = [{"type": each, "payload": {}} for each in (own, others)]
    assert service.http.post("/events", json=batch).status_code == 207
    expected = [
        ("trace.read", "no_key"),
        ("trace.read", "bad_key"),
        ("inbox.read", "bad_token"),
        ("replay.create", "scope"),
        ("metrics.read", "admin"),
        ("event.publish", "other_service"),
        ("event.publish", "event_type"),
    ]

    def counted_anew() -> bool:
        now = refusals()
        return all(now.get(each, 0) > before.get(each, 0) for each in expected)

    eventually(counted_anew, 60)

    def told() -> list[str]:
        entries = world.admin.http.get(
            "/audit-log", params={"actor": service.service_id, "status": "denied"}
        ).json()["items"]
        return sorted(each["details"]["reason"] for each in entries)

    eventually(lambda: told() == ["admin", "event_type", "other_service", "scope"], 60)


def lanes_that_hold(world: World, *names: str) -> list[str]:
    """Returns the lanes on which messages wait."""
    return [
        name
        for name in names
        if any(
            int(number)
            for number in world.bus.sqs.get_queue_attributes(
                QueueUrl=world.bus.resources[f"{name}_url"],
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )["Attributes"].values()
        )
    ]


def test_the_age_of_waiting_messages_is_shown(world: World, service: Client, domain: str) -> None:
    failing = world.receiver(lambda _: (500, {}))
    policy = {"max_attempts": 2, "schedule": [600]}
    waiting = service.subscribe(failing, f"{domain}.*", retry_policy=policy)
    service.settled(service.publish(f"{domain}.created"), waiting["id"], "retrying")
    # Its first answer ended the trial of the new subscription: the retry may wait on either lane.
    [lane] = eventually(lambda: lanes_that_hold(world, "http_lane", "http_paced_lane")[:1])
    # SQS does this once a minute on AWS, but not on the emulator. On the other lanes, retries of
    # other tests may wait.
    ages = {
        url.rpartition("/")[2]: 754.0 if name == f"{lane}_url" else 1.0
        for name, url in world.bus.resources.items()
        if name.endswith("_lane_url")
    }
    world.bus.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": name}],
                "Value": age,
            }
            for name, age in {**ages, "a-queue-of-others": 9_999.0}.items()
        ],
    )
    age = "event_bus_oldest_message_age_seconds", frozenset({("queue", lane)})
    # Otherwise their answers might be a minute old.
    world.forget("Metrics", "Status")
    eventually(lambda: scraped(world).get(age) == 754)

    def oldest() -> Any:
        return world.anonymous().get("/health/broker").json()["checks"]["oldest-delivery"]

    eventually(lambda: oldest().get("observedValue") == 754)


def test_the_health_of_the_broker_says_how_far_behind_it_is(world: World) -> None:
    checks = world.anonymous().get("/health/broker").json()["checks"]
    for name in ("router-lag", "oldest-due-delivery"):
        assert checks[name]["status"] == "pass"
        assert checks[name]["observedValue"] >= 0
        assert checks[name]["observedUnit"] == "s"


def test_an_invalid_query_is_refused_with_its_fault(world: World, service: Client) -> None:
    for query, where in (
        ({"granularity": "week"}, "granularity"),
        ({"from": "2020-01-01T00:00:00Z"}, "from"),
        ({"limit": "3"}, "limit"),
    ):
        said = problem(world.admin.http.get("/analytics", params=query), 400)
        assert [each["pointer"] for each in said["errors"]] == [where]
    assert problem(service.http.get("/analytics"), 403)
    assert problem(service.http.get("/metrics"), 403)
