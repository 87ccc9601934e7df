"""Restarting replays whose message was lost."""

from dataclasses import dataclass

from event_bus import times
from event_bus.log import logger
from event_bus.queues.replays import ReplayQueue
from event_bus.stores.replays import ReplayStore

STALLED_SECONDS = 1_200
"""How long a running replay may make no progress, in seconds: longer than its longest wait."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class StalledSweep:
    """Restarts stalled replays.

    Attributes:
        replays: The replays.
        queue: Sends the message that continues a replay.
    """

    replays: ReplayStore
    queue: ReplayQueue

    def run(self) -> int:
        """Restarts the replays that have made no progress for the longest time.

        Returns:
            The number of restarted replays.
        """
        stalled = self.replays.standing_still(times.after(-STALLED_SECONDS), _PAGE)
        for replay_id in stalled:
            logger.warning("replay had stalled", replay_id=replay_id)
            self.queue.send(replay_id)
        return len(stalled)
