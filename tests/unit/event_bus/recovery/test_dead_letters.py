"""Dead letters belong to the service of their subscription, whatever they are looked for by."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.api.operations.dead_letters import LIST, selection
from event_bus.api.query import Query
from event_bus.errors import Conflict, MalformedRequest, NotFound
from event_bus.model.delivery import Delivery, DeliveryError, DeliveryKey
from event_bus.paging import DEFAULT_LIMIT
from event_bus.queues.lanes import Lanes
from event_bus.recovery.dead_letters import BulkRetryRequest, DeadLetterQuery, DeadLetters

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, delivery, service, subscription
from tests.interference import before_next

MORNING, EVENING = "2026-05-01T08:00:00.000Z", "2026-05-01T20:00:00.000Z"
RESOLVED = (
    "The dead letter dl_001 is resolved: its event was delivered, or it was discarded. To deliver "
    "the event again, replay it."
)


@pytest.fixture
def dead_letters(aws: Aws, executor: Executor) -> DeadLetters:
    return DeadLetters(
        aws.dead_letters,
        aws.deliveries,
        Lanes(aws.sqs, {"http": aws.queue()}, executor),
        aws.subscriptions,
    )


def letter(aws: Aws, number: int, service_id: str = "worker", **members: Any) -> Delivery:
    """A dead letter of a service, the greater its number the newer."""
    given = {"event_id": "evt_1", "subscription_id": f"sub_{number}", **members}
    key = DeliveryKey(given.pop("event_id"), given.pop("subscription_id"))
    dead = delivery(
        "exhausted", key=key, service_id=service_id, dead_letter_id=f"dl_{number:03}", **given
    )
    assert aws.deliveries.record(dead, dead.attempts) is None
    return dead


def ids(found: Sequence[Delivery]) -> list[str | None]:
    return [each.dead_letter_id for each in found]


def listed(of: DeadLetters, caller: Caller, **filters: Any) -> list[str | None]:
    found, behind = of.page(DeadLetterQuery(**filters), None, caller)
    assert behind is None
    return ids(found)


@pytest.fixture
def two_services(aws: Aws) -> None:
    letter(aws, 1, "worker")
    letter(aws, 2, "planner")
    letter(aws, 3, "worker", event_id="evt_2")


@pytest.mark.usefixtures("two_services")
class TestOwners:
    """A service sees its own, an admin all."""

    @pytest.mark.parametrize(
        ("filters", "own", "all_of_them"),
        [
            ({}, ["dl_003", "dl_001"], ["dl_003", "dl_002", "dl_001"]),
            ({"event_id": "evt_1"}, ["dl_001"], ["dl_002", "dl_001"]),
            ({"event_id": "evt_2"}, ["dl_003"], ["dl_003"]),
            ({"subscription_id": "sub_2"}, [], ["dl_002"]),
            ({"subscriber_id": "planner"}, [], ["dl_002"]),
            ({"event_id": "evt_1", "subscriber_id": "planner"}, [], ["dl_002"]),
        ],
    )
    def test_lists(
        self,
        dead_letters: DeadLetters,
        filters: dict[str, Any],
        own: list[str],
        all_of_them: list[str],
    ) -> None:
        assert listed(dead_letters, service("worker"), **filters) == own
        assert listed(dead_letters, AN_ADMIN, **filters) == all_of_them
        assert listed(dead_letters, service("stranger"), **filters) == []

    def test_one(self, dead_letters: DeadLetters) -> None:
        assert dead_letters.get("dl_002", service("planner")).service_id == "planner"
        assert dead_letters.get("dl_002", AN_ADMIN).service_id == "planner"

    def test_none_of_another_service(self, aws: Aws, dead_letters: DeadLetters) -> None:
        before = aws.dead_letters.get("dl_002")
        for ask in (dead_letters.get, dead_letters.retry, dead_letters.discard):
            with pytest.raises(NotFound, match="dl_002"):
                ask("dl_002", service("worker"))
            with pytest.raises(NotFound, match="dl_404"):
                ask("dl_404", AN_ADMIN)
        assert aws.dead_letters.get("dl_002") == before

    @pytest.mark.parametrize("filters", [{}, {"event_id": "evt_1"}])
    def test_all_at_once(
        self, aws: Aws, dead_letters: DeadLetters, filters: dict[str, Any]
    ) -> None:
        retried, behind = dead_letters.retry_all(
            DeadLetterQuery(**filters), None, service("planner")
        )
        assert (retried, behind) == (1, None)
        states = {
            each: getattr(aws.dead_letters.get(each), "status", None)
            for each in ("dl_001", "dl_002", "dl_003")
        }
        assert states == {"dl_001": "exhausted", "dl_002": "retrying", "dl_003": "exhausted"}


def test_a_bulk_retry_that_takes_long_leaves_the_rest_to_the_next_request(
    aws: Aws, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        letter(aws, number)
    monkeypatch.setattr("event_bus.recovery.dead_letters.BULK_SECONDS", -1)
    query, behind, opened = DeadLetterQuery(limit=1), None, []
    for _ in range(3):
        retried, behind = dead_letters.retry_all(query, behind, AN_ADMIN)
        opened.append((retried, behind))
    assert opened == [(1, "dl_003"), (1, "dl_002"), (1, None)]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, True),
        ({"event_id": "evt_1"}, True),
        ({"event_id": "evt_2"}, False),
        ({"subscription_id": "sub_1"}, True),
        ({"subscription_id": "sub_2"}, False),
        ({"subscriber_id": "worker"}, True),
        ({"subscriber_id": "planner"}, False),
        ({"event_type": "task.*"}, True),
        ({"event_type": "order.*"}, False),
        ({"error_code": "timeout"}, True),
        ({"error_code": "http_status"}, False),
        ({"status": "exhausted"}, True),
        ({"status": "retrying"}, False),
        ({"since": NOON}, True),
        ({"since": EVENING}, False),
        ({"until": EVENING}, True),
        ({"until": NOON}, False),
        ({"since": MORNING, "until": EVENING}, True),
        ({"event_id": "evt_1", "error_code": "http_status"}, False),
    ],
)
def test_every_filter_narrows(filters: dict[str, Any], fits: bool) -> None:
    dead = delivery(
        "exhausted",
        service_id="worker",
        dead_letter_id="dl_001",
        last_error=DeliveryError("timeout", "too late", NOON),
    )
    assert DeadLetterQuery(**filters).selects(dead) is fits


@pytest.mark.parametrize("filters", [{}, {"event_id": "evt_1"}])
@pytest.mark.parametrize("caller", [service("worker"), AN_ADMIN], ids=["service", "admin"])
def test_pages_follow_each_other_newest_first(
    aws: Aws, dead_letters: DeadLetters, caller: Caller, filters: dict[str, Any]
) -> None:
    for number in range(1, 6):
        letter(aws, number)
    pages: list[list[str | None]] = []
    behind: str | None = None
    while not pages or behind:
        found, behind = dead_letters.page(DeadLetterQuery(**filters, limit=2), behind, caller)
        pages.append(ids(found))
    assert pages == [["dl_005", "dl_004"], ["dl_003", "dl_002"], ["dl_001"]]
    found, behind = dead_letters.page(DeadLetterQuery(**filters, limit=3), None, caller)
    assert (len(found), behind) == (3, "dl_003")


@pytest.mark.parametrize("filters", [{}, {"event_id": "evt_1"}])
def test_a_page_that_holds_the_last_one_is_the_last(
    aws: Aws, dead_letters: DeadLetters, filters: dict[str, Any]
) -> None:
    for number in (1, 2):
        letter(aws, number)
    found, behind = dead_letters.page(DeadLetterQuery(**filters, limit=2), None, AN_ADMIN)
    assert (ids(found), behind) == (["dl_002", "dl_001"], None)


def failed_by(aws: Aws, codes: str) -> None:
    """Stores a dead letter for each code, the last one the newest."""
    for number, code in enumerate(codes, 1):
        letter(aws, number, last_error=DeliveryError(code, "x", NOON))


@pytest.mark.parametrize("caller", [service("worker"), AN_ADMIN], ids=["service", "admin"])
def test_a_filter_finds_those_behind_many_others(
    aws: Aws, dead_letters: DeadLetters, caller: Caller
) -> None:
    failed_by(aws, "ababbbbbbb")
    query = DeadLetterQuery(error_code="a", limit=2)
    found, behind = dead_letters.page(query, None, caller)
    assert (ids(found), behind) == (["dl_003", "dl_001"], None)
    [first], behind = dead_letters.page(replace(query, limit=1), None, caller)
    assert first.dead_letter_id == behind == "dl_003"
    assert ids(dead_letters.page(query, behind, caller)[0]) == ["dl_001"]


def test_a_page_ends_early_after_many_were_read(
    aws: Aws, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus.recovery.dead_letters._READ_BUDGET", 4)
    failed_by(aws, "abbbbbbbb")
    query, behind = DeadLetterQuery(error_code="a", limit=2), None
    pages: list[tuple[list[str | None], str | None]] = []
    while not pages or behind:
        found, behind = dead_letters.page(query, behind, AN_ADMIN)
        pages.append((ids(found), behind))
    assert pages == [([], "dl_004"), (["dl_001"], None)]


def test_a_bulk_retry_continues_page_by_page(aws: Aws, dead_letters: DeadLetters) -> None:
    failed_by(aws, "a" * 12)
    query = DeadLetterQuery(limit=2)
    assert dead_letters.retry_all(query, None, AN_ADMIN) == (10, "dl_003")
    assert dead_letters.retry_all(query, "dl_003", AN_ADMIN) == (2, None)


def test_one_without_an_error_has_no_code() -> None:
    dead = delivery("exhausted", dead_letter_id="dl_001", last_error=None)
    assert DeadLetterQuery().selects(dead)
    assert not DeadLetterQuery(error_code="timeout").selects(dead)


class TestOne:
    """What becomes of a single dead letter."""

    @pytest.fixture
    def lane(self, aws: Aws) -> str:
        return aws.queue()

    @pytest.fixture
    def dead_letters(self, aws: Aws, executor: Executor, lane: str) -> DeadLetters:
        return DeadLetters(
            aws.dead_letters,
            aws.deliveries,
            Lanes(aws.sqs, {"http": lane}, executor),
            aws.subscriptions,
        )

    def test_a_dead_letter_is_retried_with_the_present_subscription(
        self, aws: Aws, dead_letters: DeadLetters, lane: str
    ) -> None:
        made = aws.subscriptions.create(subscription("sub_1"))
        changed = aws.subscriptions.update(replace(made, name="Mended"))
        assert changed.version > made.version
        letter(aws, 1)
        letter(aws, 2)
        dead_letters.retry("dl_001", service("worker"))
        assert dead_letters.retry_all(DeadLetterQuery(), None, AN_ADMIN) == (1, None)
        sent = {each.subscription_id: each for each in aws.sent_on(lane)}
        versions = {name: each.subscription_version for name, each in sent.items()}
        # That of the second one is gone.
        assert versions == {"sub_1": changed.version, "sub_2": 0}

    def test_a_dead_letter_is_retried_once(
        self, aws: Aws, dead_letters: DeadLetters, lane: str
    ) -> None:
        letter(aws, 1, attempts=4)
        reopened = dead_letters.retry("dl_001", service("worker"))
        assert (reopened.status, reopened.dead_letter_id) == ("retrying", "dl_001")
        assert aws.dead_letters.get("dl_001") == reopened
        [sent] = aws.sent_on(lane)
        assert (sent.event_id, sent.subscription_id, sent.attempt) == ("evt_1", "sub_1", 5)
        with pytest.raises(Conflict, match="dl_001 is on its way already"):
            dead_letters.retry("dl_001", service("worker"))
        assert aws.sent(lane) == []

    def test_a_bulk_retry_leaves_out_what_another_request_reopened(
        self, aws: Aws, dead_letters: DeadLetters, lane: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        letter(aws, 1)
        letter(aws, 2)
        before_next(aws, monkeypatch, "update_item", lambda: dead_letters.retry("dl_002", AN_ADMIN))
        assert dead_letters.retry_all(DeadLetterQuery(), None, AN_ADMIN) == (1, None)
        sent = [each.subscription_id for each in aws.sent_on(lane)]
        assert sorted(sent) == ["sub_1", "sub_2"]

    def test_a_discarded_dead_letter_stays_discarded(
        self, aws: Aws, dead_letters: DeadLetters, lane: str
    ) -> None:
        letter(aws, 1)
        dead_letters.discard("dl_001", service("worker"))
        discarded = aws.dead_letters.get("dl_001")
        assert discarded
        assert discarded.dead_letter_status == "resolved"
        assert discarded.last_error
        assert discarded.last_error.code == "discarded"
        assert discarded.last_error.message == "discarded by worker"
        [following] = aws.sent_on(lane)
        assert (following.key, following.delay) == (discarded.key, 0)
        assert not discarded.continues
        for again in (dead_letters.discard, dead_letters.retry):
            with pytest.raises(Conflict) as refusal:
                again("dl_001", service("worker"))
            assert refusal.value.detail == RESOLVED
        assert dead_letters.retry_all(DeadLetterQuery(), None, AN_ADMIN) == (0, None)
        assert aws.sent(lane) == []

    def test_of_two_who_discard_at_once_one_is_refused(
        self, aws: Aws, dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        letter(aws, 1)
        before_next(
            aws, monkeypatch, "update_item", lambda: dead_letters.discard("dl_001", AN_ADMIN)
        )
        with pytest.raises(Conflict) as refusal:
            dead_letters.discard("dl_001", service("worker"))
        assert refusal.value.detail == RESOLVED
        discarded = aws.dead_letters.get("dl_001")
        assert discarded
        assert discarded.last_error
        assert discarded.last_error.message == "discarded by admin"


def test_the_parameters_are_read() -> None:
    given = {
        "event_id": "evt_1",
        "subscription_id": "sub_1",
        "subscriber_id": "worker",
        "event_type": "task.*",
        "error_code": "timeout",
        "status": "exhausted",
        "from": MORNING,
        "to": EVENING,
        "limit": "7",
    }
    names = {"from": "since", "to": "until"}
    wanted: dict[str, Any] = {names.get(name, name): value for name, value in given.items()}
    assert selection(Query(given, LIST.query)) == DeadLetterQuery(**{**wanted, "limit": 7})
    assert selection(Query({}, LIST.query)) == replace(DeadLetterQuery(), limit=DEFAULT_LIMIT)
    del given["limit"]
    asked = BulkRetryRequest.model_validate(given)
    del wanted["limit"]
    assert asked.query() == DeadLetterQuery(**wanted)
    assert asked.filters() == given
    assert BulkRetryRequest.model_validate({"cursor": "c"}).query() == DeadLetterQuery()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_type", "task.*.x*"),
        ("status", "lost"),
        ("from", "noon"),
        ("to", "1"),
        ("limit", "0"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        selection(Query({name: value}, LIST.query))
    assert [fault.pointer for fault in refusal.value.faults] == [name]
