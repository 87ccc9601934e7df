"""Finding out why an event matches a subscription, or does not."""

from event_bus.api.documents.explanations import MatchPage, SubscriptionTestResult, TestResult
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING
from event_bus.errors import NotFound
from event_bus.requests.testing import FilterTest, SubscriptionTest

MATCHES = Operation(
    "GET /events/{id}/matches",
    name="explainEvent",
    function="events",
    scope="read",
    action="event.explain",
    tag="Events",
    summary="Which subscriptions an event matched, and why it did not match others.",
    query=PAGING,
    answers={200: MatchPage},
    errors=(NotFound,),
)
TEST_SUBSCRIPTION = Operation(
    "POST /subscriptions/{id}/test",
    name="testSubscription",
    function="events",
    scope="read",
    action="subscription.test",
    tag="Subscriptions",
    summary="Test an event against a subscription; nothing is stored or sent.",
    body=SubscriptionTest,
    answers={200: SubscriptionTestResult},
    errors=(NotFound,),
    audited=False,
)
TEST_FILTERS = Operation(
    "POST /filters/test",
    name="testFilters",
    function="events",
    scope="read",
    action="filters.test",
    tag="Subscriptions",
    summary="Test an event against filters; nothing is stored or sent.",
    body=FilterTest,
    answers={200: TestResult},
    errors=(NotFound,),
    audited=False,
)
