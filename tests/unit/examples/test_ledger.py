"""The example's ledger: what it records, and when all events were handled."""

from typing import Any

from examples.engineering_day import cast
from examples.engineering_day.ledger import Ledger


def event(**payload: Any) -> dict[str, Any]:
    return {"id": "evt_1", "type": "task.assigned", "payload": payload, "metadata": {}}


URGENT = event(priority="high", assignee="user:priya")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_takes_the_times_of_storing_and_receiving() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    entries = ledger.sending(cast.TASK_MANAGER, [URGENT])
    clock.now = 0.010
    ledger.stored(entries)
    clock.now = 0.025
    assert ledger.received(cast.NOTIFICATIONS, URGENT) is entries[0]
    assert entries[0].stored_ms == 10
    assert entries[0].received_ms == {"notification_service": 25}
    assert ledger.faults == []


def test_it_is_quiet_when_every_expected_event_was_handled() -> None:
    ledger = Ledger()
    ledger.sending(cast.TASK_MANAGER, [URGENT])
    assert not ledger.wait_until_quiet(0)
    ledger.received(cast.NOTIFICATIONS, URGENT)
    assert not ledger.wait_until_quiet(0)
    ledger.done()
    assert ledger.wait_until_quiet(0)
    ledger.fault("something")
    assert not ledger.wait_until_quiet(0)


def test_the_version_in_a_stream_is_no_change() -> None:
    ledger = Ledger()
    ledger.sending(cast.TASK_MANAGER, [URGENT])
    assert ledger.received(cast.NOTIFICATIONS, {**URGENT, "metadata": {"stream_version": 2}})
    assert ledger.faults == []


def test_a_copy_is_not_handled_again() -> None:
    ledger = Ledger()
    ledger.sending(cast.TASK_MANAGER, [URGENT])
    assert ledger.received(cast.NOTIFICATIONS, URGENT)
    assert ledger.received(cast.NOTIFICATIONS, URGENT) is None
    assert ledger.faults == []


def test_unexpected_and_changed_events_are_faults() -> None:
    ledger = Ledger()
    ledger.sending(cast.TASK_MANAGER, [URGENT])
    assert ledger.received(cast.ROLES, URGENT) is None
    ledger.received(cast.NOTIFICATIONS, {**URGENT, "payload": {}})
    assert ledger.faults == [
        "task.assigned evt_1 reached role_service",
        "evt_1 reached notification_service changed",
    ]


def test_events_of_others_are_left_alone() -> None:
    ledger = Ledger()
    assert ledger.received(cast.NOTIFICATIONS, URGENT) is None
    assert ledger.faults == []
