"""The findings of `event-bus doctor`: what fails, why, and the command to type."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from event_bus_client.cli.options import counted

Document = Mapping[str, Any]
Severity = Literal["error", "warning", "info"]

KEY_ENDS_WITHIN = timedelta(days=14)
"""How long before its end a key is reported."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far the clocks may differ. The bus may show a check that is 5 seconds old."""

_URGENT = timedelta(days=1)


@dataclass(frozen=True)
class Finding:
    """Something that fails, or soon will.

    Attributes:
        severity: `error` if events do not arrive or a check failed, `warning` if they soon may not,
            `info` if something was not checked.
        code: The kind of finding; it does not change between versions.
        what: What fails.
        why: Why, as far as the bus knows.
        advice: What to do.
        commands: The commands to type for it.
    """

    severity: Severity
    code: str
    what: str
    why: str = ""
    advice: str = ""
    commands: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns the finding as JSON."""
        return {**asdict(self), "commands": list(self.commands)}


_ENDPOINT = "Repair the endpoint."
_TLS = "Check the TLS settings of the endpoint, such as its cipher suites and server names."
_AUTHORITY = "Give the endpoint a certificate of a public authority"
_LANE = "Read the log of the function that delivers."
_ADVICE: dict[str, str] = {
    "http_status": "Read the answer of the endpoint in an attempt, and repair the endpoint.",
    "timeout": "Let the endpoint answer 2xx first and work later, or the function return sooner; "
    "or raise the timeout of the retry policy.",
    "circuit_open": _ENDPOINT,
    "connection_refused": "Start the endpoint, or correct the URL of the subscription.",
    "connection_broken": _ENDPOINT,
    "connect_timeout": "Check the host and its firewall, or correct the URL of the subscription.",
    "name_not_resolved": "Correct the host in the URL of the subscription, or its DNS.",
    "address_forbidden": "Use a host with a public address, or ask an admin to permit its network.",
    "access_denied": "Give the bus the right to the target again: its tag, or the role's policy.",
    "not_permitted": "Ask an admin to give the service the type.",
    "enrichment_failed": "Correct the source that the message names.",
    "transform_failed": "Correct the transform of the subscription.",
    "upcast_failed": "Correct the upcast of the schema version.",
    "subscription_disabled": "Correct why it was disabled.",
    "too_many_hops": "Two services cause each other's events: break the loop.",
    "function_crashed": _LANE,
    "event_unreadable": "Restore the object of the archive that the log names.",
    "message_refused": "Read the log of the function `route`, `replay` or `sweep`.",
    "stream_passed": "Later events of the stream were delivered before.",
    "invalid_answer": "Answer with valid HTTP/1.1; the message names the fault.",
    "ipv6_unreachable": "Use a host that also has an IPv4 address.",
    "tls_certificate_expired": "Renew the certificate of the endpoint.",
    "tls_certificate_not_yet_valid": "Give the endpoint a certificate that is valid now.",
    "tls_certificate_self_signed": f"{_AUTHORITY}.",
    "tls_certificate_untrusted": f"{_AUTHORITY}, and let it send the intermediate ones.",
    "tls_certificate_wrong_host": "Use a certificate for the host in the URL, or correct the URL.",
    "tls_certificate_invalid": "Replace the certificate of the endpoint.",
    "tls_not_spoken": "Turn on TLS at the endpoint, or correct the port in the URL.",
    "tls_version_unsupported": "Turn on TLS 1.2 or later at the endpoint.",
    "tls_client_certificate_required": "Let the endpoint ask for no client certificate, and "
    "verify the signature of each request.",
    "tls_failed": _TLS,
    "target_not_found": "Create the target again, or name another one in the subscription.",
    "target_refused": "Correct what the message names.",
    "throttled": "Raise the quota of the target, or limit the attempts of the subscription.",
    "function_error": "Read the log of your function, and correct it.",
    "reply_refused": "Return a valid reply; the message names the fault.",
    "reply_not_stored": _LANE,
    "inbox_not_filled": _LANE,
    "payload_not_opened": _LANE,
    "schema_not_read": _LANE,
    "expression_not_evaluated": _LANE,
    "secret_not_opened": "Replace the secret if the message says that it is damaged; otherwise an "
    "admin corrects the access to the KMS key.",
}

_SOONER = {"lambda": "Let the function return sooner, or invoke it with `async`."}
"""What to do about slow answers, by the type of the target, unless it is an endpoint."""

_RETRY = "Then retry."
_ENDS: dict[str, str] = {
    "too_many_hops": "Then discard these, or retry them if the chain was intended.",
    "stream_passed": "Retry these if the events may arrive out of order, or discard them.",
}
"""What to do with dead letters in the end, by the code, unless it is to retry them."""

DELETED = "deleted"
"""Stands for the status of a subscription that no longer exists."""


def advice_for(code: str) -> str:
    """Returns what to correct, for the code of a failed attempt."""
    return _ADVICE.get(code, _TLS if code.startswith("tls_") else _ENDPOINT)


def observed(check: Document) -> str:
    """Returns what a health check observed, such as `3 s`; empty if it does not say."""
    return f"{check.get('observedValue', '')} {check.get('observedUnit', '')}".strip()


def of_health(health: Document) -> Iterator[Finding]:
    """Yields the findings from the health checks of the bus."""
    for name, check in health.get("checks", {}).items():
        if check["status"] == "pass":
            continue
        yield Finding(
            "error" if check["status"] == "fail" else "warning",
            "health",
            f"The check {name} says {check['status']}.",
            str(check.get("output") or observed(check)),
            "Look at the alarms and logs of this part; the guide “Monitor” names them.",
            ("event-bus status",),
        )


def of_clock(health: Document, now: datetime) -> Iterator[Finding]:
    """Yields a finding if this machine's clock differs from that of the bus."""
    times = [_time(each["time"]) for each in health.get("checks", {}).values() if "time" in each]
    skew = now - max(times) if times else timedelta()
    if abs(skew) > CLOCK_SKEW:
        place = "ahead of" if skew > timedelta() else "behind"
        yield Finding(
            "warning",
            "clock_skew",
            f"This machine's clock is {abs(skew.total_seconds()):.0f} s {place} that of the bus.",
            "Webhooks that are verified here count as too old from 300 s on.",
            "Set the clock by NTP.",
            ("timedatectl status",),
        )


