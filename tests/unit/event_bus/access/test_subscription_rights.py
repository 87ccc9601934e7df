"""Nobody subscribes to what its service may not receive."""

import pytest
from event_bus.access.receive_rights import RightsReader
from event_bus.access.subscription_rights import SubscriptionRights
from event_bus.errors import Forbidden
from event_bus.model.rights import Default, Grant

from tests.aws import Aws
from tests.builders import publisher


def subscription_rights(aws: Aws, default: Default = "everything") -> SubscriptionRights:
    own = publisher("worker", "work.*")
    return SubscriptionRights(RightsReader(aws.rights, default), {"worker": own}.get)


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (["task.created"], []),
        (["task.*"], []),
        (["*.created"], []),
        (["*"], []),
        (["work.done", "work.*"], []),
        (["order.placed"], [0]),
        (["task.created", "order.*", "user.made"], [1, 2]),
    ],
)
def test_a_pattern_of_which_nothing_may_be_received_is_refused(
    aws: Aws, asked: list[str], refused: list[int]
) -> None:
    aws.rights.put(Grant("worker", ["task.*"]))
    if not refused:
        return subscription_rights(aws).check("worker", asked)
    with pytest.raises(Forbidden) as refusal:
        subscription_rights(aws).check("worker", asked)
    assert [each.pointer for each in refusal.value.faults] == [
        f"/event_types/{place}" for place in refused
    ]
    assert refusal.value.reason == "receive_type"
    assert refusal.value.detail == f"worker may not receive {asked[refused[0]]}."
    said = "worker may not receive such events; an admin can permit the types"
    assert {each.detail for each in refusal.value.faults} == {said}
    return None


def test_the_default_holds_for_whom_nothing_is_given(aws: Aws) -> None:
    subscription_rights(aws).check("stranger", ["order.placed"])
    with pytest.raises(Forbidden):
        subscription_rights(aws, "nothing").check("stranger", ["order.placed"])
    subscription_rights(aws, "nothing").check("admin", ["order.placed"])
    subscription_rights(aws, "nothing").check("worker", ["work.done"])
