"""The sweeper does what it can, and says what it could not."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.maintenance.stalled import STALLED_SECONDS

from tests.aws import Aws
from tests.builders import replay
from tests.handlers import Functions


class _Broken:
    def run(self, *_: float) -> int:
        raise ConnectionError


@pytest.mark.parametrize("part", ["_due", "_unrouted"])
def test_one_part_that_fails_keeps_no_other_from_its_work(
    aws: Aws, functions: Functions, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    aws.replays.add(replace(replay(), updated_at=times.after(-2 * STALLED_SECONDS)))
    monkeypatch.setattr(functions.load("sweep"), part, _Broken())
    with pytest.raises(RuntimeError, match=part.removeprefix("_")):
        functions.invoke("sweep", {})
    assert aws.take(functions.replays) == ["rpl_1"]
