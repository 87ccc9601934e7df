"""The audit log is written, whatever one message of a batch holds."""

from typing import Any

import orjson
import pytest
from event_bus.auditing.entries import entry

from tests.builders import NOON
from tests.handlers import Functions

GOOD = entry("r-1", NOON, "key.create", "shop", "ebk_1", "success")


class Appended:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def append(self, _: str, entries: list[dict[str, Any]]) -> None:
        self.ids += [each["id"] for each in entries]


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "null",
        "[]",
        "{}",
        orjson.dumps({**GOOD, "timestamp": "soon"}).decode(),
        orjson.dumps({**GOOD, "details": "many"}).decode(),
        orjson.dumps({name: each for name, each in GOOD.items() if name != "status"}).decode(),
    ],
)
def test_one_message_that_cannot_be_read_is_kept_alone(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    for name in ("AUDIT_BUCKET", "AUDIT_KEY_ARN", "AUDIT_RETENTION_DAYS"):
        monkeypatch.setenv(name, "30")
    audit = functions.load("audit")
    appended = Appended()
    monkeypatch.setattr(audit, "_appender", appended)
    bodies = [orjson.dumps({**GOOD, "id": "r-0"}).decode(), body, orjson.dumps(GOOD).decode()]
    records = [
        {"eventSource": "aws:sqs", "messageId": f"m-{number}", "body": each}
        for number, each in enumerate(bodies)
    ]
    assert functions.invoke("audit", {"Records": records}) == {
        "batchItemFailures": [{"itemIdentifier": "m-1"}]
    }
    assert appended.ids == ["r-0", "r-1"]
