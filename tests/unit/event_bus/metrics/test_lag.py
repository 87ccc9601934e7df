"""How far behind the router is, and what is overdue."""

from concurrent.futures import Executor

import pytest
from event_bus import times
from event_bus.metrics.lag import oldest_due, router_lag

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import delivery, event, routing


def stored(aws: Aws, event_id: str, age: float, *, routed: bool) -> None:
    aws.events.put(event(event_id, timestamp=times.at(times.unix() - age)), RETENTION_DAYS)
    if routed:
        aws.routings.record([routing(event_id)])


@pytest.mark.parametrize(
    ("routed", "unrouted", "lag"),
    [([], [], 0), ([1, 5], [], 0), ([60], [20, 3], 32), ([], [500], 512), ([], [9_000], 4_096)],
)
def test_the_lag_is_that_of_the_newest_that_is_routed(
    aws: Aws, executor: Executor, routed: list[int], unrouted: list[int], lag: int
) -> None:
    for age in routed:
        stored(aws, f"evt_r{age}", age, routed=True)
    for age in unrouted:
        stored(aws, f"evt_u{age}", age, routed=False)
    assert router_lag(aws.events, aws.routings, executor) == lag


def test_the_age_of_the_longest_overdue_delivery_is_reported(aws: Aws, executor: Executor) -> None:
    assert oldest_due(aws.due, executor) == 0
    for number, age in enumerate((30, 90, -60)):
        due = times.at(times.unix() - age)
        late = delivery("retrying", f"evt_{number}", waiting=True, next_retry_at=due)
        aws.deliveries.record(late, 1)
    assert 89 < oldest_due(aws.due, executor) < 100
