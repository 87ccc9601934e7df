"""Events are read back page by page, by those who may see them."""

import pytest
from event_bus.paging import AskedList, write_cursor

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, event, routing, service
from tests.handlers import Functions

LIST, GET = "GET /events", "GET /events/{id}"


@pytest.fixture(autouse=True)
def five_events(aws: Aws) -> None:
    for number in range(5):
        aws.events.put(
            event(f"evt_{number}", timestamp=f"2026-05-01T12:00:0{number}.000Z"), RETENTION_DAYS
        )


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_list_is_paged_through(functions: Functions, order: str) -> None:
    query = {"order": order, "limit": "2", "type": "task.*"}
    seen: list[str] = []
    while True:
        answer = functions.request("events", LIST, AN_ADMIN, query=query)
        assert answer.status == 200
        seen += [each["id"] for each in answer.body["items"]]
        if answer.body["next_cursor"] is None:
            break
        query["cursor"] = answer.body["next_cursor"]
    expected = [f"evt_{number}" for number in range(5)]
    assert seen == (expected if order == "oldest" else expected[::-1])


def test_a_cursor_of_another_is_a_400(functions: Functions) -> None:
    first = functions.request("events", LIST, AN_ADMIN, query={"limit": "1"})
    cursor = first.body["next_cursor"]
    answer = functions.request("events", LIST, service("planner"), query={"cursor": cursor})
    assert answer.status == 400


@pytest.mark.parametrize("position", ["0", "z" * 256, "-", "#", "2026-05-01T12:00:02.000Z#", "."])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_forged_position_is_answered(functions: Functions, position: str, order: str) -> None:
    query = {"order": order}
    query["cursor"] = write_cursor(position, AskedList("/things", query, AN_ADMIN))
    assert functions.request("events", LIST, AN_ADMIN, query=query).status < 500


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"kind": "x"}, {"cursor": "x"}, {"from": "x"}, {"type": "a..b"}]
)
def test_a_query_that_cannot_be_read_is_a_400(functions: Functions, query: dict[str, str]) -> None:
    answer = functions.request("events", LIST, AN_ADMIN, query=query)
    assert answer.status == 400
    assert [each["pointer"] for each in answer.body["errors"]] == list(query)


def test_an_event_is_shown_with_its_deliveries(functions: Functions, aws: Aws) -> None:
    aws.routings.record([routing("evt_1", sub_1="worker")])
    answer = functions.request("events", GET, service("worker"), parameters={"id": "evt_1"})
    assert answer.status == 200
    assert answer.body["processed"] is True
    assert [each["status"] for each in answer.body["deliveries"]] == ["pending"]


def test_an_event_that_the_caller_may_not_see_is_not_found(functions: Functions) -> None:
    answer = functions.request("events", GET, service("stranger"), parameters={"id": "evt_1"})
    assert answer.status == 404
