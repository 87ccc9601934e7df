"""JSON schemas of models, for the OpenAPI document.

The docstring of a model becomes its description. The section "Attributes" of the docstring
describes the members whose types have no description of their own.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Schema = dict[str, Any]

_TEMPLATE = "#/components/schemas/{model}"
_SECTION = "\n\nAttributes:\n"
_ATTRIBUTE = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def ref(name: str) -> Schema:
    """Returns a reference to a schema of the document."""
    return {"$ref": _TEMPLATE.format(model=name)}


def schemas_of(models: Iterable[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Returns the schemas of models.

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
        described = _with_meanings(super().typed_dict_schema(schema), schema["cls"])
        described["additionalProperties"] = False
        described.pop("title", None)
        for member in described.get("properties", {}).values():
            # The title is made of the member's name and adds nothing.
            member.pop("title", None)
        return described

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = _with_meanings(super().model_schema(schema), schema["cls"])
        nullable = getattr(schema["cls"], "nullable", None)
        if nullable is not None:
            for name, member in described.get("properties", {}).items():
                if name not in nullable:
                    _refuse_null(member)
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


def _with_meanings(described: JsonSchemaValue, model: type) -> JsonSchemaValue:
    """Adds to a schema the descriptions of its members from the docstrings of its model."""
    if "description" in described:
        described["description"] = described["description"].partition(_SECTION)[0]
    meanings = dict(meaning for base in _lineage(model) for meaning in _meanings(base))
    for name, member in described.get("properties", {}).items():
        if name in meanings:
            member.setdefault("description", meanings[name])
    return described


def _refuse_null(member: JsonSchemaValue) -> None:
    """Removes null from the schema of a member, which may be left out instead."""
    if isinstance(member.get("type"), list):
        [member["type"]] = [each for each in member["type"] if each != "null"]
    elif {"type": "null"} in member.get("anyOf", []):
        others = [each for each in member.pop("anyOf") if each != {"type": "null"}]
        member.update(others[0] if len(others) == 1 else {"anyOf": others})
    if member.get("default", "") is None:
        del member["default"]


def _lineage(model: type) -> Iterator[type]:
    """Yields the bases of a model, and the model. A TypedDict keeps its bases apart."""
    for base in vars(model).get("__orig_bases__", model.__bases__):
        if isinstance(base, type):
            yield from _lineage(base)
    yield model


def _meanings(model: type) -> Iterator[tuple[str, str]]:
    """Yields the name of each member, as clients see it, and its description in a docstring."""
    attributes = inspect.cleandoc(model.__doc__ or "").partition(_SECTION)[2]
    fields = getattr(model, "model_fields", {})
    for name, meaning in _ATTRIBUTE.findall(attributes):
        alias = fields[name].alias if name in fields else None
        yield alias or name, " ".join(meaning.split())
