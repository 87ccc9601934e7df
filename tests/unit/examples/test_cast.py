"""The example's cast, beside the bus's own matching."""

import itertools

from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.api_keys import check_chosen_key
from event_bus.model.filter_checks import check_sent_filters

from examples.engineering_day.cast import CAST, EVENT_TYPES, NOTIFICATIONS, audience

TEAM_TYPES = {
    *("task.created", "task.updated", "task.assigned", "task.completed", "task.deleted"),
    *("user.created", "user.updated", "user.deleted"),
    *("role.action.requested", "role.action.completed", "role.action.failed"),
    "command.generate_code",
    *("knowledge.item.created", "knowledge.item.updated", "knowledge.item.deleted"),
    *("llm.request.created", "llm.response.received", "llm.error.occurred"),
}


def test_the_team_publishes_its_18_types_once_each() -> None:
    published = [event_type for role in CAST for event_type in role.publishes]
    assert sorted(published) == sorted(TEAM_TYPES)
    assert len(EVENT_TYPES) == 18


def test_notifications_are_for_new_tasks_and_urgent_ones() -> None:
    assert NOTIFICATIONS.wish
    assert NOTIFICATIONS.wish.event_types == ("task.created", "task.assigned")
    assert NOTIFICATIONS.wish.filters == {"task.assigned": {"priority": ["high", "critical"]}}


def test_keys_and_filters_are_such_as_the_bus_takes() -> None:
    for role in CAST:
        check_chosen_key(role.api_key)
        if role.wish:
            check_sent_filters(list(role.wish.event_types), dict(role.wish.filters))


def test_the_expectations_are_those_of_the_bus() -> None:
    payloads = [
        {"priority": priority, "assignee": assignee}
        for priority, assignee in itertools.product(
            ("low", "medium", "high", "critical"), ("role:developer", "user:priya")
        )
    ]
    for event_type, payload in itertools.product(sorted(EVENT_TYPES), payloads):
        receive, filtered = audience(event_type, payload)
        for role in CAST:
            if role.wish:
                matcher = SubscriptionFilter(list(role.wish.event_types), dict(role.wish.filters))
                matches = matcher.matches(event_type, "anyone", payload, {})
                assert matches == (role in receive), (event_type, payload, role.service_id)
                assert not (role in receive and role in filtered)
