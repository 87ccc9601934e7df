"""Calls of the enrichment function. A lane imports no code that asks sources."""

from event_bus import clients
from event_bus.delivery.enriching import Enrich
from event_bus.enrichment.calls import CALL_SECONDS, EnrichmentCalls
from event_bus.settings import settings
from event_bus.targets.answer_times import AnswerTimes


def enrichment_calls(answers: AnswerTimes | None) -> Enrich:
    """Makes the calls of the enrichment function.

    Args:
        answers: Measures the calls; None if the protocol has one lane only.
    """
    client = clients.functions(CALL_SECONDS)
    return EnrichmentCalls(client, settings().enrich_function, answers).enriched
