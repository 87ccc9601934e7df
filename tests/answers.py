"""Answers of the API, held against the models that the operations declare."""

import re
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from event_bus.api.openapi import read_document
from event_bus.api.operations.registry import OPERATIONS

PROBLEM = "application/problem+json"

# A path without parameters comes before one that has a parameter in the same place.
_TEMPLATES = [
    (re.compile(re.sub(r"{.*?}", "[^/]+", path)), path)
    for path in sorted({each.path for each in OPERATIONS}, key=lambda path: path.count("{"))
]


def template_of(path: str) -> str | None:
    """The path template of the operation behind a path, if there is one."""
    return next((template for form, template in _TEMPLATES if form.fullmatch(path)), None)


def check_answer(
    method: str, template: str | None, status: int, media_type: str, body: Any
) -> None:
    """Fails where an answer is not what the operation declares.

    Args:
        method: The method of the request.
        template: The path template of its operation; None where there is no such operation.
        status: The status code of the answer.
        media_type: The media type of the answer.
        body: The parsed JSON body.
    """
    if status >= 400 and media_type == PROBLEM:
        _validator("#/components/schemas/Problem").validate(body)
        return
    method = "get" if method == "HEAD" else method.lower()
    described = read_document()["paths"].get(template, {}).get(method)
    assert described, f"{method} {template} is answered with {status}, and is no operation"
    content = described["responses"][str(status)].get("content", {})
    if body is None:
        assert not content, f"{method} {template}: {status} has no body"
        return
    escaped = quote(str(template).replace("/", "~1"), safe="~")
    where = quote(media_type.replace("/", "~1"), safe="~")
    _validator(f"#/paths/{escaped}/{method}/responses/{status}/content/{where}/schema").validate(
        body
    )


def check_location(method: str, template: str | None, status: int, located: bool) -> None:
    """Fails where a successful answer has a `Location` that is not declared, or lacks one that is.

    Args:
        method: The method of the request.
        template: The path template of its operation.
        status: The status code of the answer.
        located: Whether the answer has a `Location`.
    """
    declared = any(
        f"{method} {template}" == each.key and status in each.located for each in OPERATIONS
    )
    assert located is declared, f"{method} {template}: {status} has a Location: {located}"


@cache
def _validator(pointer: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**read_document(), "$ref": pointer})
