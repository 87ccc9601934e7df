"""The JSON Schema of the file, made from the OpenAPI document of a bus.

So the file takes what the bus takes, even if the bus is newer than this client.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from event_bus_client.cli.bus_file.text import MAX_FAULTS, FileFault, Node

Schema = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
_SUBSCRIPTION_ID = (
    r"^(sub_[0-9A-HJKMNP-TV-Z]{26}|[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.[A-Za-z0-9_-]{1,63})$"
)
_EVENT_TYPE = r"^[^.*\s]+(\.[^.*\s]+)+$"
_LONGEST_MESSAGE = 300


def file_schema(openapi: Mapping[str, Any]) -> Schema:
    """Returns the JSON Schema of the file.

    Args:
        openapi: The OpenAPI document of a bus.
    """
    components: Mapping[str, Schema] = openapi["components"]["schemas"]
    service_id = components["PublisherRegistration"]["properties"]["service_id"]["pattern"]
    own: dict[str, Schema] = {
        "Publisher": _without(components["PublisherRegistration"], "service_id"),
        "Subscriber": _without(components["SubscriberRequest"]),
        "Schema": _schemas(components),
        "Subscription": _subscriptions(components),
    }
    kinds = {
        "publishers": ("The services that publish, by name.", service_id, "Publisher"),
        "subscribers": (
            "The types that services may receive, by service; without an entry the default of "
            "the deployment holds.",
            service_id,
            "Subscriber",
        ),
        "schemas": ("The schemas of event types, by type.", _EVENT_TYPE, "Schema"),
        "subscriptions": (
            "Who receives what, by an id of your choice: the service, a dot and a name.",
            _SUBSCRIPTION_ID,
            "Subscription",
        ),
    }
    pattern = service_id.rstrip("$") + "/[^/]+$"
    if "ReducerRegistration" in components:
        own["FileReducer"] = {"$ref": f"{_COMPONENTS}ReducerRegistration"}
        said = "The reducers of categories of streams, by the service, a slash and the category."
        kinds["reducers"] = (said, pattern, "FileReducer")
    if "ReadModelRegistration" in components:
        own["FileReadModel"] = {"$ref": f"{_COMPONENTS}ReadModelRegistration"}
        said = "The read models of categories of streams, by the service, a slash and the category."
        kinds["read_models"] = (said, pattern, "FileReadModel")
    definitions = dict(own)
    for name in _reached(own, components):
        definitions[name] = components[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event bus file",
        "description": "What `event-bus apply` registers on a bus.",
        "type": "object",
        "properties": {
            name: {
                "description": said,
                "type": "object",
                "propertyNames": {"pattern": pattern},
                "additionalProperties": {"$ref": f"#/$defs/{definition}"},
            }
            for name, (said, pattern, definition) in kinds.items()
        },
        "additionalProperties": False,
        "$defs": {name: _local(each) for name, each in sorted(definitions.items())},
    }


def faults(file: Node, schema: Schema) -> list[FileFault]:
    """Returns the faults of a file.

    Args:
        file: The file.
        schema: Its schema.
    """
    validator = Draft202012Validator(schema)
    errors = islice(validator.iter_errors(file.value()), MAX_FAULTS)
    return [_fault(file, error) for error in errors]


def _fault(file: Node, error: ValidationError) -> FileFault:
    """Returns the fault behind an error; if there are alternatives, the fault of the best fit."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        alternatives = _alternatives(error)
        if types := _types_of(alternatives):
            detail = f"This must be one of {', '.join(types)}."
            return file.fault(list(alternatives[0].absolute_path), detail)
        error = best_match(alternatives) or error.context[0]
    path = list(error.absolute_path)
    of_name = False
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        unknown = [name for name in error.instance if name not in known]
        path.append(unknown[0])
        of_name = True
        detail = f"This member is not known. Known are: {', '.join(sorted(known))}."
    elif error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        detail = f"The member {missing[0]!r} is missing."
    elif error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        path.append(error.instance)
        of_name = True
        detail = f"This name must match {error.validator_value}."
    elif error.validator == "type":
        kinds = error.validator_value
        wanted = kinds if isinstance(kinds, str) else " or ".join(kinds)
        detail = f"This must be of the type {wanted}, not {_type(error.instance)}."
    else:
        detail = error.message
    return file.fault(path, detail[:_LONGEST_MESSAGE], of_name=of_name)


