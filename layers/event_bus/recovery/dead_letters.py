"""Finding, retrying and discarding dead letters."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own
from event_bus.errors import Conflict
from event_bus.log import logger
from event_bus.matching.event_types import matches_type
from event_bus.model import transitions
from event_bus.model.delivery import DeadLetterStatus, Delivery
from event_bus.model.names import refuse_control_characters
from event_bus.paging import Portion, first_page
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import continuation, next_message
from event_bus.requests.type_patterns import TypePattern
from event_bus.requests.validation import RequestModel, Time, checked
from event_bus.stores.dead_letters import DeadLetterStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.subscriptions import SubscriptionStore

MAX_BULK = 500
"""The largest number of dead letters that one request retries."""

BULK_SECONDS = 5
"""How long one bulk retry takes at most, in seconds."""

BULK_RATE = 10
"""How many attempts a second follow one bulk retry: its subscriber may have just recovered."""

_READ_BUDGET = 1_000
_PAGE = 100

_Text = Annotated[
    str, Field(min_length=1, max_length=500), AfterValidator(checked(refuse_control_characters))
]


class BulkRetryRequest(RequestModel):
    """Which dead letters a request retries; never resolved ones.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        subscriber_id: The service that the subscription belongs to.
        event_type: The event's type, or a pattern such as `task.*`.
        error_code: The code of the last error.
        status: Their status.
        since: The beginning of the period of `created_at`, included.
        until: The end of the period of `created_at`, excluded.
        cursor: `next_cursor` of the answer before, to the same caller with the same filters.
    """

    event_id: _Text | None = None
    subscription_id: _Text | None = None
    subscriber_id: _Text | None = None
    event_type: TypePattern | None = None
    error_code: _Text | None = None
    status: Literal["retrying", "exhausted"] | None = None
    since: Annotated[Time | None, Field(alias="from")] = None
    until: Annotated[Time | None, Field(alias="to")] = None
    cursor: _Text | None = None

    def query(self) -> "DeadLetterQuery":
        """Returns the query that finds them."""
        return DeadLetterQuery(**self.model_dump(exclude={"cursor"}))

    def filters(self) -> dict[str, str]:
        """Returns the filters as they were sent, which a cursor is bound to."""
        return self.model_dump(by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """The filters of a list of dead letters.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        subscriber_id: The service that the subscription belongs to.
        event_type: The event's type, or a type pattern.
        error_code: The code of the last error.
        status: Their status.
        since: The first time at which they were first recorded, included.
        until: The last such time, excluded.
        limit: How many a page holds at most.
    """

    event_id: str | None = None
    subscription_id: str | None = None
    subscriber_id: str | None = None
    event_type: str | None = None
    error_code: str | None = None
    status: DeadLetterStatus | None = None
    since: str | None = None
    until: str | None = None
    limit: int = _PAGE

    def selects(self, letter: Delivery) -> bool:
        """Returns whether a dead letter passes the filters."""
        error = letter.last_error.code if letter.last_error else None
        return (
            self.event_id in (None, letter.key.event_id)
            and self.subscription_id in (None, letter.key.subscription_id)
            and self.subscriber_id in (None, letter.service_id)
            and (self.event_type is None or matches_type(self.event_type, letter.event_type))
            and self.error_code in (None, error)
            and self.status in (None, letter.dead_letter_status)
            and (self.since is None or letter.created_at >= self.since)
            and (self.until is None or letter.created_at < self.until)
        )


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Shows, retries and discards dead letters: a service its own, an admin all.

    Attributes:
        letters: The dead letters.
        deliveries: The deliveries.
        lanes: Where retried ones are sent.
        subscriptions: Their subscriptions, as they are now.
    """

    letters: DeadLetterStore
    deliveries: DeliveryStore
    lanes: Lanes
    subscriptions: SubscriptionStore

    def get(self, dead_letter_id: str, caller: Caller) -> Delivery:
        """Returns a dead letter.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
        """
        return own(self.letters.get(dead_letter_id), f"dead letter {dead_letter_id}", caller)

    def page(
        self, query: DeadLetterQuery, behind: str | None, caller: Caller
    ) -> tuple[list[Delivery], str | None]:
        """Returns a page of dead letters, newest first.

        Returns:
            The page, and the id after which the next one begins, or None at the end. The page ends
            early after a thousand dead letters were read.
        """
        if query.event_id:
            return self._of_event(query, behind, caller)
        service_id = query.subscriber_id if caller.admin else caller.service_id

        def portions() -> Iterator[Portion[Delivery]]:
            last = _before(behind) if behind else "~"
            while True:
                entries = self.letters.page(service_id, ("0", last), query.limit + 1)
                letters = self.deliveries.get_many([entry.key for entry in entries])
                chosen = {key: each for key, each in letters.items() if query.selects(each)}
                found = ((entry.id, chosen.get(entry.key)) for entry in entries)
                reached = entries[-1].id if len(entries) > query.limit else None
                yield Portion(found, len(entries), reached)
                if reached is None:
                    return
                last = _before(reached)

        return first_page(portions(), query.limit, _READ_BUDGET)

    def retry(self, dead_letter_id: str, caller: Caller) -> Delivery:
        """Retries a dead letter at once, with all the attempts of its policy.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
            Conflict: It is resolved, or its next attempt is on its way.
        """
        letter = self.get(dead_letter_id, caller)
        if letter.dead_letter_status == "resolved":
            raise _resolved(letter)
        # The sweeper sends it later if the message below is lost, because this function crashes.
        reopened = self.letters.reopen(transitions.reopened(letter)) if letter.retriable else None
        if reopened is None:
            raise Conflict(f"The next attempt of {dead_letter_id} is on its way already.")
        self._send([reopened], [0])
        return reopened

    def retry_all(
        self, query: DeadLetterQuery, behind: str | None, caller: Caller
    ) -> tuple[int, str | None]:
        """Retries up to `MAX_BULK` dead letters of a filter.

        A request takes `BULK_SECONDS` at most, because API Gateway waits for 30 seconds. Its
        attempts begin at once, and are spread by `BULK_RATE`.

        Returns:
            The number of dead letters that this request reopened, and the id after which the rest
            begins; None if nothing is left.
        """
        retried, deadline = 0, times.steady() + BULK_SECONDS
        for _ in range(MAX_BULK // _PAGE):
            letters, behind = self.page(query, behind, caller)
            retriable = [each for each in letters if each.retriable]
            # Those that another request reopened first are neither counted here nor sent twice.
            reopened: list[Delivery] = []
            delays: list[int] = []
            for each in retriable:
                delay = (retried + len(reopened)) // BULK_RATE
                if anew := self.letters.reopen(transitions.reopened(each, delay)):
                    reopened.append(anew)
                    delays.append(delay)
            self._send(reopened, delays)
            retried += len(reopened)
            if behind is None or times.steady() > deadline:
                break
        return retried, behind

    def _send(self, letters: Sequence[Delivery], delays: Sequence[int]) -> None:
        """Sends reopened dead letters to their lanes; the next sweep sends what is not taken.

        Args:
            letters: The dead letters.
            delays: The delay of each message, in seconds.
        """
        # Dead letters are retried with the present subscription, which may have been corrected. Its
        # version keeps a lane from using an older copy.
        found = self.subscriptions.get_many({each.key.subscription_id for each in letters})
        versions = {subscription_id: each.version for subscription_id, each in found.items()}
        messages = [
            replace(
                next_message(each),
                subscription_version=versions.get(each.key.subscription_id, 0),
                delay=delay,
            )
            for each, delay in zip(letters, delays, strict=True)
        ]
        try:
            left = {each.key for each in self.lanes.send(messages)}
        except Exception:
            # Some may have been sent: their attempts are recorded before the sweep's message comes.
            logger.exception("retries not sent", dead_letters=len(letters))
            left = {each.key for each in letters}
        for each in letters:
            if each.key in left:
                self.letters.leave_to_sweep(each)

    def discard(self, dead_letter_id: str, caller: Caller) -> None:
        """Discards a dead letter, so that it is not tried again.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
            Conflict: It is resolved.
        """
        letter = self.get(dead_letter_id, caller)
        if letter.dead_letter_status == "resolved":
            raise _resolved(letter)
        discarded = self.letters.discard(transitions.discarded(letter, caller.service_id))
        if discarded is None:
            raise _resolved(letter)
        # In an ordered subscription, the later events of the stream wait. The sweep sends the
        # message that continues the stream if this function does not.
        try:
            self.lanes.send([continuation(discarded)])
            self.deliveries.continued(discarded)
        except Exception:
            logger.exception("stream not continued", dead_letter_id=dead_letter_id)

    def _of_event(
        self, query: DeadLetterQuery, behind: str | None, caller: Caller
    ) -> tuple[list[Delivery], str | None]:
        _, deliveries = self.deliveries.of_event(query.event_id or "")
        letters = [
            each
            for each in _newest_first(deliveries)
            if (caller.admin or each.service_id == caller.service_id)
            and query.selects(each)
            and (behind is None or (each.dead_letter_id or "") < behind)
        ]
        if len(letters) <= query.limit:
            return letters, None
        page = letters[: query.limit]
        return page, page[-1].dead_letter_id


def _resolved(letter: Delivery) -> Conflict:
    return Conflict(
        f"The dead letter {letter.dead_letter_id} is resolved: its event was delivered, or it was "
        "discarded. To deliver the event again, replay it."
    )


def _newest_first(deliveries: Iterable[Delivery]) -> list[Delivery]:
    dead = [each for each in deliveries if each.dead_letter_id]
    return sorted(dead, key=lambda each: each.dead_letter_id or "", reverse=True)


def _before(dead_letter_id: str) -> str:
    # The greatest text that sorts before it: ids are ASCII below "~".
    return dead_letter_id[:-1] + chr(ord(dead_letter_id[-1]) - 1) + "~"
