"""The example finds whatever is lost, wrong or unexpected."""

from typing import Any

from examples.engineering_day import cast
from examples.engineering_day.ledger import Published
from examples.engineering_day.summary import day_totals, faults, percentile

SUBSCRIPTIONS = {"sub_n": "notification_service", "sub_r": "role_service"}


def published(**more: Any) -> Published:
    event = {"id": "evt_1", "type": "task.assigned", "payload": {"n": 1}, "metadata": {}}
    values = {
        "by": cast.TASK_MANAGER,
        "expected": [cast.NOTIFICATIONS],
        "filtered": [cast.ROLES],
        "at": 0.0,
        "stored_ms": 10.0,
        "received_ms": {"notification_service": 20.0},
        **more,
    }
    return Published(event, **values)


def document(**more: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "type": "task.assigned",
        "source": "task_manager_service",
        "payload": {"n": 1},
        "metadata": {},
        "processed": True,
        "deliveries": [delivery(), delivery(subscription_id="sub_of_others", status="retrying")],
        **more,
    }


def delivery(**more: Any) -> dict[str, Any]:
    return {
        "subscription_id": "sub_n",
        "service_id": "notification_service",
        "status": "delivered",
        "attempts": 1,
        **more,
    }


def found(entry: Published, of: dict[str, Any] | None) -> list[str]:
    all_ = faults([entry], {"evt_1": of} if of else {}, SUBSCRIPTIONS)
    # One event alone is not a whole day.
    return [each for each in all_ if not each.startswith("no event of the types")]


def test_a_good_event_has_no_fault() -> None:
    assert found(published(), document()) == []


def test_the_version_in_a_stream_is_no_difference() -> None:
    assert found(published(), document(metadata={"stream_version": 1})) == []
    [fault] = found(published(), document(metadata={"stream_id": "task/1", "stream_version": 1}))
    assert "stored with another metadata" in fault


def test_every_fault_is_named() -> None:
    what = "task.assigned evt_1"
    cases = [
        (published(received_ms={}), document(), "did not reach notification_service"),
        (published(stored_ms=None), document(), f"{what} was not stored"),
        (published(), None, f"{what} cannot be read back"),
        (published(), document(processed=False), f"{what} was not routed"),
        (published(), document(payload={"n": 2}), f"{what} was stored with another payload"),
        (published(), document(source="role_service"), "was stored with another source"),
        (published(), document(deliveries=[]), "matched no one, and not notification_service"),
        (
            published(),
            document(deliveries=[delivery(), delivery(subscription_id="sub_r")]),
            "matched notification_service, role_service, and not notification_service",
        ),
        (
            published(),
            document(deliveries=[delivery(status="exhausted")]),
            f"the delivery of {what} to notification_service is exhausted",
        ),
    ]
    for entry, read, fault in cases:
        all_ = found(entry, read)
        assert len(all_) == 1, all_
        assert fault in all_[0]


def test_a_type_that_never_occurs_is_a_fault() -> None:
    [fault] = faults([published()], {"evt_1": document()}, SUBSCRIPTIONS)
    assert "user.deleted" in fault
    assert "task.assigned" not in fault


def test_the_totals_count_the_days_own_deliveries_only() -> None:
    counted = day_totals([published()], {"evt_1": document()}, SUBSCRIPTIONS)
    assert (counted.published, counted.types, counted.matched, counted.delivered) == (1, 1, 1, 1)
    assert (counted.filtered_out, counted.attempts, counted.stored_ms) == (1, 1, [10.0])
    # It came over a WebSocket, where there is no signature.
    assert counted.received_ms == {"http": [], "sqs": [], "pull": [], "websocket": [20.0]}
    assert counted.verified == 0
    by_callback = published(received_ms={"task_manager_service": 5.0})
    assert day_totals([by_callback], {"evt_1": document()}, SUBSCRIPTIONS).verified == 1


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(each) for each in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99)) == (50.0, 99.0)
    assert (percentile([7.0], 50), percentile([7.0], 99)) == (7.0, 7.0)
