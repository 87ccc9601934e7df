"""A consumer acknowledges only the events that it has taken."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.errors import Conflict, InvalidRequest
from event_bus.inbox.leases import InboxLeases, LeasedEvents
from event_bus.model.subscription import Subscription

from tests.aws import Aws
from tests.builders import subscription
from tests.unit.event_bus.inbox.inbox import Fill, Time


@pytest.fixture(autouse=True)
def owner(aws: Aws) -> Subscription:
    """The subscription whose inbox it is."""
    return aws.subscriptions.create(subscription())


NAMES = [f"evt_{number}" for number in range(1, 7)]


def names(taken: LeasedEvents) -> list[str]:
    return [each.event["id"] for each in taken.fetched]


def take(leases: InboxLeases, limit: int = 10, wait: float = 0) -> LeasedEvents:
    return leases.take("sub_1", limit, wait, 30)


def refused(leases: InboxLeases, lease: str | None, place: int) -> str:
    """Why an acknowledgement is refused; it moves nothing."""
    before = leases.cursors.get("sub_1")
    with pytest.raises((Conflict, InvalidRequest)) as refusal:
        leases.acknowledge("sub_1", str(lease), place)
    assert leases.cursors.get("sub_1") == before
    return str(refusal.value)


def test_an_acknowledgement_of_a_part_leaves_the_rest_leased(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    first = take(leases, 5)
    assert names(first) == NAMES[:5]
    assert first.lease_until == times.at(1_800_000_031)
    leases.acknowledge("sub_1", str(first.lease), 2)
    with pytest.raises(Conflict):
        take(leases)
    leases.acknowledge("sub_1", str(first.lease), 4)
    time.now += 30
    with pytest.raises(Conflict):
        take(leases)
    time.now += 1
    again = take(leases)
    assert names(again) == NAMES[4:]
    leases.acknowledge("sub_1", str(again.lease), again.position)
    assert take(leases).fetched == []


@pytest.mark.parametrize("place", [0, 1, 5, 6, 50, 10**14])
def test_a_lease_acknowledges_only_the_places_that_it_covers(
    leases: InboxLeases, fill: Fill, time: Time, place: int
) -> None:
    fill(*NAMES)
    first = take(leases, 1)
    leases.acknowledge("sub_1", str(first.lease), 1)
    second = take(leases, 3)
    assert names(second) == NAMES[1:4]
    assert refused(leases, second.lease, place) == (
        "/cursor: is not covered by the lease, which reaches from 2 to 4"
    )
    # What comes later is not done either.
    leases.acknowledge("sub_1", str(second.lease), 4)
    fill("evt_7", "evt_8")
    assert names(take(leases)) == [*NAMES[4:], "evt_7", "evt_8"]


def test_a_repeated_or_earlier_acknowledgement_changes_nothing(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    taken = take(leases, 4)
    for place in (3, 3, 1, 3):
        leases.acknowledge("sub_1", str(taken.lease), place)
        assert leases.cursors.get("sub_1").acknowledged == 3
    leases.acknowledge("sub_1", str(taken.lease), 4)
    # The answer may have been lost, and the lease may have ended since.
    time.now += 100
    leases.acknowledge("sub_1", str(taken.lease), 4)
    assert names(take(leases)) == NAMES[4:]


def test_an_ended_lease_acknowledges_nothing(leases: InboxLeases, fill: Fill, time: Time) -> None:
    fill(*NAMES)
    late = take(leases, 4)
    leases.acknowledge("sub_1", str(late.lease), 2)
    time.now += 31
    assert refused(leases, late.lease, 4) == (
        "The lease ended before 4 was acknowledged. Events up to 2 were. Take the later ones again."
    )
    other = take(leases)
    assert names(other) == NAMES[2:]
    for place in (2, 4, 6):
        assert refused(leases, late.lease, place).startswith("This is not the current lease")
    leases.acknowledge("sub_1", str(other.lease), 6)


def test_a_lease_that_was_never_given_acknowledges_nothing(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES, to="sub_1")
    fill(*NAMES, to="sub_2")
    assert refused(leases, "lease_1", 1).startswith("This is not the current lease")
    of_another = leases.take("sub_2", 3, 0, 30)
    take(leases, 3)
    for lease in ("", "lease_1", of_another.lease):
        assert refused(leases, lease, 1).startswith("This is not the current lease")


def test_the_inbox_moves_on_over_what_has_expired(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill("evt_1", "evt_2", "evt_3", gone=True)
    assert take(leases) == LeasedEvents([], 3, None, None)
    assert leases.cursors.get("sub_1").acknowledged == 3
    fill("evt_4")
    fill("evt_5", gone=True)
    taken = take(leases)
    assert (names(taken), taken.position) == (["evt_4"], 5)
    leases.acknowledge("sub_1", str(taken.lease), 5)
    assert take(leases).fetched == []


def test_entries_that_expire_during_their_lease_can_be_acknowledged(
    leases: InboxLeases, fill: Fill, time: Time, aws: Aws
) -> None:
    fill("evt_1", "evt_2")
    taken = take(leases)
    for place in (1, 2):
        aws.dynamodb.delete_item(
            TableName=aws.tables["inbox"],
            Key={"subscription_id": {"S": "sub_1"}, "position": {"N": str(place)}},
        )
    leases.acknowledge("sub_1", str(taken.lease), 2)
    assert leases.cursors.get("sub_1").acknowledged == 2


def test_waiting_holds_up_nobody_and_a_lease_lasts_from_when_it_is_given(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    taken: list[LeasedEvents] = []

    def meanwhile() -> None:
        fill("evt_1", "evt_2")
        taken.append(take(leases, 1))
        leases.acknowledge("sub_1", str(taken[0].lease), 1)

    time.waiting = [lambda: None, lambda: None, meanwhile]
    mine = take(leases, wait=20)
    assert names(taken[0]) == ["evt_1"]
    # It had waited at a place where another one has been since.
    assert names(mine) == ["evt_2"]
    assert mine.lease_until == times.at(1_800_000_032)


def test_a_late_pull_is_refused(leases: InboxLeases, fill: Fill, time: Time) -> None:
    def meanwhile() -> None:
        fill("evt_1")
        take(leases)

    time.waiting = [meanwhile]
    with pytest.raises(Conflict, match="Another consumer has taken the next events") as late:
        take(leases, wait=20)
    # Clients pull again after a conflict only if it says when.
    assert late.value.headers == {"retry-after": "1"}
    with pytest.raises(Conflict) as early:
        take(leases)
    assert early.value.headers == {"retry-after": "1"}


def test_an_inbox_that_others_empty_again_and_again_is_left_to_them(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    inner = leases.reader.read

    class Slow:
        def read(self, *arguments: Any) -> Any:
            found = inner(*arguments)
            other = take(leases, 1)
            leases.acknowledge("sub_1", str(other.lease), other.position)
            return found

    slow = replace(leases, reader=Slow())  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        take(slow)
    assert leases.cursors.get("sub_1").acknowledged == 3


ENDED = (
    r"^The lease cannot be extended: it has ended, or all of its events are acknowledged\. "
    r"Take the next events\.$"
)


def test_a_lease_is_extended_as_long_as_it_holds(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    taken = take(leases, 4)
    for _ in range(3):
        time.now += 29
        leases.extend("sub_1", str(taken.lease), 30)
    with pytest.raises(Conflict):
        take(leases)
    leases.acknowledge("sub_1", str(taken.lease), 4)
    with pytest.raises(Conflict, match=ENDED):
        leases.extend("sub_1", str(taken.lease), 30)
    other = take(leases)
    assert names(other) == NAMES[4:]
    time.now += 32
    with pytest.raises(Conflict, match=ENDED):
        leases.extend("sub_1", str(other.lease), 30)
    assert names(take(leases)) == NAMES[4:]


def test_an_acknowledgement_extends_the_lease_of_the_rest(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    taken = take(leases, 4)
    for place in (1, 2, 2, 1, 3):
        time.now += 29
        leases.acknowledge("sub_1", str(taken.lease), place, 30)
        with pytest.raises(Conflict):
            take(leases)
    assert leases.cursors.get("sub_1").acknowledged == 3
    time.now += 32
    for place in (4, 3, 2):
        with pytest.raises(Conflict):
            leases.acknowledge("sub_1", str(taken.lease), place, 30)
    again = take(leases)
    assert names(again) == NAMES[3:]


def test_with_the_last_acknowledgement_nothing_is_left_to_extend(
    leases: InboxLeases, fill: Fill, time: Time
) -> None:
    fill(*NAMES)
    taken = take(leases, 4)
    for wait in (0, 0, 100):
        # The answer may have been lost, and the lease may have ended since.
        time.now += wait
        leases.acknowledge("sub_1", str(taken.lease), 4, 30)
    with pytest.raises(Conflict, match=ENDED):
        leases.acknowledge("sub_1", str(taken.lease), 3, 30)
    assert names(take(leases)) == NAMES[4:]