def of_failing(failing: Document) -> Iterator[Finding]:
    """Yields a finding for each subscription whose last attempt failed."""
    for each in failing["items"]:
        error = each["last_error"] or {"code": "", "message": "unknown"}
        is_open = each["circuit"]["state"] != "closed"
        waiting = f"; waiting deliveries: {each['waiting']}" if each["waiting"] else ""
        probe = each["circuit"]["next_probe_at"]
        paused = f" Its circuit is open; the next probe is at {probe}." if is_open else ""
        follows = " The bus tries again by itself." if each["status"] == "active" else ""
        yield Finding(
            "error",
            "circuit_open" if is_open else "failing",
            f"{_named(each['subscription_id'], each)} has failed since {each['failing_since']}: "
            f"{counted(each['attempts'], 'attempt')}{waiting}.",
            f"{error['message']}.{paused}",
            f"{advice_for(error['code'])}{follows}",
            (
                f"event-bus dead-letters list --subscription {each['subscription_id']}",
                f"event-bus subscriptions get {each['subscription_id']}",
            ),
        )
    more = failing["total"] - len(failing["items"])
    if more > 0:
        yield Finding(
            "error",
            "failing",
            f"{more} more subscriptions fail.",
            commands=("event-bus subscriptions list --failing",),
        )


def of_subscriptions(subscriptions: Iterable[Document]) -> Iterator[Finding]:
    """Yields a finding for each subscription that receives nothing, or slowly."""
    for each in subscriptions:
        resume = (f"event-bus subscriptions resume {each['id']}",)
        if each["status"] == "disabled":
            yield Finding(
                "error",
                "disabled",
                f"{_named(each['id'], each)} is disabled and receives nothing.",
                each["disabled_reason"] or "A request disabled it.",
                "Correct the cause, then resume it; or delete it.",
                resume,
            )
        elif each["status"] == "paused":
            backlog = each["backlog"] or {}
            waits = f"Waiting events: {backlog['events']}." if "events" in backlog else ""
            yield Finding(
                "warning",
                "paused",
                f"{_named(each['id'], each)} has been paused since {each['paused_at']}.",
                waits,
                "Resume it when its service can take the events.",
                resume,
            )
        elif each["pace"]["state"] == "slow":
            yield Finding(
                "warning",
                "slow",
                f"{_named(each['id'], each)} has answered slowly since {each['pace']['since']}.",
                "Its deliveries go over the slow lane.",
                _SOONER.get(each["target"]["type"], "Answer 2xx first and work later."),
                (f"event-bus subscriptions get {each['id']}",),
            )


