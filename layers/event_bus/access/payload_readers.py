"""Decides who may read sensitive parts of payloads."""

from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.encryption.payload_seal import NotOpened, PayloadSeal
from event_bus.log import logger, traces
from event_bus.model.event import Event


@dataclass(frozen=True, slots=True)
class PayloadReaders:
    """Opens payloads for their publisher and the readers that it names.

    Attributes:
        seal: Opens payloads.
        publishers: The publishers, which name their readers.
    """

    seal: PayloadSeal
    publishers: KnownPublishers

    def opened(self, event: Event, service_id: str) -> Event:
        """Returns the event as a service may read it: opened, or with markers.

        Args:
            event: The event, with its payload.
            service_id: The service.

        Raises:
            NotOpened: The service may read it, but the sealed part was changed.
            ClientError: KMS does not open the data key.
        """
        if event.sealed_key is None or not self._lets_read(event.source, service_id):
            return event
        return self.seal.open(event)

    def shown(self, event: Event, caller: Caller) -> Event:
        """Returns the event as a caller may read it; an admin reads everything.

        Args:
            event: The event. Without its payload, as in a list of large events, it is returned
                unchanged.
            caller: The reader.

        Raises:
            ClientError: KMS does not open the data key.
        """
        if event.sealed_key is None or event.payload is None:
            return event
        try:
            if caller.admin:
                return self.seal.open(event)
            return self.opened(event, caller.service_id)
        except NotOpened:
            # The event is answered with its markers: the rest of it is better than no answer.
            logger.exception("payload not opened", **traces(event))
            return event

    def _lets_read(self, source: str, service_id: str) -> bool:
        publisher = self.publishers.of(source)
        return service_id == source or (publisher is not None and publisher.lets_read(service_id))
