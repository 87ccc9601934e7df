"""Signed requests count like those with keys: for the service that its principal belongs to."""

from collections import Counter
from typing import Any

import pytest
from event_bus.access.admin_key import AdminSecret
from event_bus.access.authenticator import Authenticator
from event_bus.access.callers import Caller, caller_of
from event_bus.access.iam_callers import IamCallers
from event_bus.access.rate_limits import WINDOW_SECONDS, RateLimiter, allowance_of
from event_bus.model.api_keys import ApiKey, principal_id

from tests.builders import NOON

ROLE = "arn:aws:iam::111111111111:role/planner"
SESSION = "arn:aws:sts::111111111111:assumed-role/planner/session-7"
SECOND_ROLE = "arn:aws:iam::111111111111:role/planner-jobs"
USER = "arn:aws:iam::111111111111:user/tasks"


class Keys:
    """Keys by their ids."""

    def __init__(self, *keys: ApiKey) -> None:
        self.kept = {each.id: each for each in keys}

    def find(self, key_id: str) -> ApiKey | None:
        return self.kept.get(key_id)

    def saw(self, key_id: str, at: str) -> None:
        pass


class Counters:
    """Counters of requests in memory."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def add(self, name: str, requests: int, expires_at: int) -> int:  # noqa: ARG002
        self.counted[name] += requests
        return self.counted[name]


@pytest.fixture
def callers() -> IamCallers:
    keys = Keys(
        ApiKey(principal_id(ROLE), "planner", NOON, "", scopes=("read",)),
        ApiKey(principal_id(SECOND_ROLE), "planner", NOON, ""),
        ApiKey(principal_id(USER), "tasks", NOON, "", rate_limit=3),
    )
    authenticator = Authenticator(keys, lambda: AdminSecret("secret", "admin_1"))
    return IamCallers(authenticator, RateLimiter(Counters(), lambda: 1_000_000.0), rate=5)


def test_a_session_of_a_role_is_the_service_that_registered_the_role(callers: IamCallers) -> None:
    context = callers.context_of({"userArn": SESSION})
    assert caller_of(context) == Caller("planner", "service", scopes=frozenset({"read"}))
    assert context["key_id"] == principal_id(ROLE)


def test_the_requests_of_each_principal_count_by_its_own_rate(callers: IamCallers) -> None:
    def left(arn: str) -> tuple[int, int]:
        allowance = allowance_of(callers.context_of({"userArn": arn}))
        assert allowance
        return allowance.quota, allowance.left

    assert left(SESSION) == (5 * WINDOW_SECONDS, 49)
    assert left(SESSION) == (5 * WINDOW_SECONDS, 48)
    # A second principal of the service has an allowance of its own.
    assert left(SECOND_ROLE) == (5 * WINDOW_SECONDS, 49)
    assert left(USER) == (3 * WINDOW_SECONDS, 29)
    for _ in range(30):
        context = callers.context_of({"userArn": USER})
    assert context["rate_exceeded"] == "true"
    assert callers.context_of({"userArn": SESSION})["rate_exceeded"] == "false"


@pytest.mark.parametrize(
    "identity",
    [
        {"userArn": "arn:aws:sts::111111111111:assumed-role/other/session-7"},
        {"userArn": "arn:aws:sts::222222222222:assumed-role/planner/session-7"},
        {"userArn": "arn:aws:iam::111111111111:root"},
        {"userArn": ""},
        {"userArn": None},
        {"userId": SESSION},
        {},
    ],
)
def test_any_other_principal_is_unknown_and_counts_nothing(
    callers: IamCallers, identity: dict[str, Any]
) -> None:
    assert callers.context_of(identity) == {"reason": "unknown_principal"}
