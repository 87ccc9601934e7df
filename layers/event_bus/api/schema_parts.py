"""What the JSON schemas of the OpenAPI document are put together from."""

from typing import Any

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object of these members, and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def array(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def nullable(kind: str, **more: Any) -> Schema:
    """A value of a type, or null."""
    return {"type": [kind, "null"], **more}


def or_null(schema: Schema) -> Schema:
    """A value of a schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def page(of: str) -> Schema:
    """A page of a list."""
    return members(
        {
            "items": array(ref(of)),
            "next_cursor": nullable(
                "string",
                description="Ask for the next page with it; null at the end. A page may be short, "
                "even empty, and not the last.",
            ),
        }
    )


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MEASURE: Schema = {"type": "number", "minimum": 0}
TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, UTC, with milliseconds.",
}
NULLABLE_TIME: Schema = or_null(TIME)
NULLABLE_TEXT = nullable("string")
PATTERNS = array(TEXT)
