"""The cost of calls to AWS at list prices, next to the least possible cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

from benchmarks import prices
from benchmarks.metered.scenarios import BATCH, Usage
from benchmarks.metered.wire import Call

CALL_MS = 5.0
"""The approximate time of a call to AWS within a region, in milliseconds."""

SUBSCRIBER_MS = 50.0
"""The approximate time of a subscriber's answer, in milliseconds. The function waits for it."""

_WHOLE_PROCESSOR_MB = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

_API = ("publish",)
_FROM_QUEUES = "deliver_"
_ROUTED_AT_ONCE = 100
_DELIVERED_AT_ONCE = 10

_REQUESTS = {("S3", "PUT"): prices.S3_PUT, ("KMS", "Sign"): prices.KMS_SIGNATURE}
_SERVICES = {
    "S3": prices.S3_GET,
    "KMS": prices.KMS_REQUEST,
    "Secrets Manager": prices.SECRETS_REQUEST,
}

Bill = Mapping[str, float]
"""Dollars for a million events, by what is charged."""


def bill(usage: Usage, memory: Mapping[str, int]) -> Bill:
    """Returns the dollars that a million events cost, if each takes as much as the measured ones.

    Args:
        usage: The usage of the measured events.
        memory: Megabytes of each function.
    """
    dollars: defaultdict[str, float] = defaultdict(float)
    for call in usage.calls:
        dollars["DynamoDB, writes"] += _writes(call)
        dollars["DynamoDB, reads"] += _reads(call)
        dollars[call.service] += _request(call)
    for each in usage.invocations:
        dollars["Lambda, calls"] += prices.FUNCTION_CALL
        dollars["CloudWatch, logs"] += prices.LOG_BYTE * each.logged
        if each.function in _API:
            dollars["API Gateway"] += prices.HTTP_API_REQUEST
        if each.function.startswith(_FROM_QUEUES):
            # Lambda's own requests: the receipt, in which each message names its group, and the
            # deletion.
            dollars["SQS"] += 2 * prices.SQS_REQUEST + prices.SQS_FAIR
    dollars["Lambda, time"] = sum(
        prices.GB_SECOND * memory[name] / 1024 * milliseconds / 1000
        for name, milliseconds in _billed(usage, memory).items()
    )
    million = prices.MILLION / usage.scenario.events
    return {name: value * million for name, value in dollars.items() if value}


def price_of(call: Call) -> float:
    """Returns the cost of one call to AWS."""
    return _writes(call) + _reads(call) + _request(call)


def _writes(call: Call) -> float:
    return prices.WRITE_UNIT * sum(call.written.values())


def _reads(call: Call) -> float:
    return prices.READ_UNIT * sum(call.read.values())


def _request(call: Call) -> float:
    if call.service == "SQS":
        return call.chunks * (prices.SQS_REQUEST + prices.SQS_FAIR)
    return _REQUESTS.get((call.service, call.operation), _SERVICES.get(call.service, 0.0))


def _billed(usage: Usage, memory: Mapping[str, int]) -> dict[str, float]:
    """Returns about how many milliseconds of each function are charged.

    Times on the emulator differ from those on AWS. So this is the processor time, stretched by the
    share of a processor that the function's memory buys, plus the time of its consecutive calls.
    """
    milliseconds: defaultdict[str, float] = defaultdict(float)
    for each in usage.invocations:
        share = min(1.0, memory[each.function] / _WHOLE_PROCESSOR_MB)
        milliseconds[each.function] += each.processor_ms / share
        if each.function.startswith(_FROM_QUEUES):
            milliseconds[each.function] += SUBSCRIBER_MS
    by_function = attrgetter("function")
    for name, calls in groupby(sorted(usage.calls, key=by_function), by_function):
        if name in memory:
            milliseconds[name] += CALL_MS * _consecutive(list(calls))
    return dict(milliseconds)


def _consecutive(calls: Iterable[Call]) -> int:
    """Returns the number of calls; calls that overlap count as one."""
    count, until = 0, 0.0
    for call in sorted(calls, key=attrgetter("began")):
        if call.began >= until:
            count += 1
        until = max(until, call.ended)
    return count


def floor(usage: Usage) -> Bill:
    """Returns the least that the design allows.

    Everything that can be shared is shared: one request, one call of `publish`, one write of the
    event, its share of a batch of the router and of one of a lane, and one write for each outcome.
    """
    scenario = usage.scenario
    requests = 1 / BATCH if scenario.batched else 1.0
    routed, delivered = 1 / _ROUTED_AT_ONCE, scenario.fan_out / _DELIVERED_AT_ONCE
    stored = [call for call in usage.calls if call.function == "publish" and call.written]
    event = sum(call.written.get("events", 0) for call in stored) / scenario.events
    calls = requests + routed + delivered
    waits = CALL_MS * (requests + routed + delivered) + SUBSCRIBER_MS * delivered
    return {
        "API Gateway": requests * prices.HTTP_API_REQUEST * prices.MILLION,
        "Lambda, calls": calls * prices.FUNCTION_CALL * prices.MILLION,
        "Lambda, time": waits / 1000 / 4 * prices.GB_SECOND * prices.MILLION,
        "DynamoDB, writes": (event + scenario.fan_out) * prices.WRITE_UNIT * prices.MILLION,
        "SQS": delivered * (3 * prices.SQS_REQUEST + 2 * prices.SQS_FAIR) * prices.MILLION,
    }
