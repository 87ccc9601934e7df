"""The scopes of keys; each route of the API requires one of them."""

from collections.abc import Iterable
from typing import Literal, get_args

Scope = Literal["publish", "read", "receive", "recover", "manage"]
"""`publish` events; `read` events, registrations and dead letters; `receive` events from inboxes;
`recover` by replays and retries; `manage` subscriptions and keys."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


def known(scopes: Iterable[str]) -> frozenset[Scope]:
    """Returns those words that are scopes."""
    return frozenset(SCOPES).intersection(scopes)