def of_dead_letters(
    letters: Sequence[Document], statuses: Mapping[str, str], most: int
) -> Iterator[Finding]:
    """Yields findings on dead letters that wait for a person, by subscription and error.

    Args:
        letters: The dead letters, the newest first.
        statuses: The status of subscriptions, as far as it is known, by their id; `DELETED` for
            those that no longer exist.
        most: How many dead letters were looked at, at most.
    """
    counts = Counter((each["subscription_id"], _code(each)) for each in letters)
    # The newest come first in the list.
    newest = {(each["subscription_id"], _code(each)): each for each in reversed(letters)}
    at_least = "at least " if len(letters) >= most else ""
    for (subscription, code), count in counts.most_common():
        letter, status = newest[subscription, code], statuses.get(subscription, "active")
        message = (letter["error"] or {}).get("message", "unknown")
        need = "needs" if count == 1 else "need"
        yield Finding(
            "error",
            "dead_letters",
            f"{at_least}{counted(count, 'dead letter')} of {subscription} {need} you ({code}).",
            f"The newest: {message}.",
            _way_out(code, status),
            tuple(_ways_out(letter, code, status)),
        )


def _way_out(code: str, status: str) -> str:
    """Returns what to do with dead letters, by their code and the status of their subscription."""
    match status:
        case "deleted":
            return (
                "The subscription was deleted, so a retry would deliver nothing: discard these. To "
                "bring an event to another subscription, replay it: event-bus replay EVENT_ID "
                "--subscription ID."
            )
        case "disabled":
            advice = f"{advice_for(code)} The subscription is disabled: resume it first."
        case "paused":
            advice = f"{advice_for(code)} The subscription is paused: a retry waits for its resume."
        case _ if code == "subscription_disabled":
            return "The subscription is no longer disabled: retry these."
        case _:
            advice = advice_for(code)
    return f"{advice} {_ENDS.get(code, _RETRY)}"


def _ways_out(letter: Document, code: str, status: str) -> Iterator[str]:
    """Yields the commands for dead letters, by the status of their subscription."""
    subscription = letter["subscription_id"]
    chosen = f"--subscription {subscription} --code {code} --dry-run"
    yield f"event-bus dead-letters get {letter['id']}"
    if status in ("disabled", "paused"):
        yield f"event-bus subscriptions resume {subscription}"
    if status != DELETED:
        yield f"event-bus dead-letters retry {chosen}"
    yield f"event-bus dead-letters discard {chosen}"


def of_unrouted(events: Sequence[Document]) -> Iterator[Finding]:
    """Yields a finding if events that were stored minutes ago are not routed yet."""
    for each in events[:1]:
        yield Finding(
            "error",
            "unrouted",
            f"Events have waited to be routed since {each['created_at']} or longer.",
            "The router is behind, or cannot read one of them.",
            "Ask an admin to read the log of the function `route`; the sweeper routes them again.",
            (f"event-bus events get {each['id']}", "event-bus status"),
        )


def of_keys(keys: Iterable[Document], now: datetime, own: str | None) -> Iterator[Finding]:
    """Yields a finding for each key that ends soon.

    Args:
        keys: The keys.
        now: The time.
        own: The id of the key in use, where it shows one.
    """
    for each in keys:
        ends = each["expires_at"] and _time(each["expires_at"])
        if not ends or not timedelta() < ends - now <= KEY_ENDS_WITHIN:
            continue
        used = each["last_used_at"]
        if each["replaced_by"] and not (used and now - _time(used) < _URGENT):
            continue
        ours = " (the one in use here)" if each["id"] == own else ""
        yield Finding(
            "error" if ends - now < _URGENT else "warning",
            "key_ends",
            f"The key {each['id']} of {each['service_id']}{ours} ends at {each['expires_at']}.",
            f"{each['replaced_by']} replaced it, and it is still used."
            if each["replaced_by"]
            else "",
            *_renewal(each),
        )


def _renewal(key: Document) -> tuple[str, tuple[str, ...]]:
    """Returns what to do about a key that ends, and the commands for it."""
    listed = f"event-bus keys list {key['service_id']}"
    if key["replaced_by"]:
        return "Give the service the new key before that time.", (listed,)
    if key["type"] != "api_key":
        return (
            "An admin creates a key for a new certificate, role or user; or revokes this key, and "
            "creates it again with a later end.",
            (listed,),
        )
    # A rotation would keep the end.
    scopes = "".join(f" --scope {each}" for each in key["scopes"] or ())
    return (
        "Let an admin create another key without this end, and give it to the service before that "
        "time. A rotated key would end at the same time.",
        (f"event-bus keys create {key['service_id']}{scopes}",),
    )


def _named(subscription_id: str, subscription: Document) -> str:
    return f"{subscription['service_id']} “{subscription['name']}” ({subscription_id})"


def _code(letter: Document) -> str:
    return str((letter["error"] or {}).get("code", "unknown"))


def _time(text: str) -> datetime:
    # Python 3.10 reads no Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
