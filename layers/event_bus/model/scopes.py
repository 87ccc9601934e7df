"""What a key may be limited to: each route of the API asks for one of these scopes."""

from collections.abc import Iterable
from typing import Literal, get_args

Scope = Literal["publish", "read", "receive", "recover", "manage"]
"""`publish` events; `read` events, registrations and dead letters; `receive` events from inboxes;
`recover` by replays and retries; `manage` subscriptions and keys."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


def known(scopes: Iterable[str]) -> frozenset[Scope]:
    """Those of some words that are scopes."""
    return frozenset(SCOPES).intersection(scopes)
