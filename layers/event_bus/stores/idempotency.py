"""The table of idempotency keys: the request of each, and its answer."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """The request that an idempotency key belongs to.

    Attributes:
        id: The hash of the caller and the key.
        fingerprint: The hash of the request.
        nonce: The source of the id of what the request creates. It stays the same if the request is
            carried out again.
        claimed_by: The request that carries it out, or did so last.
        claimed_until: When another request may carry it out, in Unix seconds.
        expires_at: When the key is forgotten, in Unix seconds.
        answer: The sealed answer; None until there is one.
    """

    id: str
    fingerprint: str
    nonce: str
    claimed_by: str
    claimed_until: int
    expires_at: int
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyStore:
    """Claims idempotency keys and stores answers.

    Attributes:
        table: The table.
    """

    table: Table

    def claim(self, wanted: RequestClaim, now: int) -> RequestClaim:
        """Claims a key, unless another request has it.

        Args:
            wanted: The claim.
            now: The time, in Unix seconds.

        Returns:
            The stored claim: the wanted one, or the one of the other request.
        """
        try:
            self.table.put(
                _item(wanted),
                ConditionExpression="attribute_not_exists(id) OR expires_at <= :now",
                ExpressionAttributeValues={":now": number(now)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return _claim(refusal.standing)
        return wanted

    def take_over(self, before: RequestClaim, wanted: RequestClaim) -> bool:
        """Claims a key again whose request was not answered.

        Returns:
            Whether the key was claimed; False if another request was faster.
        """
        with suppress(ConditionFailed):
            self._update(
                before,
                "SET claimed_by = :by, claimed_until = :until",
                {":by": text(wanted.claimed_by), ":until": number(wanted.claimed_until)},
            )
            return True
        return False

    def answer(self, claim: RequestClaim, sealed: str) -> None:
        """Stores the answer of a request, unless another one has claimed its key since."""
        with suppress(ConditionFailed):
            self._update(claim, "SET answer = :answer", {":answer": text(sealed)})

    def give_up(self, claim: RequestClaim) -> None:
        """Ends a claim whose result is unknown, so that the next request may try again."""
        with suppress(ConditionFailed):
            self._update(claim, "SET claimed_until = :over", {":over": number(0)})

    def release(self, claim: RequestClaim) -> None:
        """Frees the key of a request that was refused and has changed nothing."""
        with suppress(ConditionFailed):
            self.table.delete(
                {"id": text(claim.id)},
                ConditionExpression="claimed_by = :holder",
                ExpressionAttributeValues={":holder": text(claim.claimed_by)},
            )

    def _update(self, held: RequestClaim, expression: str, values: Item) -> None:
        self.table.update(
            {"id": text(held.id)},
            UpdateExpression=expression,
            ConditionExpression="claimed_by = :holder AND attribute_not_exists(answer)",
            ExpressionAttributeValues={":holder": text(held.claimed_by), **values},
        )


def _item(claim: RequestClaim) -> Item:
    return {
        "id": text(claim.id),
        "fingerprint": text(claim.fingerprint),
        "nonce": text(claim.nonce),
        "claimed_by": text(claim.claimed_by),
        "claimed_until": number(claim.claimed_until),
        "expires_at": number(claim.expires_at),
    }


def _claim(item: Mapping[str, Any]) -> RequestClaim:
    return RequestClaim(
        id=item["id"]["S"],
        fingerprint=item["fingerprint"]["S"],
        nonce=item["nonce"]["S"],
        claimed_by=item["claimed_by"]["S"],
        claimed_until=int(item["claimed_until"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        answer=item["answer"]["S"] if "answer" in item else None,
    )
