"""The batching windows of event source mappings, which ministack ignores.

On AWS, a function gets a batch once the batch is full or the window of its mapping has passed:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching

Ministack calls the function for whatever is there, so often for each record on its own. Here a
function with a window gets its first batch at once, and the next one not before the window has
passed, or two seconds if it is longer. So nobody waits a minute for what it does. Unlike on AWS, a
full batch waits as well. What is left when the emulator ends is not counted: ministack does not
keep the records of table streams.
"""

import time
from typing import Any

from ministack.core.responses import AccountRegionScopedDict  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

LONGEST_SECONDS = 2.0
"""The longest time for which records wait for others, in seconds."""


class Pauses(AccountRegionScopedDict):  # type: ignore[misc]
    """Until when each mapping asks for no batch, in Unix seconds."""

    def pop(self, mapping_id: str, *default: Any) -> Any:
        """Ends the pause of a mapping, as ministack does after a batch, or begins its window.

        Args:
            mapping_id: The identifier of the mapping.
            default: What is returned if there is no pause.
        """
        ended = super().pop(mapping_id, *default)
        self.begin(mapping_id)
        return ended

    def begin(self, mapping_id: str) -> None:
        """Begins the pause of a mapping, if it has a window.

        Args:
            mapping_id: The identifier of the mapping.
        """
        mapping = lambda_svc._esms.get(mapping_id) or {}
        window = min(mapping.get("MaximumBatchingWindowInSeconds") or 0, LONGEST_SECONDS)
        if window and mapping.get("State") != "Deleting":
            self[mapping_id] = time.time() + window


def keep() -> None:
    """Has ministack keep to the windows."""
    pauses = lambda_svc._esm_backoff_until = Pauses()
    dispatch = lambda_svc._dispatch_esm_batch

    def dispatched(mapping_id: str, *batch: Any) -> None:
        # Another thread handles the batch of a queue, and ends the pause only after that.
        pauses.begin(mapping_id)
        dispatch(mapping_id, *batch)

    lambda_svc._dispatch_esm_batch = dispatched
