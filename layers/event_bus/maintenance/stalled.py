"""Continuing replays whose message was lost."""

from dataclasses import dataclass

from event_bus import times
from event_bus.log import logger
from event_bus.queues.replays import ReplayQueue
from event_bus.stores.replays import ReplayStore

OVERDUE_SECONDS = 60
"""How long a step may be overdue, in seconds: as long as its function may run."""

AGAIN_SECONDS = 1_200
"""After how many seconds a replay is continued again if its steps keep failing."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class StalledSweep:
    """Continues stalled replays.

    Attributes:
        replays: The replays.
        queue: Sends the message that continues a replay.
    """

    replays: ReplayStore
    queue: ReplayQueue

    def run(self) -> int:
        """Continues the replays whose next step is overdue for the longest time.

        Returns:
            The number of continued replays.
        """
        stalled = self.replays.due(times.after(-OVERDUE_SECONDS), _PAGE)
        for step in stalled:
            logger.warning("replay had stalled", replay_id=step.replay_id)
            # Sent first: if SQS does not take it, the next sweep finds the replay.
            # The index does not name the service, so each replay is a group of its own here.
            self.queue.send(step.replay_id, step.replay_id)
            self.replays.postpone(step, times.after(AGAIN_SECONDS))
        return len(stalled)
