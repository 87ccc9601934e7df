"""The cost of a deployment in a month without events.

Resources are counted in the templates, the calls of every minute on the wire; at list prices. Run
it with `python -m benchmarks.standing`; it takes about a minute.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from event_bus.requests.fetching import SSE_WAIT_SECONDS
from event_bus_client.conversation import IDLE_SECONDS
from rich.console import Console
from rich.table import Table

from benchmarks import prices
from benchmarks.bill import price_of
from benchmarks.metered.bus import MeteredBus, metered_bus
from benchmarks.sharing import folders
from localstack.assembly import assembly

SWEEPS = 10
"""The number of measured sweeps."""

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: five pollers, each of
# which asks an empty queue once in 20 seconds.
_POLLS_A_MINUTE = 15

# How often a waiting request checks for new events.
_LOOKS_A_SECOND = 2
_INBOX_MEMORY_MB = 512

_MONTHLY = {
    "AWS::CloudWatch::Alarm": ("alarms", prices.ALARM_MONTH),
    "AWS::CloudWatch::Dashboard": ("the dashboard", prices.DASHBOARD_MONTH),
    "AWS::KMS::Key": ("keys of KMS", prices.KMS_KEY_MONTH),
    "AWS::SecretsManager::Secret": ("secrets", prices.SECRET_MONTH),
}

Standing = dict[str, tuple[float, float]]
"""The count and the dollars of a month, by what is charged."""


def standing(templates: Path) -> Standing:
    """Returns the charges of a month in which nothing is used.

    Args:
        templates: The folder of the templates.
    """
    counted: Counter[str] = Counter()
    polled = 0
    for template in templates.glob("*.template.json"):
        for resource in json.loads(template.read_text())["Resources"].values():
            counted[resource["Type"]] += 1
            polled += _polls(resource)
    found: Standing = {
        name: (counted[kind], counted[kind] * each) for kind, (name, each) in _MONTHLY.items()
    }
    polls = polled * _POLLS_A_MINUTE * prices.MONTH_MINUTES
    return {**found, "queues that Lambda polls": (polled, polls * prices.SQS_REQUEST)}


def _polls(resource: Mapping[str, Any]) -> bool:
    # Only streams have a starting position, and Lambda polls streams free of charge.
    source = resource["Type"] == "AWS::Lambda::EventSourceMapping"
    return source and "StartingPosition" not in resource["Properties"]


def listening(memory_mb: int) -> float:
    """Returns a month's dollars for a client that follows an empty inbox by Server-Sent Events.

    Args:
        memory_mb: The memory of the waiting function.
    """
    requests = prices.MONTH_MINUTES * 60 / SSE_WAIT_SECONDS
    request = (
        prices.HTTP_API_REQUEST
        # The authorizer's call, and that of the function that waits.
        + 2 * prices.FUNCTION_CALL
        + memory_mb / 1024 * SSE_WAIT_SECONDS * prices.GB_SECOND
        + SSE_WAIT_SECONDS * _LOOKS_A_SECOND * prices.READ_UNIT
    )
    return requests * request


def connected(subscriptions: int = 1) -> float:
    """Returns a month's dollars for a client that follows empty inboxes by a WebSocket.

    Args:
        subscriptions: How many subscriptions the connection follows.
    """
    pings = prices.MONTH_MINUTES * 60 / IDLE_SECONDS
    # The ping and its answer; the key and the list of subscriptions; for each subscription, where
    # the client and the inbox are. The function runs for some milliseconds.
    ping = (
        2 * prices.WEBSOCKET_MESSAGE
        + prices.FUNCTION_CALL
        + (2 + 2 * subscriptions) * prices.READ_UNIT
    )
    return prices.MONTH_MINUTES * prices.WEBSOCKET_MINUTE + pings * ping


def swept(metered: MeteredBus) -> float:
    """Returns a month's dollars for the sweeper's requests to AWS, on a bus without events."""
    client: Any = metered.bus.client("lambda")
    [name] = [name for name, folder in folders(client).items() if folder == "sweep"]
    # The first sweep also does what is done once an hour.
    client.invoke(FunctionName=name, Payload=b"{}")
    metered.wire.take()
    for _ in range(SWEEPS):
        client.invoke(FunctionName=name, Payload=b"{}")
    calls = [call for call in metered.wire.take() if call.function == "sweep"]
    return (sum(map(price_of, calls)) / SWEEPS + prices.FUNCTION_CALL) * prices.MONTH_MINUTES


def main() -> None:
    """Counts, and prints the table."""
    found = standing(assembly())
    with metered_bus() as metered:
        found["the sweeper, every minute"] = (1, swept(metered))
    table = Table("", title=f"A month without events ({prices.AS_OF})")
    table.add_column("count", justify="right")
    table.add_column("dollars", justify="right")
    for name, (count, dollars) in found.items():
        table.add_row(name, f"{count:.0f}", f"{dollars:.2f}")
    table.add_row("all", "", f"{sum(dollars for _, dollars in found.values()):.2f}")
    for name, dollars in (
        ("a client that follows by Server-Sent Events", listening(_INBOX_MEMORY_MB)),
        ("a client that follows by a WebSocket", connected()),
    ):
        table.add_row(name, "1", f"{dollars:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
