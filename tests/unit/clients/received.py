"""Events as subscribers receive them, and the secret by which they are signed."""

import base64
from typing import Any

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def received(name: str = "order-1", **metadata: Any) -> dict[str, Any]:
    """An order that was placed."""
    return {
        "id": name,
        "type": "order.placed",
        "source": "shop",
        "timestamp": "2026-05-01T12:00:00.000Z",
        "payload": {"total": 250},
        "metadata": metadata,
    }
