"""A flow as a diagram of Mermaid (https://mermaid.js.org/syntax/sequenceDiagram.html)."""

from collections import Counter

from event_bus.model.delivery import Attempt
from event_bus.querying.flows import Flow

MERMAID = "application/vnd.mermaid"
"""The media type (https://www.iana.org/assignments/media-types/application/vnd.mermaid)."""


def flow_diagram(flow: Flow) -> str:
    """Returns a flow as a sequence diagram (https://mermaid.js.org/syntax/sequenceDiagram.html).

    Steps are in the order of their times. Ids, types and names of services are not escaped: their
    characters have no meaning to Mermaid.
    """
    happened: list[tuple[str, int, str]] = []
    actors: dict[str, str] = {}

    def actor(name: str) -> str:
        return actors.setdefault(name, f"s{len(actors)}")

    for step in flow.steps:
        event = step.found.event
        because = f", caused by {step.cause}" if step.cause else ""
        said = f"{event.type} {event.id}{because}"
        happened.append((event.created_at, 0, f"{actor(event.source)}->>bus: {said}"))
        deliveries = step.found.all_deliveries()
        subscriptions = {(each.service_id, each.key.subscription_id) for each in deliveries}
        of_service = Counter(service_id for service_id, _ in subscriptions)
        for delivery in deliveries:
            to = actor(delivery.service_id)
            said = f"{event.id} (replay)" if delivery.key.replay_id else event.id
            if of_service[delivery.service_id] > 1:
                said += f" for {delivery.key.subscription_id}"
            happened += [(each.at, 1, f"bus{_attempt(each, to, said)}") for each in delivery.log]
            if delivery.status in ("exhausted", "dropped"):
                note = f"Note over bus,{to}: {said} is {delivery.status}"
                happened.append((delivery.updated_at, 2, note))
    lines = ["sequenceDiagram", "participant bus as event bus"]
    lines += [f"participant {alias} as {name}" for name, alias in actors.items()]
    lines += [line for _, _, line in sorted(happened, key=lambda each: each[:2])]
    return "\n    ".join(lines) + "\n"


def _attempt(attempt: Attempt, to: str, said: str) -> str:
    arrow = "-->>" if attempt.code is None else "--x"
    status = f" {attempt.status_code}" if attempt.code and attempt.status_code else ""
    ended = f"{attempt.code or 'delivered'}{status}"
    return f"{arrow}{to}: {said}, attempt {attempt.number}: {ended} in {attempt.duration_ms} ms"
