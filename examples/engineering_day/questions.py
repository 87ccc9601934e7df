"""Questions to the bus after the day: a state, why an event did not come, what a pause keeps."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from event_bus_client import EventBus, EventBusError, path

from examples.engineering_day.bus import Address, Bus, DayError
from examples.engineering_day.cast import CAST
from examples.engineering_day.ledger import Published
from examples.engineering_day.screen import Screen

_WAIT_SECONDS = 20
_PULLS = 5
_TYPE = "demo.order.placed"
_TEMPLATE = {
    "input_paths_map": {"who": "$.payload.customer", "total": "$.payload.total"},
    "input_template": '{"text": "<who> ordered for <total>"}',
}
_STATES: tuple[dict[str, str], ...] = (
    {},
    {"assignee": "role:developer"},
    {"assignee": "role:developer", "completed_by": "developer"},
)
_ROLES = {role.service_id: role for role in CAST}


def states(screen: Screen, manager: Bus, correlation_id: str) -> None:
    """Reads the state of a task after each of its events.

    Args:
        screen: Where they are shown.
        manager: The bus, as the task manager sees it.
        correlation_id: The correlation id of the task, by which its stream is named.

    Raises:
        DayError: A state is not what the events say.
    """
    screen.heading(
        "The task after each of its events: GET /streams/state?stream_id=task/...&at_version="
    )
    for version, expected in enumerate(_STATES, 1):
        whole = manager.state(f"task/{correlation_id}", version)
        state = {name: whole[name] for name in ("assignee", "completed_by") if name in whole}
        if state != expected:
            raise DayError(f"the state of {correlation_id} at version {version} is {whole}")
        screen.say(f"  {version}  {whole['title']} {json.dumps(state)}")


def why_not(
    screen: Screen, address: Address, entries: Sequence[Published], subscriptions: Mapping[str, str]
) -> None:
    """Asks why the first event that a filter excluded did not come.

    Args:
        screen: Where the answer is shown.
        address: The bus.
        entries: What was published.
        subscriptions: The services of the day's subscriptions, by subscription.

    Raises:
        DayError: The bus does not say why.
    """
    kept_back = next(entry for entry in entries if entry.filtered)
    called = path("/events/{}/matches", kept_back.id)
    with EventBus(address.url, address.admin_key) as bus:
        matches = [
            each
            for each in _asked(bus, "GET", called, query={"limit": 100})["items"]
            if each["subscription_id"] in subscriptions
        ]
    screen.heading(f"Why didn't I get it? GET /events/{{id}}/matches of {kept_back.event['type']}")
    for each in matches:
        reason = "matched" if each["matched"] else each["reason"]["detail"]
        screen.line(_ROLES[each["service_id"]], reason)
    silent = {each["service_id"] for each in matches if not each["matched"]}
    if not {role.service_id for role in kept_back.filtered} <= silent:
        raise DayError(f"the bus does not say why {kept_back.id} was kept back")


def pause_and_resume(screen: Screen, address: Address) -> None:
    """Pauses a subscription, publishes, and resumes it; a template shapes what comes.

    Raises:
        DayError: What was published during the pause does not come.
    """
    screen.heading("A pause keeps what is published, and a template says what is sent")
    with EventBus(address.url, address.admin_key) as bus:
        asked = {
            "service_id": "report",
            "event_types": [_TYPE],
            "target": {"type": "pull"},
            "transform": {"template": _TEMPLATE},
        }
        own = path("/subscriptions/{}", _asked(bus, "POST", "/subscriptions", body=asked)["id"])
        try:
            _asked(bus, "PATCH", own, body={"status": "paused"})
            screen.say("  PATCH /subscriptions/{id}  status: paused")
            bus.publish(_TYPE, {"customer": "Ada", "total": 250})
            screen.say(f"  POST /events  {_TYPE}")
            _asked(bus, "PATCH", own, body={"status": "active"})
            screen.say("  PATCH /subscriptions/{id}  status: active")
            items: list[dict[str, Any]] = []
            for _ in range(_PULLS):
                items = _asked(bus, "GET", f"{own}/events", query={"wait": _WAIT_SECONDS})["items"]
                if items:
                    break
        finally:
            _asked(bus, "DELETE", own)
    received = [each["event"] for each in items]
    if received != [{"text": "Ada ordered for 250"}]:
        raise DayError(f"after the pause came {received}")
    screen.say(f"  GET /subscriptions/{{id}}/events  {received[0]['text']}")


def _asked(bus: EventBus, method: str, called: str, **more: Any) -> Any:
    try:
        return bus.call(method, called, **more)
    except EventBusError as error:
        raise DayError(str(error)) from error
