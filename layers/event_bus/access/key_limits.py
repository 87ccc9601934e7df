"""Compares what keys permit: a key never permits more than the key that created it."""

from dataclasses import replace

from event_bus import times
from event_bus.errors import Fault
from event_bus.model.api_keys import ApiKey
from event_bus.model.scopes import SCOPES


def inherited(key: ApiKey, maker: ApiKey | None) -> ApiKey:
    """Gives a new key the limits of its creator, unless it has its own.

    Args:
        key: The new key.
        maker: The key that creates it; None for an admin's, which has no limits.
    """
    if maker is None:
        return key
    return replace(
        key,
        scopes=maker.scopes if key.scopes is None else key.scopes,
        expires_at=key.expires_at or maker.expires_at,
        rate_limit=key.rate_limit or maker.rate_limit,
    )


def excess(key: ApiKey, maker: ApiKey | None, key_rate: int) -> list[Fault]:
    """Lists how a new key exceeds the limits of the key that creates it.

    Args:
        key: The new key.
        maker: The key that creates it; None for an admin's, which has no limits.
        key_rate: The rate of keys without a rate of their own, in requests a second.

    Returns:
        A fault for each member of the key request that exceeds a limit.
    """
    if maker is None:
        return []
    faults = []
    if not set(maker.scopes or SCOPES).issuperset(key.scopes or SCOPES):
        own = ", ".join(sorted(maker.scopes or ()))
        faults.append(Fault("/scopes", f"must be among those of the key that was sent: {own}"))
    end = maker.expires_at
    if end is not None and (key.expires_at is None or key.expires_at > end):
        detail = f"must not lie after the end of the key that was sent, {times.at(end)}"
        faults.append(Fault("/expires_at", detail))
    rate = maker.rate_limit or key_rate
    if (key.rate_limit or key_rate) > rate:
        detail = f"must not be higher than that of the key that was sent, {rate}"
        faults.append(Fault("/rate_limit", detail))
    return faults
