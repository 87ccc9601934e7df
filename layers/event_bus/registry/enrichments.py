"""Enrichments of subscriptions, before they are stored."""

from dataclasses import replace

from event_bus.access.external_ids import new_external_id
from event_bus.enrichment.requests import check_enrichment_fits
from event_bus.model.enrichment import LambdaSource
from event_bus.model.subscription import Subscription
from event_bus.registry.opt_ins import OptIns
from event_bus.targets.lambda_function import LambdaTarget


def with_opted_in_sources(subscription: Subscription, opt_ins: OptIns) -> Subscription:
    """Checks the Lambda functions of an enrichment, and sets the external ids of their roles.

    Args:
        subscription: The subscription, with an enrichment as its client sent it.
        opt_ins: Refuses functions whose owners have not opted them in.

    Raises:
        InvalidRequest: A function is not opted in, or the target cannot have an enrichment.
    """
    if subscription.enrichment is None:
        return subscription
    check_enrichment_fits(subscription.enrichment, subscription.target.lane)
    prepared = dict(subscription.enrichment)
    for name, source in subscription.enrichment.items():
        if not isinstance(source, LambdaSource):
            continue
        function = LambdaTarget(source.function, role_arn=source.role_arn)
        opt_ins.require(function, at=f"/enrichment/{name}")
        if source.role_arn:
            external_id = new_external_id(subscription.service_id)
            prepared[name] = replace(source, external_id=external_id)
    return replace(subscription, enrichment=prepared)
