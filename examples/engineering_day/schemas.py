"""What the events of the day hold: a schema and an example for each type."""

from typing import Any

from examples.engineering_day.bus import Bus

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TASK: dict[str, Schema] = {
    "task_id": {"type": "string", "pattern": "^task-[0-9]+$"},
    "title": _TEXT,
    "priority": {"enum": ["low", "medium", "high", "critical"]},
    "context_tokens": _COUNT,
}
_WORK: dict[str, Schema] = {"task_id": _TASK["task_id"], "role": {"enum": ["developer", "tester"]}}
_USER: dict[str, Schema] = {"user_id": _TEXT}
_ITEM: dict[str, Schema] = {"item_id": {"type": "string", "pattern": "^lesson-"}}


def _of(required: dict[str, Schema], **optional: Schema) -> Schema:
    """The schema of a payload that has these members, and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": [*required],
        "additionalProperties": False,
    }


SCHEMAS: dict[str, Schema] = {
    "task.created": _of(_TASK),
    "task.updated": _of({"task_id": _TASK["task_id"], "status": _TEXT}, reason=_TEXT),
    "task.assigned": _of(
        {**_TASK, "assignee": {"type": "string", "pattern": "^(role|user):[a-z]+$"}}
    ),
    "task.completed": _of({"task_id": _TASK["task_id"], "title": _TEXT, "completed_by": _TEXT}),
    "task.deleted": _of({"task_id": _TASK["task_id"], "reason": _TEXT}),
    "user.created": _of({**_USER, "name": _TEXT, "team": _TEXT}),
    "user.updated": _of({**_USER, "permissions": {"type": "array", "items": _TEXT}}),
    "user.deleted": _of({**_USER, "reason": _TEXT}),
    "knowledge.item.created": _of({**_ITEM, "text": _TEXT}),
    "knowledge.item.updated": _of({**_ITEM, "text": _TEXT}),
    "knowledge.item.deleted": _of(_ITEM),
    "llm.request.created": _of({**_WORK, "model": _TEXT, "prompt_tokens": _COUNT}),
    "llm.response.received": _of({**_WORK, "files_changed": _COUNT, "completion_tokens": _COUNT}),
    "llm.error.occurred": _of({**_WORK, "code": _TEXT, "message": _TEXT}),
    "role.action.requested": _of({**_WORK, "action": _TEXT}),
    "role.action.completed": _of({**_WORK, "files_changed": _COUNT}),
    "role.action.failed": _of({**_WORK, "reason": _TEXT}),
    "command.generate_code": _of({**_WORK, "instructions": _TEXT, "context_tokens": _COUNT}),
}
"""The schema of each type."""


def register_schemas(admin: Bus) -> None:
    """Registers the schemas, and has the bus refuse events that do not fit them.

    Args:
        admin: The bus, as its admin sees it.
    """
    for event_type, schema in SCHEMAS.items():
        admin.register_schema(event_type, schema)
