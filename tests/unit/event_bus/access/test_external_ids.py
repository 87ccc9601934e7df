"""No service and no other deployment can have the bus use a role that was meant for one service."""

import re
from collections.abc import Callable
from itertools import product

from event_bus.access.external_ids import external_id_of, new_external_id


def test_each_deployment_and_service_has_its_own_external_id(tell: Callable[..., None]) -> None:
    made: set[str] = set()
    accounts, regions = ("111111111111", "222222222222"), ("eu-west-1", "us-east-1")
    # Joined by hyphens, several of these would be the same.
    stages, services = ("prod", "prod-eu"), ("billing", "eu-billing", "eu/billing")
    for account, region, stage in product(accounts, regions, stages):
        tell(TARGET_ACCOUNTS=f"{account},333333333333", AWS_REGION=region, STAGE=stage)
        made |= {new_external_id(each) for each in services}
    assert len(made) == 2 * 2 * 2 * 3


def test_an_external_id_has_a_form_that_iam_accepts(tell: Callable[..., None]) -> None:
    tell(TARGET_ACCOUNTS="111111111111", AWS_REGION="ap-southeast-1", STAGE="s" * 14)
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    assert re.fullmatch(r"[\w+=,.@:/-]{2,1224}", new_external_id("s" * 200))


def test_an_id_that_was_given_stays(tell: Callable[..., None]) -> None:
    tell(TARGET_ACCOUNTS="111111111111", AWS_REGION="eu-west-1", STAGE="prod")
    assert external_id_of(None, "billing") == "event-bus-prod-billing"
    assert external_id_of("given", "billing") == "given"
    assert new_external_id("billing") == "event-bus/111111111111/eu-west-1/prod/billing"
