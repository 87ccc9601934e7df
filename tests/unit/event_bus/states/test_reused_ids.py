"""Entries of streams outlive their events; another event may use the id of an expired one."""

from concurrent.futures import Executor

import pytest
from event_bus.access.callers import Caller
from event_bus.errors import NotFound
from event_bus.querying.stream_finder import StreamFinder

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, NOON, event, service
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import PLANNER, STREAM, append, reader, remove, state

__all__ = ["built_at_once", "models"]


def use_again(aws: Aws) -> None:
    """Stores an event of another service with the id of the first event of a stream."""
    expired, _ = append(aws, [{"a": 1}, {"b": 2}], created_at=NOON)
    remove(aws, expired)
    aws.events.put(event(expired.id, source="other", payload={"secret": 3}), RETENTION_DAYS)


@pytest.mark.parametrize("caller", [PLANNER, AN_ADMIN])
def test_an_event_that_uses_the_id_of_an_expired_one_is_in_no_state(
    aws: Aws, executor: Executor, caller: Caller
) -> None:
    use_again(aws)
    assert state(aws, reader(aws, executor), caller=caller).state == {"b": 2}


def test_it_shows_nobody_the_stream_of_the_expired_one(aws: Aws, executor: Executor) -> None:
    [expired] = append(aws, [{"a": 1}], created_at=NOON)
    remove(aws, expired)
    aws.events.put(event(expired.id, source="other"), RETENTION_DAYS)
    streams = StreamFinder(aws.streams, aws.event_finder(executor))
    assert streams.head(STREAM, PLANNER).last.version == 1
    with pytest.raises(NotFound):
        streams.head(STREAM, service("other"))


def test_it_is_in_no_read_model(aws: Aws, models: Models) -> None:
    use_again(aws)
    models.build()
    assert models.states() == {"task/1": {"b": 2}}
