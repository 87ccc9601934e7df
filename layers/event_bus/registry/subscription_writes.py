"""Writing subscriptions together with the keys and replays that depend on them."""

from dataclasses import dataclass

from event_bus.access.callers import Caller, unknown_key
from event_bus.conflicts import attempts
from event_bus.errors import Conflict
from event_bus.model.subscription import ResumeFrom, Subscription
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.backlogs import START_SECONDS
from event_bus.registry.keys import IssuedKey, taken
from event_bus.registry.pausing import status_event, with_pause
from event_bus.registry.services import Services
from event_bus.registry.subscriber_keys import subscriber_key
from event_bus.requests.credentials import Authentication
from event_bus.stores.refusals import HandlerTaken, KeyGone, KeyTaken, Outdated, QuotaReached
from event_bus.stores.registrations import NewSubscription, Registrations


@dataclass(frozen=True, slots=True)
class SubscriptionWrites:
    """Adds, changes and removes subscriptions that were checked before.

    Attributes:
        registrations: The registrations of services, and their keys.
        replay_queue: Starts replays after a pause.
        most: The largest number of subscriptions of a service.
    """

    registrations: Registrations
    replay_queue: ReplayQueue
    most: int

    def add(
        self, new: NewSubscription, asked: Authentication, caller: Caller
    ) -> tuple[Subscription, IssuedKey | None]:
        """Stores a subscription together with a key that its service has or gets.

        Args:
            new: The subscription.
            asked: What the registration says about a key.
            caller: The caller.

        Returns:
            The subscription as it is stored, and the key, if one was generated.

        Raises:
            Conflict: The service has as many subscriptions or keys as it may have, the API key
                belongs to another service, or another subscription handles one of its types.
            IdTaken: There is a subscription with its id.
            IdRetired: A removed subscription had its id.
            Unauthenticated: The caller's key is no longer valid.
        """
        subscription = new.subscription
        for _ in attempts():
            keys, issued = subscriber_key(self._services, subscription.service_id, asked, caller)
            try:
                stored = self.registrations.add_subscription(new, keys, most=self.most)
            except QuotaReached:
                raise Conflict(
                    f"The service {subscription.service_id} has {self.most} subscriptions, the "
                    "most that it may have by the deployment's setting service_subscriptions; "
                    "delete one first."
                ) from None
            except HandlerTaken as refused:
                raise _second_handler(refused, subscription) from None
            except KeyTaken:
                raise taken(asked) from None
            except KeyGone:
                if not caller.admin:
                    raise unknown_key() from None
                # The service of an admin's request may have other keys, or gets one.
            except Outdated:
                continue
            else:
                return stored, issued
        raise Conflict.overtaken("the keys of the service")

    def change(
        self, before: Subscription, changed: Subscription, resume_from: ResumeFrom | None
    ) -> Subscription:
        """Stores a change, and starts the replays that continue after a pause.

        Args:
            before: The subscription as it was read.
            changed: The subscription as it is to be.
            resume_from: Where it continues after a pause; None for the backlog.

        Returns:
            The subscription as it is stored.

        Raises:
            Conflict: Another subscription handles one of its types.
            Outdated: It has changed since it was read, or is gone.
        """
        changed, backlog = with_pause(before, changed, resume_from)
        try:
            if changed.status == before.status:
                return self.registrations.subscriptions.update(changed, before=before)
            event = status_event(before, changed, backlog)
            stored = self.registrations.change_status(before, changed, event, backlog)
        except HandlerTaken as refused:
            raise _second_handler(refused, changed) from None
        waiting = []
        if before.status == "paused":
            # The pause also stopped the replays that the registration or an earlier resume began.
            # The next step ends those that are not needed any more.
            waiting = [before.catch_up_replay_id, before.backlog_replay_id]
        elif stored.status == "active":
            waiting = [before.catch_up_replay_id]
        if backlog:
            waiting.append(backlog.id)
        for each in waiting:
            if each:
                self.replay_queue.try_to_send(each, stored.service_id, START_SECONDS)
        return stored

    def remove(self, subscription: Subscription) -> None:
        """Removes a subscription, and the keys of its service if nothing else is registered for it.

        Raises:
            Refused: It has changed since it was read, or what is registered for its service has.
        """
        service_id = subscription.service_id
        subscriptions = self.registrations.subscriptions
        if subscription.ends_at is not None:
            subscriptions.delete(subscription)
        elif subscriptions.counts.stored(service_id).subscriptions > 1:
            subscriptions.delete(subscription, last=False)
        elif self.registrations.publishers.get(service_id):
            self.registrations.remove_last_subscription(subscription, None)
        else:
            removal = self._services.removal_of_keys(service_id)
            self.registrations.remove_last_subscription(subscription, removal)

    @property
    def _services(self) -> Services:
        return Services.of(self.registrations)


def _second_handler(refused: HandlerTaken, subscription: Subscription) -> Conflict:
    """Returns the refusal of a second handler."""
    event_type = str(refused)
    place = subscription.event_types.index(event_type)
    detail = f"{event_type} has a handler already; a type of commands has one"
    return Conflict.at(f"/event_types/{place}", detail)
