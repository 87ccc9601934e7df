"""The batching windows of event source mappings, which ministack ignores.

On AWS, a function gets a batch once the batch is full or the window of its mapping has passed:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching

Ministack calls the function with whatever is there, which is often a single record. Here the first
batch comes at once. The next one comes after the window, but after two seconds at most, so that a
window of a minute delays nobody. Unlike on AWS, a full batch waits as well.

Records that still wait when the emulator ends are lost, because ministack does not keep the records
of table streams. Their events are not counted, and are not in the audit log.
"""

import time
from typing import Any

from ministack.core.responses import AccountRegionScopedDict  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

LONGEST_SECONDS = 2.0
"""The longest time for which records wait for others, in seconds."""


class Pauses(AccountRegionScopedDict):  # type: ignore[misc]
    """The end of each mapping's pause, in Unix seconds; it asks for no batch before that."""

    def pop(self, mapping_id: str, *default: Any) -> Any:
        """Ends the pause of a mapping, as ministack does after a batch, then begins its window.

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
    """Makes ministack wait for batching windows, at most `LONGEST_SECONDS` each."""
    pauses = lambda_svc._esm_backoff_until = Pauses()
    dispatch = lambda_svc._dispatch_esm_batch

    def dispatched(mapping_id: str, *batch: Any) -> None:
        # Another thread handles a queue's batch, and calls `pop` only when that has ended. The
        # window must begin now, or the next batch would be taken meanwhile.
        pauses.begin(mapping_id)
        dispatch(mapping_id, *batch)

    lambda_svc._dispatch_esm_batch = dispatched
