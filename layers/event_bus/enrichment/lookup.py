"""Sources of the type `lookup`: entries of the service's own contexts."""

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.enrichment.sources import Question, SourceFailed, text_at
from event_bus.model.contexts import check_context_key
from event_bus.model.enrichment import LookupSource
from event_bus.model.subscription import Subscription
from event_bus.stores.contexts import ContextStore
from event_bus.transforms.event_parts import EventParts


@dataclass(frozen=True, slots=True)
class LookupAsker:
    """Looks up entries of contexts.

    Attributes:
        contexts: The contexts.
    """

    contexts: ContextStore

    def question(
        self, source: LookupSource, subscription: Subscription, parts: EventParts
    ) -> Question:
        """Makes the question for the entry under the key that the event names.

        Raises:
            SourceFailed: The event names no key.
        """
        key = text_at(source.key, parts)

        def ask() -> bytes:
            try:
                check_context_key(key)
                entry = self.contexts.get(subscription.service_id, source.context, key)
            except ValueError:
                entry = None
            except (ClientError, BotoCoreError):
                raise SourceFailed("the context could not be read", again=True) from None
            if entry is None:
                raise SourceFailed(f"the context {source.context} has no entry with this key")
            return entry.value

        return Question(ask, (source.context, key))
