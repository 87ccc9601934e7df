"""Dead letters belong to the service of their subscription, whatever they are looked for by."""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import pytest
from event_bus.errors import NotFound
from event_bus.model.delivery import Delivery, DeliveryError, DeliveryKey
from event_bus.recovery.dead_letters import DeadLetterQuery, DeadLetters
from event_bus.routing.lanes import Lanes
from event_bus.security.callers import Caller

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, delivery, service

MORNING, EVENING = "2026-05-01T08:00:00.000Z", "2026-05-01T20:00:00.000Z"


@pytest.fixture
def dead_letters(aws: Aws, executor: Executor) -> DeadLetters:
    return DeadLetters(aws.deliveries, Lanes(aws.sqs, {"http": aws.queue()}, executor))


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
        before = aws.deliveries.dead_letter("dl_002")
        for ask in (dead_letters.get, dead_letters.retry, dead_letters.discard):
            with pytest.raises(NotFound, match="dl_002"):
                ask("dl_002", service("worker"))
            with pytest.raises(NotFound, match="dl_404"):
                ask("dl_404", AN_ADMIN)
        assert aws.deliveries.dead_letter("dl_002") == before

    @pytest.mark.parametrize("filters", [{}, {"event_id": "evt_1"}])
    def test_all_at_once(
        self, aws: Aws, dead_letters: DeadLetters, filters: dict[str, Any]
    ) -> None:
        retried, behind = dead_letters.retry_all(
            DeadLetterQuery(**filters), None, service("planner")
        )
        assert (retried, behind) == (1, None)
        states = {
            each: getattr(aws.deliveries.dead_letter(each), "status", None)
            for each in ("dl_001", "dl_002", "dl_003")
        }
        assert states == {"dl_001": "exhausted", "dl_002": "retrying", "dl_003": "exhausted"}


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
