"""The parts of transports in the function of a lane.

A function imports only what its own transport needs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from event_bus.runtime import stores
from event_bus.runtime.encryption import signing_secrets
from event_bus.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from event_bus.callbacks.client import CallbackClient
    from event_bus.model.subscription import Subscription
    from event_bus.stores.inboxes import InboxStore
    from event_bus.targets.answers import Replies
    from event_bus.targets.aws_clients import TargetClients


def callback_client() -> "CallbackClient":
    """Makes the client that makes requests to callback URLs."""
    from event_bus.callbacks.client import CallbackClient

    return CallbackClient(settings().callback_networks)


class LaneFunction:
    """The function of a lane, as a `Deployment` that transports are made in."""

    def aws_clients(self, service: str) -> "TargetClients":
        """Makes the clients of an AWS service."""
        from event_bus.targets.aws_clients import TargetClients

        return TargetClients(service)

    def callback_client(self) -> "CallbackClient":
        """Makes the client that makes requests to callback URLs."""
        return callback_client()

    def signing_secrets(self) -> "Callable[[Subscription], Sequence[str]]":
        """Returns the function that opens the signing secrets of a subscription."""
        return signing_secrets().of

    def inboxes(self) -> "InboxStore":
        """Makes the store of inboxes."""
        return stores.inboxes(writes=True)

    def replies(self) -> "Replies":
        """Makes the `SubscriberReplies`, which publishes replies."""
        from event_bus.commands.subscriber_replies import SubscriberReplies
        from event_bus.runtime.intake import reply_intake, replying

        return SubscriberReplies(reply_intake(), replying())
