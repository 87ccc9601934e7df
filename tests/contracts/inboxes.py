"""The contract of the store of inboxes, on every DynamoDB."""

from dataclasses import dataclass, field, replace

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.inboxes import InboxStore

from tests.aws import RETENTION_DAYS, Aws
from tests.faults import not_sent


@dataclass(frozen=True, slots=True)
class LateFiller(InboxStore):
    """Reads an inbox at first as it was before its last entry."""

    looks: list[str] = field(default_factory=list)

    def last(self, subscription_id: str) -> int:
        self.looks.append(subscription_id)
        return InboxStore.last(self, subscription_id) - (len(self.looks) == 1)


class InboxesContract:
    """The contract of inboxes."""

    def _keys(self, *names: str) -> list[DeliveryKey]:
        return [DeliveryKey(name, "sub_1") for name in names]

    def _entries(self, aws: Aws, position: int = 0, limit: int = 10) -> list[tuple[int, str]]:
        found = aws.inboxes.after("sub_1", position, limit)
        return [(each.position, each.key.event_id) for each in found]

    def test_an_inbox_is_numbered_without_gaps(self, aws: Aws) -> None:
        assert aws.inboxes.last("sub_1") == 0
        aws.inboxes.append("sub_1", self._keys("evt_1", "evt_2"))
        aws.inboxes.append("sub_1", self._keys("evt_3"))
        aws.inboxes.append("sub_2", [DeliveryKey("evt_9", "sub_2", "rpl_1")])
        assert aws.inboxes.last("sub_1") == 3
        assert self._entries(aws) == [(1, "evt_1"), (2, "evt_2"), (3, "evt_3")]
        assert self._entries(aws, 1, 1) == [(2, "evt_2")]
        assert self._entries(aws, 3) == []
        [other] = aws.inboxes.after("sub_2", 0, 10)
        assert other.key == DeliveryKey("evt_9", "sub_2", "rpl_1")

    def test_a_late_writer_appends_behind_the_others(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"))
        late = LateFiller(aws.table("inbox"), RETENTION_DAYS)
        late.append("sub_1", self._keys("evt_2", "evt_3"))
        assert self._entries(aws) == [(1, "evt_1"), (2, "evt_2"), (3, "evt_3")]

    def test_a_writer_that_is_too_late_appends_nothing(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"), until=times.unix() + 60)
        with pytest.raises(TimeoutError):
            aws.inboxes.append("sub_1", self._keys("evt_2"), until=times.unix() - 1)
        assert self._entries(aws) == [(1, "evt_1")]

    def test_a_pushed_entry_is_marked_for_the_table_stream(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"), pushed=True)
        aws.inboxes.append("sub_1", self._keys("evt_2"))
        items = aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"]
        marked = [item["event_id"]["S"] for item in items if "pushed" in item]
        assert marked == ["evt_1"]

    @pytest.mark.parametrize("before", [[], ["evt_1", "evt_2"]])
    def test_a_forgotten_inbox_expires_even_if_a_delivery_comes_later(
        self, aws: Aws, before: list[str]
    ) -> None:
        if before:
            aws.inboxes.append("sub_1", self._keys(*before))
        aws.inboxes.forget("sub_1")
        assert aws.inboxes.last("sub_1") == len(before)
        aws.inboxes.append("sub_1", self._keys("evt_9"))
        assert aws.inboxes.last("sub_1") == len(before) + 1
        items = aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"]
        assert len(items) == len(before) + 2
        assert all(int(item["expires_at"]["N"]) > times.unix() for item in items)

    def test_an_inbox_does_not_hold_an_entry_whose_request_was_not_sent(self, aws: Aws) -> None:
        with (
            not_sent(aws.dynamodb, "TransactWriteItems"),
            pytest.raises(ConnectionClosedError),
        ):
            aws.inboxes.append("sub_1", self._keys("evt_1"))
        assert self._entries(aws) == []
        assert aws.inboxes.last("sub_1") == 0

    def test_expired_entries_of_an_inbox_are_skipped(self, aws: Aws) -> None:
        expired = replace(aws.inboxes, retention_days=-1)
        expired.append("sub_1", self._keys("evt_1", "evt_2", "evt_3"))
        aws.inboxes.append("sub_1", self._keys("evt_4"))
        assert self._entries(aws, 0, 2) == [(4, "evt_4")]
