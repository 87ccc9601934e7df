"""The generated page shows every operation and every schema, with links that lead somewhere."""

import re

from event_bus.api.openapi import read_document

from website.operations import operations_page

DOCUMENT = read_document()
PAGE = operations_page(DOCUMENT)


def test_every_operation_is_shown() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert set(re.findall(r"^### ([A-Z]+ /\S*)$", PAGE, re.MULTILINE)) == described


def test_every_webhook_is_shown() -> None:
    shown = re.findall(r"^### [A-Z]+ to an endpoint: (\S+)$", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(DOCUMENT["webhooks"])
    assert "| `webhook-signature` (required) | header | string |" in PAGE


def test_links_lead_to_schemas() -> None:
    shown = {name.lower() for name in re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", PAGE)) <= shown
    assert shown == {name.lower() for name in DOCUMENT["components"]["schemas"]}


def test_an_operation_shows_parameters_bodies_and_answers() -> None:
    document = {
        "tags": [{"name": "Cakes", "description": "Bake."}],
        "paths": {
            "/cakes/{id}": {
                "put": {
                    "tags": ["Cakes"],
                    "summary": "Bake a cake.",
                    "x-scope": "bake",
                    "parameters": [
                        {
                            "name": "id",
                            "in": "path",
                            "required": True,
                            "description": "Which|one.",
                            "schema": {"type": "string", "minLength": 1, "maxLength": 9},
                        },
                        {
                            "name": "most",
                            "in": "query",
                            "description": "How many.",
                            "schema": {"type": "integer", "default": 5},
                        },
                    ],
                    "x-admin": True,
                    "requestBody": {
                        "content": {"text/plain": {"schema": {"$ref": "#/components/schemas/Cake"}}}
                    },
                    "responses": {"422": {"$ref": "#/components/responses/Burnt"}},
                }
            }
        },
        "components": {
            "responses": {"Burnt": {"description": "It is burnt."}},
            "schemas": {
                "Cake": {
                    "required": ["layers"],
                    "properties": {
                        "layers": {
                            "type": "array",
                            "items": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        },
                        "iced": {"type": "boolean", "default": False},
                        "eaten_at": {"type": ["string", "null"], "format": "date-time"},
                        "tin": {"$ref": "#/components/schemas/Tin"},
                    },
                },
                "Tin": {"type": "object", "description": "Where it is baked."},
            },
        },
    }
    page = operations_page(document)
    assert "### PUT /cakes/{id}\n\nBake a cake.\n\nScope: `bake` of an admin key." in page
    assert (
        "| `id` (required) | path | string (not empty, at most 9 characters) | Which\\|one. |"
        in page
    )
    assert "Body (`text/plain`): [Cake](#cake)" in page
    assert "| 422 | It is burnt. |  |" in page
    assert "| `layers` (required) | list of string or null |  |" in page
    assert "| `iced` | boolean | Default: `false`. |" in page
    assert "| `most` | query | integer | How many. Default: `5`. |" in page
    assert "| `eaten_at` | timestamp or null |  |" in page
    assert "| `tin` | [Tin](#tin) | Where it is baked. |" in page
