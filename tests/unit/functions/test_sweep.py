"""The sweeper does what it can, and says what it could not."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.maintenance.stalled import OVERDUE_SECONDS
from event_bus.settings import settings

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, replay
from tests.handler_modules import handler_module
from tests.handlers import Functions


class _Broken:
    def run(self, *_: float) -> int:
        raise ConnectionError


@pytest.mark.parametrize("part", ["_due", "_unrouted"])
def test_a_failing_part_does_not_stop_the_others(
    aws: Aws, functions: Functions, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    aws.replays.add(replace(replay(), updated_at=times.after(-2 * OVERDUE_SECONDS)))
    monkeypatch.setattr(functions.load("sweep"), part, _Broken())
    with pytest.raises(RuntimeError, match=part.removeprefix("_")):
        functions.invoke("sweep", {})
    assert aws.take(functions.replays) == ["rpl_1"]


def test_old_events_are_archived_where_the_deployment_says_so(
    aws: Aws, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = times.after(-3 * 86_400)
    old = replace(event(timestamp=at), kept=True, created_at=at)
    aws.events.put(old, RETENTION_DAYS)
    # The settings are read when a process starts.
    assert "archive" not in functions.invoke("sweep", {})
    monkeypatch.setenv("ARCHIVE_AFTER_DAYS", "2")
    settings.cache_clear()
    started = handler_module("sweep")
    assert started.handler({}, None)["archive"] == 1
    assert aws.events.get(old.id) == old
    assert [each.split("/")[0] for each in aws.objects()] == ["archive"]
    monkeypatch.setattr(started, "_archiver", _Broken())
    aws.replays.add(replace(replay(), updated_at=times.after(-2 * OVERDUE_SECONDS)))
    with pytest.raises(RuntimeError, match="not swept: archive"):
        started.handler({}, None)
    assert aws.take(functions.replays) == ["rpl_1"]
