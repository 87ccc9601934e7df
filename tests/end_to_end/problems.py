"""The form of every refusal of the deployed bus."""

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Checks that an answer has an error status, and returns its problem details (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:event-bus:problem:")
    assert document["title"]
    assert document["detail"]
    assert answer.request.url.path.endswith(document["instance"])
    return document
