"""The figures of the day, and whether they are as they must be."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Summary:
    """What was counted.

    Attributes:
        published: How many events were published.
        types: The types among them.
        matched: How many deliveries the bus owed, by what the services want.
        filtered: How many more there would have been without filters.
        delivered: How many deliveries the bus reports as done.
        latencies: Seconds from publish to receipt, of each.
        unexpected: How many came that nobody wanted, or came twice.
        refused: How many had a bad signature.
    """

    published: int = 0
    types: set[str] = field(default_factory=set)
    matched: int = 0
    filtered: int = 0
    delivered: int = 0
    latencies: list[float] = field(default_factory=list)
    unexpected: int = 0
    refused: int = 0

    def figures(self) -> list[tuple[str, str]]:
        """Names and figures, for people."""
        return [
            ("published", f"{self.published} events of {len(self.types)} types"),
            ("matched", f"{self.matched} deliveries owed"),
            ("delivered", f"{self.delivered}, each signature verified"),
            ("filtered out", f"{self.filtered}"),
            ("p50", f"{1000 * statistics.median(self.latencies):.0f} ms from publish to receipt"),
            ("p99", f"{1000 * self._p99():.0f} ms"),
        ]

    def faults(self) -> list[str]:
        """What is not as it must be; nothing on a good day."""
        received = len(self.latencies)
        checks = {
            f"{self.matched - received} deliveries were lost": received == self.matched,
            f"the bus reports {self.delivered} deliveries of {self.matched}": self.delivered
            == self.matched,
            f"{self.unexpected} deliveries were not expected": self.unexpected == 0,
            f"{self.refused} deliveries had a bad signature": self.refused == 0,
        }
        return [fault for fault, holds in checks.items() if not holds]

    def _p99(self) -> float:
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[98]
