"""What the role of a function permits: simulated AWS refuses everything else."""

from tests.service_uses import PAYLOADS, SEALING, SENDERS
from tests.table_uses import ARCHIVING, LANES, TABLES

_READ_ELSEWHERE = {("route", "failures")}
"""The functions that read what a table stream gave up, with the bucket."""


def permitted(function: str, action: str, resource: str, *, archives: bool = False) -> bool:
    """Whether the role of a function permits an action.

    Args:
        function: The function.
        action: The action, with the prefix of its service; a query of an index ends with its name.
        resource: The table, the queue, the bucket and the key of an object, the purpose in the
            encryption context, or the called function.
        archives: Whether old events are archived.
    """
    service, _, name = action.partition(":")
    match service:
        case "dynamodb":
            more = archives and (function, resource) == ("sweep", "events")
            return name in TABLES[function].get(resource, set()) | (ARCHIVING if more else set())
        case "sqs":
            return function in SENDERS[resource]
        case "s3":
            bucket, _, key = resource.partition("/")
            if bucket != "payloads":
                return name == "GetObject" and (function, bucket) in _READ_ELSEWHERE
            uses = PAYLOADS.get(function, set())
            return any(name == each and key.startswith(prefix) for each, prefix in uses)
        case "kms":
            return name in SEALING[resource].get(function, ())
        case _:
            return resource == "enrich" and function in LANES - {"deliver_inbox"}
