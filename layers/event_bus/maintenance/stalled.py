"""Replays that do not go on, since the message that should have them do so was lost."""

from dataclasses import dataclass

from event_bus import times
from event_bus.log import logger
from event_bus.queues.replays import ReplayQueue
from event_bus.stores.replays import ReplayStore

STALLED_SECONDS = 1_200
"""How long a running replay may stand still: longer than it may pause."""

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
        """Has those go on that have stood still the longest.

        Returns:
            How many had to be helped.
        """
        stalled = self.replays.standing_still(times.after(-STALLED_SECONDS), _PAGE)
        for replay_id in stalled:
            logger.warning("replay had stalled", replay_id=replay_id)
            self.queue.send(replay_id)
        return len(stalled)
