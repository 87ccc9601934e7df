"""Overlapping operations of the consumers of inboxes: take events, extend a lease, acknowledge.

What a consumer was answered is certain from then on: its lease holds for so long, and nobody else
takes the events that it covers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from event_bus import times

from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.overlapping_world import OverlappingWorld

INBOX_KINDS = ("take", "take", "acknowledge", "acknowledge_part", "extend", "read_sse")
"""The kinds of operations of consumers of inboxes."""

INBOX_CONTESTS = (
    ("take", "take", "work"),
    ("take", "pull", "take"),
    ("take", "acknowledge", "take"),
    ("acknowledge", "acknowledge_part", "take"),
    ("acknowledge_part", "extend", "take"),
    ("extend", "extend", "pull"),
    ("extend", "acknowledge", "acknowledge"),
    ("publish", "take", "acknowledge"),
    ("delete", "acknowledge", "take"),
    ("connect", "publish", "work"),
    ("connect", "take", "acknowledge"),
    ("pause", "take", "connect"),
    ("read_sse", "work", "work"),
    ("read_sse", "take", "acknowledge"),
    ("read_sse", "delete", "work"),
)
"""Operations that compete for the same inbox."""

_ID, _EVENT = re.compile(r"^id: (\d+)$", re.M), re.compile(r"^id: (\d+)\nevent: (?!eventbus)", re.M)
_LEASE_SECONDS, _EXTENDED_SECONDS = 30, 60


@dataclass(eq=False)
class GivenLease:
    """A lease that a consumer was given.

    Attributes:
        subscription_id: Whose inbox.
        taken: The answer with the lease.
        until: When it ends, if nobody extends it meanwhile, in Unix seconds.
        acknowledged: The place up to which its events are acknowledged.
        ending: How many running operations acknowledge all that it covers.
    """

    subscription_id: str
    taken: dict[str, Any]
    until: float
    acknowledged: int = 0
    ending: int = 0

    @property
    def end(self) -> int:
        """The last place that it covers."""
        return int(self.taken["cursor"])

    def holds(self, now: float) -> bool:
        """Whether nobody else may take what it covers."""
        return self.until > now and self.acknowledged < self.end and not self.ending


class InboxOperations:
    """Operations of consumers; None if there is no inbox or no lease for them."""

    world: OverlappingWorld
    _leases: list[GivenLease]

    def _take(self, choice: int) -> Callable[[], object] | None:
        pulled = [each for each in sorted(self.world.pulled) if each not in self.world.gone]
        if not pulled:
            return None
        subscription_id = pulled[choice % len(pulled)]

        def take() -> None:
            others = self._leases_of(subscription_id)
            status, taken = self.world.insist(
                "inbox",
                "GET /subscriptions/{id}/events",
                ADMIN,
                parameters={"id": subscription_id},
                query={"limit": "3", "lease": str(_LEASE_SECONDS)},
            )
            if status == 200 and taken["items"]:
                if any(each.holds(self.world.now) for each in others):
                    raise Violation(f"{subscription_id} is leased to two consumers")
                self.world.note_taken(subscription_id, taken)
                until = times.seconds(taken["lease_expires_at"])
                self._leases.append(GivenLease(subscription_id, taken, until))

        return take

    def _acknowledge(self, choice: int) -> Callable[[], object] | None:
        """Acknowledges all that a lease covers; an extension of nothing changes nothing."""
        more = {"extend": _EXTENDED_SECONDS} if choice % 2 else {}

        def acknowledge(lease: GivenLease) -> None:
            lease.ending += 1
            if not self._answered(lease, cursor=str(lease.end), **more):
                lease.ending -= 1

        return self._with_lease(choice, acknowledge)

    def _acknowledge_part(self, choice: int) -> Callable[[], object] | None:
        more = {"extend": _EXTENDED_SECONDS} if choice > 1 else {}
        return self._with_lease(
            choice,
            lambda lease: self._answered(lease, cursor=lease.taken["items"][0]["cursor"], **more),
        )

    def _extend(self, choice: int) -> Callable[[], object] | None:
        return self._with_lease(
            choice, lambda lease: self._answered(lease, extend=_EXTENDED_SECONDS)
        )

    def _read_sse(self, choice: int) -> Callable[[], object] | None:
        """Reads an inbox as Server-Sent Events, from its beginning or the acknowledged place."""
        inboxes = [
            each.id
            for each in self.world.subscribed.values()
            if each.request.get("target", {}).get("type") in ("pull", "websocket")
            # Commands that have ended are left out.
            and not each.request.get("handles")
            and each.id not in self.world.gone
        ]
        if not inboxes:
            return None
        subscription_id = inboxes[choice % len(inboxes)]
        begin = self.world.done.get(subscription_id, 0) if choice > 1 else 0

        def read() -> None:
            end, place, read = self._last_place(subscription_id), begin, list[int]()
            while True:
                status, text = self.world.insist(
                    "inbox",
                    "GET /subscriptions/{id}/stream",
                    ADMIN,
                    parameters={"id": subscription_id},
                    query={"wait": "0"},
                    headers={"last-event-id": str(place)},
                )
                if status != 200:
                    if status != 404 or subscription_id not in self.world.gone:
                        raise Violation(f"{subscription_id} was streamed with {status}: {text}")
                    return
                read += [int(each) for each in _EVENT.findall(text)]
                last = int(_ID.findall(text)[-1])
                if last >= end or last <= place:
                    break
                place = last
            self._check_read_places(subscription_id, read, range(begin + 1, end + 1))

        return read

    def _last_place(self, subscription_id: str) -> int:
        places = [
            place for owner, place in self.world.tables.items["inbox"] if owner == subscription_id
        ]
        return max(map(int, places), default=0)

    def _check_read_places(self, subscription_id: str, read: list[int], owed: range) -> None:
        gone = self.world.places_that_expired(subscription_id)
        missing = set(owed).difference(read, gone)
        if missing or read != sorted(set(read)):
            raise Violation(f"{read} were streamed of {subscription_id}, without {missing}")

    def _answered(self, lease: GivenLease, **asked: Any) -> bool:
        """Sends an acknowledgement, and notes what it was answered; returns whether it was done."""
        subscription_id, begun = lease.subscription_id, self.world.now
        body = {"lease": lease.taken["lease"], **asked}
        status, _ = self.world.insist(
            "inbox",
            "POST /subscriptions/{id}/ack",
            ADMIN,
            body,
            parameters={"id": subscription_id},
        )
        if status != 204:
            certain = lease.until > self.world.now and lease.acknowledged < lease.end
            if certain and not lease.ending and subscription_id not in self.world.gone:
                raise Violation(f"{asked} of a lease that holds was answered {status}")
            return False
        place = int(asked.get("cursor", 0))
        lease.acknowledged = max(lease.acknowledged, place)
        done = self.world.done
        done[subscription_id] = max(done.get(subscription_id, 0), place)
        if "extend" in asked and place < lease.end:
            lease.until = max(lease.until, begun + asked["extend"])
        return True

    def _with_lease(
        self, choice: int, work: Callable[[GivenLease], object]
    ) -> Callable[[], object] | None:
        leases = [each for each in self._leases if each.subscription_id not in self.world.gone]
        if not leases:
            return None
        lease = leases[-1 - choice % min(len(leases), 2)]
        return lambda: work(lease)

    def _leases_of(self, subscription_id: str) -> list[GivenLease]:
        return [each for each in self._leases if each.subscription_id == subscription_id]
