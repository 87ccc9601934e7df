"""The circuit breakers of the sources that enrichments ask."""

from collections.abc import Callable
from dataclasses import dataclass

from event_bus import times
from event_bus.delivery.circuits import Circuits, Permits
from event_bus.enrichment.calls import ENRICHMENT_FAILED
from event_bus.enrichment.sources import SourceFailed
from event_bus.model.delivery import DeliveryError
from event_bus.model.enrichment import circuit_name


@dataclass(frozen=True, slots=True)
class SourceCircuits:
    """Asks sources as far as their circuits allow.

    Attributes:
        circuits: The circuits of sources, which are stored beside those of subscriptions.
    """

    circuits: Circuits

    def guarded(self, subscription_id: str, name: str, ask: Callable[[], bytes]) -> bytes:
        """Asks a source, unless its circuit is open, and counts the result for the circuit.

        A failure counts only if another try may succeed. Any other failure, such as the status 404,
        shows that the source answers.
        """
        key = circuit_name(subscription_id, name)
        permits = Permits(self.circuits)
        permits.look_up([key])
        if (retry_at := permits.take(key)) is not None:
            raise SourceFailed(
                "too many tries failed, so the circuit of the source is open",
                retry_after=max(0.0, retry_at - times.unix()),
            )
        try:
            part = ask()
        except SourceFailed as failure:
            error = DeliveryError(ENRICHMENT_FAILED, failure.detail, times.now())
            permits.ended(key, error if failure.again else None, delivered=not failure.again)
            raise
        else:
            permits.ended(key, delivered=True)
            return part
        finally:
            permits.close()
