"""Opening what is sensitive for those who may read it, just before it is handed over."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.access.payload_readers import PayloadReaders
from event_bus.encryption.payload_seal import NotOpened
from event_bus.log import logger, traces
from event_bus.model.outcome import Outcome
from event_bus.targets.transport import DeliveryRequest, Transport


@dataclass(frozen=True, slots=True)
class OpeningTransport:
    """Opens payloads, and leaves the rest to another transport.

    Attributes:
        transport: The protocol.
        readers: Opens payloads for those who may read them.
    """

    transport: Transport
    readers: PayloadReaders

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """What the protocol says."""
        return self.transport.batch_key(request)

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Delivers what can be opened or need not be; the rest fails, and may be tried again."""
        outcomes: dict[int, Outcome] = {}
        ready: dict[int, DeliveryRequest] = {}
        for place, request in enumerate(requests):
            try:
                event = self.readers.opened(request.event, request.subscription.service_id)
            except (NotOpened, ClientError, BotoCoreError):
                logger.exception("payload not opened", **traces(request.event))
                outcomes[place] = Outcome("payload_not_opened", "the payload could not be opened")
            else:
                ready[place] = replace(request, event=event)
        if ready:
            delivered = self.transport.deliver(list(ready.values()))
            for place, outcome in zip(ready, delivered, strict=True):
                opened = ready[place].event is not requests[place].event
                # A subscriber may answer with what it was sent; that is not kept anywhere.
                outcomes[place] = replace(outcome, response="") if opened else outcome
        return [outcomes[place] for place in range(len(requests))]
