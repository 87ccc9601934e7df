"""The executions that the bus reserves in the account, by function.

Requests that wait for events must not take the executions of functions that publish, route and
deliver. A reservation is a guarantee and a limit at once.
"""

from event_bus.queues.message import ENRICH, PACED_KINDS, lane_name
from event_bus.targets.registry import TARGETS

from infra.settings import DeploymentSettings

# An execution of the authorizer or of publishing takes some 20 ms; a cold one ten times as long.
_REQUEST_SECONDS = 0.05

UNROUTABLE_CONCURRENCY = 4
"""How many executions of the router handle the queue of unroutable events in parallel."""

# Four shards of the table stream with four batches each.
_ROUTE = 16 + UNROUTABLE_CONCURRENCY
_SWEEP = 2


def lanes() -> list[str]:
    """Returns the names of all lanes, main ones first."""
    paced = [lane for lane in TARGETS.lanes if TARGETS.of_lane(lane).settings.paced]
    return [*TARGETS.lanes, *(lane_name(each, kind) for kind in PACED_KINDS for each in paced)]


def lane_concurrency(lane: str, settings: DeploymentSettings) -> int:
    """Returns how many functions of a lane deliver in parallel."""
    named = {
        "http": settings.http_lane_concurrency,
        **{lane_name("http", kind): settings.paced_lane_concurrency for kind in PACED_KINDS},
        # One for slow sources, one for subscriptions on trial, and one that neither can occupy.
        ENRICH: max(3, settings.aws_lane_concurrency),
    }
    return named.get(lane, settings.aws_lane_concurrency)


def paced_share(concurrency: int) -> str:
    """Returns the value of the variable `PACED_SHARE`: half of a lane's functions.

    One subscription may occupy as many in a paced or slow lane, and all slow sources together in
    the enrichment lane.

    Args:
        concurrency: How many functions the lane has.
    """
    return str(max(1, concurrency // 2))


def reservations(settings: DeploymentSettings) -> dict[str, int]:
    """Returns the executions that are reserved, by the name of the function; none by default.

    AWS refuses a reservation that leaves fewer than 100 executions of the account unreserved
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).
    """
    if not settings.reserve_concurrency:
        return {}
    requests = max(5, round(settings.throttling_rate * _REQUEST_SECONDS))
    return {
        "authorize": requests,
        "publish": requests,
        "route": _ROUTE,
        "sweep": _SWEEP,
        "inbox": settings.inbox_concurrency,
        # Its queue may use half. The other half is left to lanes, which call it for events of
        # ordered subscriptions.
        "enrich": 2 * lane_concurrency(ENRICH, settings),
        **{f"deliver_{lane}": lane_concurrency(lane, settings) for lane in lanes()},
    }
