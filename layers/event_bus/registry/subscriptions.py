"""Registering subscriptions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from event_bus import times
from event_bus.access.callers import Caller, unknown_key
from event_bus.access.hearing import Hearing
from event_bus.access.ownership import own_subscription, refuse_reserved
from event_bus.callbacks.handshake import Handshake, Unwanted
from event_bus.encryption.signatures import new_secret
from event_bus.encryption.signing_secrets import SigningSecrets, rotated
from event_bus.errors import Conflict, Fault, Forbidden, InvalidRequest, Problem
from event_bus.ids import new_id
from event_bus.matching.event_types import matches_type
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.credentials import Authentication
from event_bus.model.filters import check_filters, check_sent_filters
from event_bus.model.pace import Pace
from event_bus.model.registration import (
    REMOVABLE_LIMITS,
    Subscription,
    SubscriptionChange,
    SubscriptionRegistration,
    SubscriptionStatus,
    check_limits,
)
from event_bus.model.target import PACED_PROTOCOLS, HttpTarget, SqsTarget, Target
from event_bus.model.validation import members_of
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.replays import SEAM_SECONDS, history_for, refuse_future
from event_bus.registry.keys import IssuedKey, busy, taken
from event_bus.registry.managed_queues import ManagedQueues
from event_bus.registry.opt_ins import OptIns
from event_bus.registry.roles import as_named, with_external_id
from event_bus.registry.sensitive_filters import refuse_sensitive_filters
from event_bus.registry.services import Services
from event_bus.registry.subscriber_keys import key_parts
from event_bus.stores.changes import Refused
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.items import Item
from event_bus.stores.keys import KeyStore
from event_bus.stores.paces import PaceStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.subscriptions import (
    Outdated,
    QuotaReached,
    SubscriptionStore,
    Used,
)

_Result = TypeVar("_Result")

_ON_TRIAL = Pace(state="trial", version=1)
_ATTEMPTS = 5
_READ_BUDGET = 1_000


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """The filters of a list of subscriptions.

    Attributes:
        service_id: The service that they belong to.
        event_type: A type that they receive.
        status: Their status.
    """

    service_id: str | None = None
    event_type: str | None = None
    status: SubscriptionStatus | None = None

    def selects(self, subscription: Subscription) -> bool:
        """Whether a subscription fits."""
        return (
            self.service_id in (None, subscription.service_id)
            and self.status in (None, subscription.status)
            and (
                self.event_type is None
                or any(
                    matches_type(pattern, self.event_type) for pattern in subscription.event_types
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """A new subscription, and what was made with it.

    Attributes:
        subscription: The subscription.
        signing_secret: The secret of its signatures, if its target has them; it is not shown again.
        api_key: The service's API key where one was generated: for a service that had none. It is
            not shown again either.
        replay_id: The replay that brings it its history, if it asked for that.
        pace: What is known of its pace, where its target may be slow.
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
        subscriptions: The subscriptions.
        publishers: The publishers, who say what is sensitive.
        keys: The API keys.
        circuits: The circuit breakers of the subscriptions.
        paces: Their paces.
        replays: The replays that bring new subscriptions their history.
        replay_queue: What has those replays go on.
        queues: The queues that the bus provides.
        opt_ins: Refuses targets whose owners have not opted them in.
        inboxes: The inboxes.
        secrets: Seals signing secrets.
        handshake: Asks callbacks whether they want events.
        most: How many subscriptions a service may have.
        hearing: What services may receive.
    """

    subscriptions: SubscriptionStore
    publishers: PublisherStore
    keys: KeyStore
    circuits: CircuitStore
    paces: PaceStore
    replays: ReplayStore
    replay_queue: ReplayQueue
    queues: ManagedQueues
    opt_ins: OptIns
    inboxes: InboxStore
    secrets: SigningSecrets
    handshake: Handshake
    most: int
    hearing: Hearing

    def register(
        self,
        registration: SubscriptionRegistration,
        caller: Caller,
        subscription_id: str | None = None,
    ) -> Registered:
        """Registers a subscription.

        Args:
            registration: What was asked for.
            caller: Who asks.
            subscription_id: The identifier of the subscription, by default a new one.

        Returns:
            The subscription, and what else was made for it.

        Raises:
            Forbidden: A service registers for another one, or for types that it may not receive,
                or asks for history by a key without the scope `recover`.
            InvalidRequest: The filters are refused, the history would begin in the future, an admin
                names no service, the target is not opted in, or the callback does not want events.
            Conflict: The API key stands for another service, the service has as many subscriptions
                or keys as it may have, or a request whose answer was lost has registered the
                subscription.
        """
        if subscription_id and self.subscriptions.get(subscription_id):
            raise Conflict(
                f"An earlier request has registered {subscription_id}. Its signing secret is "
                f"replaced by POST /subscriptions/{subscription_id}/secret/rotate."
            )
        service_id = self._service(registration, caller)
        self._check_sensitive(check_sent_filters(registration.event_types, registration.filters))
        self.hearing.check(service_id, registration.event_types)
        if registration.replay_from:
            _check_history(registration.replay_from, caller)
        subscription = _asked_for(registration, subscription_id or new_id("sub"), service_id)
        check_limits(subscription)
        self.opt_ins.require(subscription.target)
        if registration.verify:
            subscription = self._verified(subscription)
        subscription, secret = self._with_secret(subscription)
        asked = registration.authentication or Authentication()
        pace = _ON_TRIAL if subscription.target.lane in PACED_PROTOCOLS else None
        further = [self.paces.putting(subscription.id, pace)] if pace else []
        history = None
        if registration.replay_from:
            history = history_for(subscription, registration.replay_from)
            further.append(self.replays.putting(history))
        try:
            created, issued = self._create(self._provided(subscription), further, asked, caller)
        except Used:
            self._remove_queue(subscription)
            raise Conflict(
                f"A removed subscription had the identifier {subscription.id}; choose another."
            ) from None
        except Problem:
            self._remove_queue(subscription)
            raise
        if history:
            # Should this message be lost, the sweeper finds a replay that does not go on.
            self.replay_queue.send(history.id, SEAM_SECONDS)
        api_key = issued.text if issued else None
        return Registered(created, secret, api_key, history.id if history else None, pace)

    def _with_secret(self, subscription: Subscription) -> tuple[Subscription, str | None]:
        """The subscription with a new signing secret, if its deliveries are signed."""
        if not subscription.signed:
            return subscription, None
        secret = new_secret()
        sealed = self.secrets.seal(secret, subscription.id)
        return replace(subscription, signing_secrets=(sealed,)), secret

    def get(self, subscription_id: str, caller: Caller) -> Subscription:
        """One subscription.

        Raises:
            NotFound: There is none, or none that the caller may see.
        """
        return own_subscription(self.subscriptions.get, subscription_id, caller)

    def page(
        self, query: SubscriptionQuery, after: str | None, limit: int, caller: Caller
    ) -> tuple[list[Subscription], str | None]:
        """A page of subscriptions, oldest first.

        Returns:
            The page, and the subscription behind which the next one begins, or None at the end.
            After a thousand subscriptions that do not fit, the rest is left to the next request.
        """
        service_id = query.service_id if caller.admin else caller.service_id
        found: list[Subscription] = []
        looked_at = 0
        while looked_at < _READ_BUDGET:
            page = self.subscriptions.page(service_id, after, limit + 1)
            whole = len(page) <= limit
            for place, subscription in enumerate(page):
                after = subscription.id
                if query.selects(subscription):
                    found.append(subscription)
                    if len(found) == limit:
                        last = whole and place + 1 == len(page)
                        return found, None if last else after
            if whole:
                return found, None
            looked_at += len(page)
        return found, after

    def change(
        self, subscription_id: str, change: SubscriptionChange, caller: Caller
    ) -> Subscription:
        """Changes what a change names, and leaves the rest.

        Raises:
            NotFound: There is no such subscription, or none that the caller may see.
            InvalidRequest: A member is null, the filters do not fit the event types, the new target
                is not opted in, or the callback does not want events.
            Conflict: Others changed it again and again meanwhile.
        """
        members = members_of(change, removable=REMOVABLE_LIMITS)
        if change.retry_policy:
            members["retry_policy"] = change.retry_policy.policy()
        if change.status:
            members["disabled_reason"] = None
        members.pop("callback_url", None)
        members.pop("verify", None)
        members.pop("target", None)
        wanted = change.chosen_target()

        def attempt() -> tuple[Subscription, bool]:
            subscription = self.get(subscription_id, caller)
            target = None if _same(wanted, subscription.target) else wanted
            if target and target.type != subscription.target.type:
                raise InvalidRequest.at(
                    "/callback_url" if change.callback_url else "/target/type",
                    f"must stay a target of the type {subscription.target.type}",
                )
            if target and (_managed(target) or _managed(subscription.target)):
                raise InvalidRequest.at("/target", "must not change from or to a managed queue")
            changed = replace(subscription, **members, updated_at=times.now())
            if target:
                self.opt_ins.require(target)
                target = with_external_id(target, changed.service_id, subscription.target)
                changed = replace(changed, target=target, verified_at=None)
            check = check_filters if change.filters is None else check_sent_filters
            self._check_sensitive(check(changed.event_types, changed.filters))
            self.hearing.check(changed.service_id, change.event_types or ())
            check_limits(changed)
            if change.verify:
                changed = self._verified(changed)
            return self.subscriptions.update(changed), target is not None

        changed, moved = _until_current(attempt)
        if change.status == "active" or moved:
            # What the old target did is not held against the new one.
            self.circuits.forget(subscription_id)
        if moved and changed.target.lane in PACED_PROTOCOLS:
            self.paces.put_anew(subscription_id, _ON_TRIAL)
        return changed

    def rotate_secret(
        self, subscription_id: str, overlap: int, caller: Caller
    ) -> tuple[Subscription, str]:
        """Gives a subscription another signing secret.

        Args:
            subscription_id: The subscription.
            overlap: For how many seconds the one before signs as well.
            caller: Who asks for it.

        Returns:
            The subscription, and its new secret.

        Raises:
            NotFound: There is no such subscription, or none that the caller may see.
            Conflict: What is delivered to it is not signed, or others changed it again and again
                meanwhile.
        """
        if not self.get(subscription_id, caller).signed:
            raise Conflict("What is delivered to this target is not signed.")
        secret = new_secret()
        sealed = self.secrets.seal(secret, subscription_id)

        def attempt() -> Subscription:
            subscription = self.get(subscription_id, caller)
            secrets = rotated(subscription.signing_secrets, sealed, overlap)
            return self.subscriptions.update(
                replace(subscription, signing_secrets=secrets, updated_at=times.now())
            )

        return _until_current(attempt), secret

    def remove(self, subscription_id: str, caller: Caller) -> None:
        """Removes a subscription, and the keys of its service if nothing else is registered for it.

        Raises:
            NotFound: There is none, or none that the caller may see.
            Conflict: Others changed it again and again meanwhile.
        """

        def attempt() -> Subscription:
            subscription = self.get(subscription_id, caller)
            if subscription.ends_at is None:
                self._remove_lasting(subscription)
            else:
                self.subscriptions.delete(subscription)
            return subscription

        removed = _until_current(attempt)
        self._remove_queue(removed)
        if removed.target.lane == "inbox":
            self.inboxes.forget(removed.id)

    def _check_sensitive(self, asked: SubscriptionFilter) -> None:
        if asked.filters:
            refuse_sensitive_filters(asked, self.publishers.all())

    def _remove_lasting(self, subscription: Subscription) -> None:
        service_id = subscription.service_id
        last = self.subscriptions.counts.stored(service_id).subscriptions <= 1
        parts: list[Item] = []
        if last and self.publishers.get(service_id):
            parts = [self.publishers.keeping(service_id)]
        elif last:
            parts = [self.publishers.lacking(service_id), *self._services.ending(service_id)]
        self.subscriptions.delete(subscription, *parts, last=last)

    def _verified(self, subscription: Subscription) -> Subscription:
        if not isinstance(subscription.target, HttpTarget):
            raise InvalidRequest.at("/verify", "must be left out where the target is no URL")
        try:
            self.handshake.ask(subscription.target.url)
        except Unwanted as refusal:
            detail = f"the callback does not say that it wants events: {refusal}"
            raise InvalidRequest.at("/verify", detail) from None
        return replace(subscription, verified_at=times.now())

    def _provided(self, subscription: Subscription) -> Subscription:
        if not _managed(subscription.target):
            return subscription
        # The queue first: a subscription that is stored has one.
        queue = self.queues.make(subscription.id, fifo=subscription.ordered)
        return replace(subscription, target=queue)

    def _remove_queue(self, subscription: Subscription) -> None:
        if _managed(subscription.target):
            self.queues.remove(subscription.id, fifo=subscription.ordered)

    @staticmethod
    def _service(registration: SubscriptionRegistration, caller: Caller) -> str:
        if caller.admin and registration.service_id is None:
            raise InvalidRequest.at("/service_id", "is required where an admin registers")
        service_id = registration.service_id or caller.service_id
        if service_id != caller.service_id and not caller.admin:
            detail = f"must be {caller.service_id}, whose key was sent, or left out"
            raise Forbidden(
                f"/service_id {detail}.", [Fault("/service_id", detail)], reason="other_service"
            )
        refuse_reserved(service_id)
        return service_id

    def _create(
        self,
        subscription: Subscription,
        further: list[Item],
        asked: Authentication,
        caller: Caller,
    ) -> tuple[Subscription, IssuedKey | None]:
        """Stores a subscription, in one transaction with a key that its service has or gets."""
        for _ in range(_ATTEMPTS):
            parts, issued = key_parts(self._services, subscription.service_id, asked, caller)
            try:
                stored = self.subscriptions.create(subscription, *parts, *further, most=self.most)
            except QuotaReached:
                raise Conflict(
                    f"The service {subscription.service_id} has {self.most} subscriptions, which "
                    "is as many as it may have; delete one first."
                ) from None
            except Refused as refusal:
                if issued and 0 not in refusal.parts:
                    raise taken(asked) from None
                if not issued and not caller.admin:
                    raise unknown_key() from None
            else:
                return stored, issued
        raise busy()

    @property
    def _services(self) -> Services:
        return Services(self.publishers, self.subscriptions, self.keys)


def _check_history(since: str, caller: Caller) -> None:
    if not caller.permits("recover"):
        # The history is a replay, whoever starts it.
        detail = "starts a replay, for which the key needs the scope recover"
        raise Forbidden(f"/replay_from {detail}.", [Fault("/replay_from", detail)], reason="scope")
    refuse_future("/replay_from", since)


def _managed(target: Target | None) -> bool:
    return isinstance(target, SqsTarget) and target.managed


def _same(wanted: Target | None, target: Target) -> bool:
    """Whether a change asks for the target that there is."""
    return wanted == as_named(target) or (_managed(wanted) and _managed(target))


def _until_current(attempt: Callable[[], _Result]) -> _Result:
    """Reads and writes again, as long as others write in between."""
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except (Outdated, Refused):
            continue
    raise Conflict("The subscription is being changed by others; send the request again.")


def _asked_for(
    registration: SubscriptionRegistration, subscription_id: str, service_id: str
) -> Subscription:
    """The subscription that a registration asks for."""
    now = times.now()
    return Subscription(
        id=subscription_id,
        service_id=service_id,
        name=registration.name or service_id,
        event_types=registration.event_types,
        filters=registration.filters,
        target=with_external_id(registration.chosen_target(), service_id),
        status="active",
        version=0,
        created_at=now,
        updated_at=now,
        delivery_guarantee=registration.delivery_guarantee,
        ordered=registration.ordered,
        retry_policy=registration.retry_policy.policy(),
        max_in_flight=registration.max_in_flight,
        rate_limit=registration.rate_limit,
    )
