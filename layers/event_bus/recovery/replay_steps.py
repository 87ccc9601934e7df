"""The ends of the steps of replays: the stored position, and the message for the next step."""

import math
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.log import logger
from event_bus.model.replay import Replay
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.replays import ReplayQueue
from event_bus.stores.listings import ListPage
from event_bus.stores.replays import ReplayStore


@dataclass(frozen=True, slots=True)
class ReplaySteps:
    """Ends the steps of replays.

    A step ends after its messages were sent. After a crash in between, the step is repeated: it
    sends the same messages with the same ids.

    Attributes:
        replays: The replays.
        queue: Sends the message for the next step.
    """

    replays: ReplayStore
    queue: ReplayQueue

    def end(
        self,
        before: Replay,
        page: ListPage,
        *,
        sent: int,
        refused: int,
        unroutable: int,
        until: str | None = None,
    ) -> None:
        """Ends a step that looked at a page of events.

        Args:
            before: The replay before the step.
            page: The page of entries that the step looked at.
            sent: The number of messages that the step sent; it determines the delay of the next
                step.
            refused: The number of messages that SQS refused.
            unroutable: The number of events that could not be sent again.
            until: The end of the period, if the step has set it.
        """
        complete = page.reached is None
        after = replace(
            before,
            state="completed" if complete else "running",
            until=until or before.until,
            position=page.end or before.position,
            examined=before.examined + len(page.entries),
            sent=before.sent + sent,
            unroutable=before.unroutable + unroutable,
            updated_at=times.now(),
        )
        pause = min(math.ceil((sent + refused) / before.rate), LONGEST_DELAY_SECONDS)
        self.store(before, after, pause)

    def store(self, before: Replay, after: Replay, pause: int = 0) -> None:
        """Stores the progress of a replay, and starts its next step unless it is complete.

        Nothing happens if the replay was cancelled, or if another function has continued it.

        Args:
            before: The replay before the step.
            after: The replay after the step.
            pause: After how many seconds the next step begins.
        """
        if not self.replays.move(before, after, pause):
            return
        if after.state == "running":
            self.queue.try_to_send(after.id, after.service_id, pause, behind=after.updated_at)
        else:
            logger.info("replay completed", replay_id=after.id, sent=after.sent)
