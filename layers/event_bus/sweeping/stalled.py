"""Replays that do not go on, since the message that should have them do so was lost."""

from dataclasses import dataclass

from event_bus import times
from event_bus.log import logger
from event_bus.recovery.replay_queue import ReplayQueue
from event_bus.stores.replays import ReplayStore

STALLED_SECONDS = 900
"""How long a running replay may stand still."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class StalledSweep:
    """Has stalled replays go on.

    Attributes:
        replays: The replays.
        queue: What has a replay go on.
    """

    replays: ReplayStore
    queue: ReplayQueue

    def run(self) -> int:
        """Looks at the newest replays.

        Returns:
            How many had to be helped.
        """
        limit = times.after(-STALLED_SECONDS)
        stalled = [
            replay.id
            for replay in self.replays.page(None, None, _PAGE)
            if replay.state == "running" and replay.updated_at < limit
        ]
        for replay_id in stalled:
            logger.warning("replay had stalled", replay_id=replay_id)
            self.queue.send(replay_id)
        return len(stalled)
