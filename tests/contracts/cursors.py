"""The contract of the store of cursors, on every DynamoDB."""

from dataclasses import replace

from tests.aws import Aws
from tests.faults import answer_lost


class CursorsContract:
    """The contract of cursors."""

    def test_a_cursor_is_held_by_one_and_remembers_its_position(self, aws: Aws) -> None:
        first = aws.cursors.hold("sub_1", "task/1", "a", 60)
        assert first
        assert first.position == ""
        assert aws.cursors.hold("sub_1", "task/1", "b", 60) is None
        assert aws.cursors.hold("sub_1", "task/2", "b", 60)
        assert aws.cursors.release(first, "7")
        second = aws.cursors.hold("sub_1", "task/1", "b", 60)
        assert second
        assert second.position == "7"

    def test_a_cursor_that_was_held_too_long_is_taken_over(self, aws: Aws) -> None:
        first = aws.cursors.hold("sub_1", "task/1", "a", -1)
        second = aws.cursors.hold("sub_1", "task/1", "b", 60)
        assert first
        assert second
        assert not aws.cursors.release(first, "9")
        assert aws.cursors.release(second, "3")
        third = aws.cursors.hold("sub_1", "task/1", "c", 60)
        assert third
        assert third.position == "3"

    def test_a_hold_that_is_repeated_meets_itself(self, aws: Aws) -> None:
        cursors = replace(aws, dynamodb=aws.retrying).cursors
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert cursors.hold("sub_1", "task/1", "a", 60)
