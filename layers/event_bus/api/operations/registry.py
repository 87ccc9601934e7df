"""All operations of the API."""

from event_bus.api.operation import Operation
from event_bus.api.operations import (
    audit_log,
    commands,
    contexts,
    dead_letters,
    event_streams,
    events,
    explanations,
    inbox,
    keys,
    metrics,
    publishers,
    publishing,
    read_models,
    reducers,
    replays,
    schemas,
    status,
    subscribers,
    subscriptions,
)

_SUBJECTS = (
    publishing,
    commands,
    events,
    explanations,
    event_streams,
    reducers,
    read_models,
    replays,
    dead_letters,
    publishers,
    subscribers,
    keys,
    subscriptions,
    schemas,
    contexts,
    inbox,
    audit_log,
    metrics,
    status,
)

OPERATIONS: tuple[Operation, ...] = (
    *(
        each
        for subject in _SUBJECTS
        for each in vars(subject).values()
        if isinstance(each, Operation)
    ),
    *keys.OF_PUBLISHERS.all,
    *keys.OF_SUBSCRIBERS.all,
)
"""Every operation that a subject declares."""
