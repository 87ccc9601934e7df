"""Opens events and brings them to the wanted schema version, just before their delivery."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.access.payload_readers import PayloadReaders
from event_bus.encryption.payload_seal import NotOpened
from event_bus.log import logger, traces
from event_bus.model.outcome import Outcome
from event_bus.targets.transport import DeliveryRequest, Transport
from event_bus.targets.upcasting import Upcaster


@dataclass(frozen=True, slots=True)
class OpeningTransport:
    """Opens payloads and brings them to the wanted version; another transport delivers.

    Attributes:
        transport: The protocol.
        readers: Opens payloads for those who may read them.
        upcaster: Brings events to the version that a subscription asks for.
    """

    transport: Transport
    readers: PayloadReaders
    upcaster: Upcaster

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns the batch key of the protocol."""
        return self.transport.batch_key(request)

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Delivers events whose payloads are open; those that cannot be opened may be retried."""
        outcomes: dict[int, Outcome] = {}
        ready: dict[int, DeliveryRequest] = {}
        for place, request in enumerate(requests):
            subscription = request.subscription
            try:
                opened = self.readers.opened(request.event, subscription.service_id)
            except (NotOpened, ClientError, BotoCoreError):
                logger.exception("payload not opened", **traces(request.event))
                outcomes[place] = Outcome(
                    "payload_not_opened", "the payload could not be opened", unsent=True
                )
                continue
            brought = self.upcaster.attempted(opened, subscription.schema_version)
            if isinstance(brought, Outcome):
                outcomes[place] = brought
            else:
                ready[place] = replace(request, event=brought)
        if ready:
            delivered = self.transport.deliver(list(ready.values()))
            for place, outcome in zip(ready, delivered, strict=True):
                changed = ready[place].event is not requests[place].event
                # A subscriber may answer with what it received, so the answer is not kept.
                hides = requests[place].event.sealed_key and changed
                outcomes[place] = replace(outcome, response="") if hides else outcome
        return [outcomes[place] for place in range(len(requests))]
