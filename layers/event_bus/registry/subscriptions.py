"""Registering, changing and removing subscriptions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own_subscription
from event_bus.access.subscription_rights import SubscriptionRights
from event_bus.conflicts import attempts
from event_bus.encryption.signing_secrets import SigningSecrets, rotated
from event_bus.encryption.webhook_signatures import new_secret
from event_bus.errors import Conflict, Problem
from event_bus.ids import new_id
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.commands import check_handler
from event_bus.model.filter_checks import check_filters, check_sent_filters
from event_bus.model.pace import Pace
from event_bus.model.replay import Replay
from event_bus.model.subscription import Subscription, check_limits
from event_bus.paging import Portion, first_page
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.catch_up import catch_up_of
from event_bus.recovery.replays import SEAM_SECONDS, history_for
from event_bus.registry.asked_subscriptions import asked_for, check_history, owner_of, plain_members
from event_bus.registry.enrichments import with_opted_in_sources
from event_bus.registry.sensitive_filters import refuse_sensitive_filters
from event_bus.registry.subscription_query import SubscriptionQuery
from event_bus.registry.subscription_requests import (
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.registry.subscription_targets import SubscriptionTargets
from event_bus.registry.subscription_writes import SubscriptionWrites
from event_bus.requests.credentials import Authentication
from event_bus.requests.transform import check_fits
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.refusals import IdRetired, Refused
from event_bus.stores.registrations import NewSubscription, Registrations

_Result = TypeVar("_Result")

_ON_TRIAL = Pace(state="trial", version=1)
_READ_BUDGET = 1_000


@dataclass(frozen=True, slots=True)
class RegisteredSubscription:
    """A new subscription, and what was made with it.

    Attributes:
        subscription: The subscription.
        signing_secret: The signing secret, if deliveries are signed. It is shown only once.
        api_key: The API key, if one was generated for a service that had none. It is shown only
            once.
        replay_id: The replay that brings past events, if the request asked for one.
        pace: The first pace, if the target may be slow.
    """

    subscription: Subscription
    signing_secret: str | None
    api_key: str | None
    replay_id: str | None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionRegistry:
    """Registers, shows, changes and removes subscriptions.

    Attributes:
        registrations: The registrations of services, and their keys.
        circuits: The circuit breakers of subscriptions.
        inboxes: The inboxes.
        replay_queue: Starts the replays that bring past events.
        targets: Prepares the targets of subscriptions.
        secrets: Seals signing secrets.
        rights: Refuses event types that a service may not receive.
        most: The largest number of subscriptions of a service.
    """

    registrations: Registrations
    circuits: CircuitStore
    inboxes: InboxStore
    replay_queue: ReplayQueue
    targets: SubscriptionTargets
    secrets: SigningSecrets
    rights: SubscriptionRights
    most: int

    def register(
        self,
        registration: SubscriptionRegistration,
        caller: Caller,
        subscription_id: str | None = None,
    ) -> RegisteredSubscription:
        """Registers a subscription.

        Args:
            registration: The request.
            caller: The caller.
            subscription_id: The id that it gets; None for a random one.

        Returns:
            The subscription, and what was made with it.

        Raises:
            Forbidden: A service registers for another one or for types that it may not receive, or
                asks for past events with a key without the scope `recover`.
            InvalidRequest: The filters are invalid, the past events begin in the future, an admin
                names no service, the target is not opted in, or the callback does not want events.
            Conflict: The API key belongs to another service, the service has as many subscriptions
                or keys as it may have, an earlier request registered the subscription, or its
                managed queue was removed a moment ago.
            IdTaken: Another request registered the subscription at the same time.
        """
        if subscription_id and self.registrations.subscriptions.get(subscription_id):
            raise Conflict(
                f"An earlier request has registered {subscription_id}. To get a signing secret, "
                f"replace it by POST /subscriptions/{subscription_id}/secret/rotate."
            )
        subscription = self._checked(registration, subscription_id or new_id("sub"), caller)
        subscription, secret = self._with_secret(subscription)
        pace = _ON_TRIAL if subscription.target.paced else None
        subscription, history = _with_history(subscription, registration.replay_from)
        asked = registration.authentication or Authentication()
        new = NewSubscription(self.targets.provided(subscription), pace, history)
        try:
            created, issued = self._writes.add(new, asked, caller)
        except IdRetired:
            self.targets.discard(subscription)
            raise Conflict(
                f"A removed subscription had the identifier {subscription.id}; choose another."
            ) from None
        except Problem:
            self.targets.discard(subscription)
            raise
        if history:
            self.replay_queue.try_to_send(history.id, history.service_id, SEAM_SECONDS)
        api_key = issued.text if issued else None
        return RegisteredSubscription(
            created, secret, api_key, history.id if history else None, pace
        )

    def get(self, subscription_id: str, caller: Caller) -> Subscription:
        """Returns a subscription.

        Raises:
            NotFound: There is none with this id that the caller may see.
        """
        return own_subscription(self.registrations.subscriptions.get, subscription_id, caller)

    def page(
        self,
        query: SubscriptionQuery,
        after: str | None,
        limit: int,
        caller: Caller,
        only: Callable[[list[Subscription]], set[str]] | None = None,
    ) -> tuple[list[Subscription], str | None]:
        """Returns a page of subscriptions, in the order of their ids.

        Args:
            query: The filters.
            after: The id after which the page begins; None for the first page.
            limit: The largest number of subscriptions.
            caller: The caller. A service sees its own subscriptions.
            only: Finds the ids of those that the page is narrowed to; None for no narrowing.

        Returns:
            The page, and the id after which the next one begins, or None at the end. The page ends
            early after a thousand subscriptions were read.
        """
        service_id = query.service_id if caller.admin else caller.service_id

        def portions() -> Iterator[Portion[Subscription]]:
            behind = after
            while True:
                read = self.registrations.subscriptions.page(service_id, behind, limit + 1)
                ids = only(read) if only else {each.id for each in read}
                chosen = [
                    (each.id, each if each.id in ids and query.selects(each) else None)
                    for each in read
                ]
                behind = read[-1].id if len(read) > limit else None
                yield Portion(chosen, len(read), behind)
                if behind is None:
                    return

        return first_page(portions(), limit, _READ_BUDGET)

    def change(
        self, subscription_id: str, change: SubscriptionChange, caller: Caller
    ) -> Subscription:
        """Changes the members that a request names.

        Raises:
            NotFound: There is no subscription with this id that the caller may see.
            InvalidRequest: A member is null, the filters do not fit the event types, the new target
                is not opted in, or the callback does not want events.
            Forbidden: The service may not receive a new event type.
            Conflict: Other requests changed the subscription in every attempt.
        """
        members = plain_members(change)
        # An endpoint is asked once, even if other changes overlap with this one.
        confirm = cache(self.targets.confirm)

        def attempt() -> tuple[Subscription, Subscription]:
            before = self.get(subscription_id, caller)
            changed = replace(before, **members, updated_at=times.now())
            if before.stream:
                changed = replace(changed, filters=before.stream.narrowed(changed.filters))
            if wanted := change.chosen_target(before.target):
                pointer = "/callback_url" if change.callback_url else "/target/type"
                changed = self.targets.moved(changed, wanted, pointer)
            check = check_filters if change.filters is None else check_sent_filters
            self._refuse_sensitive(check(changed.event_types, changed.filters))
            self.rights.check(changed.service_id, change.event_types or ())
            _check_members(changed)
            if change.enrichment:
                changed = with_opted_in_sources(changed, self.targets.opt_ins)
            if change.verify:
                agreed = confirm(changed.service_id, changed.target.callback_url)
                changed = replace(changed, verified_at=agreed)
            if before.status == "disabled" and changed.status != "disabled":
                # Messages that had turns became dead letters. New ones would wait for these unused
                # turns. Before the write: if this fails, a repeated request still finds the status
                # `disabled`.
                self.registrations.paces.forget_turns(subscription_id)
            return before, self._writes.change(before, changed, change.resume_from)

        before, changed = _until_current(attempt)
        moved = changed.target != before.target
        if change.status == "active" or moved:
            # Failures of the former target do not count against the new one.
            self.circuits.forget(subscription_id)
        if moved and changed.target.paced:
            self.registrations.paces.put_anew(subscription_id, _ON_TRIAL)
        if changed.rate_limit != before.rate_limit:
            self.registrations.paces.forget_turns(subscription_id)
        return changed

    def rotate_secret(
        self, subscription_id: str, overlap: int, caller: Caller
    ) -> tuple[Subscription, str]:
        """Replaces the signing secret of a subscription.

        Args:
            subscription_id: The subscription.
            overlap: How many seconds the former secret signs as well.
            caller: The caller.

        Returns:
            The subscription, and its new secret.

        Raises:
            NotFound: There is no subscription with this id that the caller may see.
            Conflict: Deliveries to its target are not signed, or other requests changed the
                subscription in every attempt.
        """
        if not self.get(subscription_id, caller).signed:
            raise Conflict("Deliveries to this target are not signed, so it has no secret.")
        secret = new_secret()
        sealed = self.secrets.seal(secret, subscription_id)

        def attempt() -> Subscription:
            subscription = self.get(subscription_id, caller)
            secrets = rotated(subscription.signing_secrets, sealed, overlap)
            return self.registrations.subscriptions.update(
                replace(subscription, signing_secrets=secrets, updated_at=times.now())
            )

        return _until_current(attempt), secret

    def remove(self, subscription_id: str, caller: Caller) -> None:
        """Removes a subscription, and the keys of its service if nothing else is registered for it.

        Raises:
            NotFound: There is no subscription with this id that the caller may see.
            Conflict: Other requests changed the subscription in every attempt.
        """

        def attempt() -> Subscription:
            subscription = self.get(subscription_id, caller)
            self._writes.remove(subscription)
            return subscription

        removed = _until_current(attempt)
        self.targets.discard(removed)
        if removed.target.lane == "inbox":
            self.inboxes.forget(removed.id)
        # Otherwise the metrics would count its circuit until it expires.
        self.circuits.forget(removed.id)

    def _checked(
        self, registration: SubscriptionRegistration, subscription_id: str, caller: Caller
    ) -> Subscription:
        """Returns the subscription that a registration asks for, once every rule permits it."""
        service_id = owner_of(registration, caller)
        self._refuse_sensitive(check_sent_filters(registration.event_types, registration.filters))
        self.rights.check(service_id, registration.event_types)
        check_history(registration, caller)
        subscription = asked_for(registration, subscription_id, service_id)
        _check_members(subscription)
        self.targets.opt_ins.require(subscription.target)
        subscription = with_opted_in_sources(subscription, self.targets.opt_ins)
        if registration.verify:
            agreed = self.targets.confirm(service_id, subscription.target.callback_url)
            subscription = replace(subscription, verified_at=agreed)
        return subscription

    def _with_secret(self, subscription: Subscription) -> tuple[Subscription, str | None]:
        """Returns the subscription with a new signing secret, if its deliveries are signed."""
        if not subscription.signed:
            return subscription, None
        secret = new_secret()
        sealed = self.secrets.seal(secret, subscription.id)
        return replace(subscription, signing_secrets=(sealed,)), secret

    def _refuse_sensitive(self, asked: SubscriptionFilter) -> None:
        if asked.filters:
            refuse_sensitive_filters(asked, self.registrations.publishers.all())

    @property
    def _writes(self) -> SubscriptionWrites:
        return SubscriptionWrites(self.registrations, self.replay_queue, self.most)


def _check_members(subscription: Subscription) -> None:
    """Refuses a subscription whose members do not fit each other.

    Raises:
        InvalidRequest: Its target cannot have its limits or its transform, or it cannot handle its
            types.
    """
    check_limits(subscription)
    check_handler(subscription)
    check_fits(subscription.transform, subscription.target)


def _with_history(
    subscription: Subscription, replay_from: str | None
) -> tuple[Subscription, Replay | None]:
    """Returns the subscription, and the replay of the past events that it asks for, if any."""
    if replay_from:
        return subscription, history_for(subscription, replay_from)
    if subscription.stream and subscription.stream.from_version:
        catch_up = catch_up_of(subscription)
        return replace(subscription, catch_up_replay_id=catch_up.id), catch_up
    return subscription, None


def _until_current(attempt: Callable[[], _Result]) -> _Result:
    """Reads and writes a subscription, and again if others change it meanwhile."""
    for _ in attempts():
        try:
            return attempt()
        except Refused:
            continue
    raise Conflict.overtaken("the subscription")
