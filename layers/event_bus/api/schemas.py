"""JSON schemas of models, for the OpenAPI document."""

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Schema = dict[str, Any]

_TEMPLATE = "#/components/schemas/{model}"


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": _TEMPLATE.format(model=name)}


def schemas_of(models: Iterable[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """The schemas of models.

    Args:
        models: Pydantic models, TypedDicts, named types of these, and plain types.

    Returns:
        A schema for each model, which is a reference if it has a name, and the named schemas.
    """
    inputs: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        (model, "validation", TypeAdapter(model)) for model in models
    ]
    found, made = TypeAdapter.json_schemas(
        inputs, ref_template=_TEMPLATE, schema_generator=_Generator
    )
    return {model: schema for (model, _), schema in found.items()}, made.get("$defs", {})


class _Generator(GenerateJsonSchema):
    """Describes TypedDicts as closed objects, and unions of objects as exclusive."""

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        described = super().typed_dict_schema(schema)
        described["additionalProperties"] = False
        described.pop("title", None)
        for member in described.get("properties", {}).values():
            # The title is made of the member's name and adds nothing.
            member.pop("title", None)
        return described

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        described = super().nullable_schema(schema)
        match described:
            case {"anyOf": [{"type": str(kind)} as inner, {"type": "null"}]} if not (
                {"enum", "const", "description"} & inner.keys()
            ):
                return {**inner, "type": [kind, "null"]}
        return described

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        described = super().union_schema(schema)
        members = described.get("anyOf", [])
        if members and all("$ref" in each for each in members):
            # No value fits two of the types.
            return {"oneOf": members}
        return described
