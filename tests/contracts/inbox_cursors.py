"""The contract of the cursors of inboxes, on every DynamoDB."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.stores.inbox_cursors import InboxCursor

from tests.aws import Aws
from tests.faults import answer_lost


def lent(aws: Aws, lease: str, begun: int, taken: int, seconds: int = 60) -> bool:
    """Returns whether a lease is given."""
    before = times.unix()
    cursor = aws.inbox_cursors.lend("sub_1", lease, begun, taken, seconds)
    if cursor is None:
        return False
    assert (cursor.acknowledged, cursor.lease) == (begun, lease)
    assert (cursor.begun, cursor.taken) == (begun, taken)
    assert before + seconds <= cursor.lease_until < times.unix() + seconds + 1
    assert cursor == aws.inbox_cursors.get("sub_1")
    return True


class InboxCursorsContract:
    """The contract of leases and acknowledgements."""

    def test_an_inbox_begins_without_a_lease(self, aws: Aws) -> None:
        assert aws.inbox_cursors.get("sub_1") == InboxCursor()
        assert not InboxCursor().leased

    def test_one_lease_is_given_at_a_time(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3)
        assert aws.inbox_cursors.get("sub_1").leased
        assert not lent(aws, "b", 0, 3)
        assert aws.inbox_cursors.get("sub_1").lease == "a"

    def test_a_lease_is_given_where_another_ended(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3, seconds=-1)
        assert not aws.inbox_cursors.get("sub_1").leased
        assert lent(aws, "b", 0, 2)

    def test_a_lease_is_given_where_another_was_acknowledged_whole(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3)
        aws.inbox_cursors.acknowledge("sub_1", "a", 2)
        assert not lent(aws, "b", 2, 5)
        aws.inbox_cursors.acknowledge("sub_1", "a", 3)
        assert not aws.inbox_cursors.get("sub_1").leased
        assert lent(aws, "b", 3, 5)

    def test_no_lease_is_given_for_what_was_read_before_others_were_done(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3)
        aws.inbox_cursors.acknowledge("sub_1", "a", 3)
        assert not lent(aws, "b", 0, 3)
        aws.inbox_cursors.advance("sub_1", 7)
        assert not lent(aws, "b", 3, 5)

    def test_a_lease_whose_answer_was_lost_meets_itself(self, aws: Aws) -> None:
        cursors = replace(aws, dynamodb=aws.retrying).inbox_cursors
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert cursors.lend("sub_1", "a", 0, 3, 60)

    @pytest.mark.parametrize(
        ("lease", "place", "stands"),
        [
            ("a", 4, 4),
            ("a", 6, 6),
            ("a", 7, 3),
            ("a", 3, 3),
            ("a", 2, 3),
            ("a", 0, 3),
            ("b", 5, 3),
            ("", 5, 3),
        ],
    )
    def test_a_lease_acknowledges_what_it_covers(
        self, aws: Aws, lease: str, place: int, stands: int
    ) -> None:
        aws.inbox_cursors.advance("sub_1", 3)
        assert lent(aws, "a", 3, 6)
        cursor = aws.inbox_cursors.acknowledge("sub_1", lease, place)
        assert (cursor.acknowledged, cursor.lease, cursor.taken) == (stands, "a", 6)
        assert aws.inbox_cursors.get("sub_1") == cursor

    def test_an_acknowledgement_moves_nothing_back(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 6)
        aws.inbox_cursors.acknowledge("sub_1", "a", 5)
        assert aws.inbox_cursors.acknowledge("sub_1", "a", 4).acknowledged == 5

    def test_a_lease_that_ended_acknowledges_nothing(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3, seconds=-1)
        assert aws.inbox_cursors.acknowledge("sub_1", "a", 2).acknowledged == 0

    def test_a_lease_is_extended_while_it_holds_and_covers_something(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 3, seconds=5)
        held = aws.inbox_cursors.get("sub_1")
        assert not aws.inbox_cursors.extend("sub_1", "b", 60)
        assert aws.inbox_cursors.get("sub_1") == held
        before = times.unix()
        assert aws.inbox_cursors.extend("sub_1", "a", 60)
        extended = aws.inbox_cursors.get("sub_1")
        assert before + 60 <= extended.lease_until < times.unix() + 61
        assert extended == replace(held, lease_until=extended.lease_until)
        aws.inbox_cursors.acknowledge("sub_1", "a", 3)
        assert not aws.inbox_cursors.extend("sub_1", "a", 600)

    def test_a_lease_that_ended_is_not_extended(self, aws: Aws) -> None:
        assert not aws.inbox_cursors.extend("sub_1", "a", 60)
        assert lent(aws, "a", 0, 3, seconds=-1)
        assert not aws.inbox_cursors.extend("sub_1", "a", 60)
        assert lent(aws, "b", 0, 3)

    def test_an_acknowledgement_without_a_lease_changes_nothing(self, aws: Aws) -> None:
        assert aws.inbox_cursors.acknowledge("sub_1", "a", 2) == InboxCursor()
        assert aws.inbox_cursors.get("sub_1") == InboxCursor()

    def test_a_cursor_is_advanced_and_never_moved_back(self, aws: Aws) -> None:
        for place, stands in ((9, 9), (10, 10), (9, 10), (2, 10), (101, 101)):
            aws.inbox_cursors.advance("sub_1", place)
            assert aws.inbox_cursors.get("sub_1").acknowledged == stands

    def test_a_cursor_is_advanced_whoever_has_a_lease(self, aws: Aws) -> None:
        assert lent(aws, "a", 0, 6)
        aws.inbox_cursors.advance("sub_1", 4)
        assert aws.inbox_cursors.get("sub_1").leased
        aws.inbox_cursors.advance("sub_1", 6)
        assert not aws.inbox_cursors.get("sub_1").leased