def _alternatives(error: ValidationError) -> list[ValidationError]:
    """Returns the errors of the alternatives, without those that another `type` is meant for."""
    errors = [each for each in error.context if each.validator_value != "null"]
    wrong = {
        each.schema_path[0]
        for each in errors
        if list(each.path) == ["type"] and each.validator in ("const", "enum")
    }
    meant = [each for each in errors if each.schema_path[0] not in wrong]
    return meant or [each for each in errors if list(each.path) == ["type"]]


def _types_of(alternatives: Sequence[ValidationError]) -> list[str]:
    """Returns the values of `type`, if each alternative demands another one than the file has."""
    found: list[str] = []
    for each in alternatives:
        if list(each.path) != ["type"] or each.validator not in ("const", "enum"):
            return []
        value = each.validator_value
        found += [value] if each.validator == "const" else value
    return found


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {type(None): "null", dict: "object", list: "array", str: "string", int: "integer"}
    return names.get(type(value), "number")


def _without(schema: Schema, *members: str) -> Schema:
    """Returns a schema of an object without some members."""
    properties = {name: each for name, each in schema["properties"].items() if name not in members}
    required = [name for name in schema.get("required", []) if name not in members]
    made = {name: each for name, each in schema.items() if name != "examples"}
    return {**made, "properties": properties, "required": required}


def _subscriptions(components: Mapping[str, Schema]) -> Schema:
    """Returns a subscription, and whether it is paused."""
    made = _without(components["SubscriptionRegistration"], "authentication", "replay_from")
    paused = {
        "type": "boolean",
        "description": "Whether it keeps its events until it is resumed. Without this member, its "
        "status stays as it is.",
    }
    return {**made, "properties": {**made["properties"], "paused": paused}}


def _schemas(components: Mapping[str, Schema]) -> Schema:
    """Returns the latest version of a type's schema, and its settings."""
    version = components["SchemaRegistration"]
    settings = components["SchemaSettingsChange"]["properties"]
    return {
        "title": "Schema",
        "description": "The latest version of a type's schema, and how the bus uses it.",
        "type": "object",
        "properties": {
            **version["properties"],
            "schema": {"$ref": f"{_COMPONENTS}JsonSchema"},
            **{name: _stated(each) for name, each in settings.items()},
        },
        "required": ["schema"],
        "additionalProperties": False,
    }


def _stated(setting: Schema) -> Schema:
    """Returns a setting of a change as a setting that has a default."""
    return next((each for each in setting.get("anyOf", ()) if each.get("type") != "null"), setting)


def _reached(own: Mapping[str, Schema], components: Mapping[str, Schema]) -> Iterator[str]:
    """Yields the names of the components that some schemas refer to, directly or not."""
    waiting = [name for each in own.values() for name in _referred(each)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting += _referred(components[name])


def _referred(schema: Any) -> list[str]:
    return re.findall(rf"{re.escape(_COMPONENTS)}(\w+)", str(schema))


def _local(schema: Any) -> Any:
    """Returns a schema whose references lead into the file's own definitions."""
    if isinstance(schema, dict):
        return {name: _local(each) for name, each in schema.items()}
    if isinstance(schema, list):
        return [_local(each) for each in schema]
    if isinstance(schema, str) and schema.startswith(_COMPONENTS):
        return schema.replace(_COMPONENTS, "#/$defs/")
    return schema
