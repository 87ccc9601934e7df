"""A flow as a diagram of Mermaid (https://mermaid.js.org/syntax/sequenceDiagram.html)."""

from event_bus.querying.flows import Flow

MERMAID = "application/vnd.mermaid"
"""The media type (https://www.iana.org/assignments/media-types/application/vnd.mermaid)."""


def flow_diagram(flow: Flow) -> str:
    """A flow as a sequence diagram (https://mermaid.js.org/syntax/sequenceDiagram.html).

    What happened stands in the order of its time. Names are letters, digits and a few marks, none
    of which means anything to Mermaid where they stand.
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
        for delivery in step.found.all_deliveries():
            to = actor(delivery.service_id)
            again = " (replay)" if delivery.key.replay_id else ""
            for attempt in delivery.log:
                arrow = "-->>" if attempt.code is None else "--x"
                ended = attempt.code or "delivered"
                said = f"{event.id}{again}, attempt {attempt.number}: {ended} "
                line = f"bus{arrow}{to}: {said}in {attempt.duration_ms} ms"
                happened.append((attempt.at, 1, line))
            if delivery.status in ("exhausted", "dropped"):
                note = f"Note over bus,{to}: {event.id}{again} is {delivery.status}"
                happened.append((delivery.updated_at, 2, note))
    lines = ["sequenceDiagram", "participant bus as event bus"]
    lines += [f"participant {alias} as {name}" for name, alias in actors.items()]
    lines += [line for _, _, line in sorted(happened, key=lambda each: each[:2])]
    return "\n    ".join(lines) + "\n"
