"""Functions send to the queues that they are told of, and to no others."""

import re

from tests.service_uses import SENDERS
from tests.table_uses import LANE_NAMES
from tests.unit.infra.grants import QUEUE_NAMES, STATISTICS, actions_of, grants_of
from tests.unit.infra.synthesised import Synthesised, listed

# The queues beside the lanes whose messages a function works off.
OTHER_WORK = ("unroutable", "replay", "audit")

# Queues whose URLs, and not their names, are told to the functions that count messages.
COUNTED_ALONE = {*(f"{queue.upper()}_URL" for queue in SENDERS), "UNROUTABLE_REDRIVE_URL"}

_EXPORT = re.compile(r"ExportsOutput(?:Ref|FnGetAtt)(.+?)(?:Arn)?[0-9A-F]{8}$")


def _queue_behind(value: dict[str, str]) -> str:
    """Returns the logical id of a queue that another stack exports."""
    found = _EXPORT.search(value["Fn::ImportValue"])
    assert found, value
    return found[1]


def test_functions_send_to_the_queues_they_are_told_of_and_to_no_others(app: Synthesised) -> None:
    functions = app.functions()
    for queue, senders in SENDERS.items():
        told = {
            name
            for name, function in functions.items()
            if f"{queue.upper()}_URL" in function.properties["Environment"]["Variables"]
        }
        # These two count messages, and send none.
        counts = {"status", "metrics"} - senders
        assert told - counts == senders, queue
    senders = {name for name in functions if "sqs:SendMessage" in actions_of(app, functions[name])}
    assert senders == set.union(*SENDERS.values())


def test_functions_that_count_messages_may_ask_each_queue_that_they_are_told_of(
    app: Synthesised,
) -> None:
    for name in ("status", "metrics"):
        function = app.functions()[name]
        variables = function.properties["Environment"]["Variables"]
        told = {_queue_behind(each) for key, each in variables.items() if key in COUNTED_ALONE}
        assert told, name
        asked = {
            _queue_behind(each)
            for grant in grants_of(app, function)
            if "sqs:GetQueueAttributes" in listed(grant["Action"])
            for each in listed(grant["Resource"])
        }
        assert told <= asked, name


def test_those_who_make_managed_queues_also_remove_and_find_them(app: Synthesised) -> None:
    operations = ("DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "SetQueueAttributes")
    makers = [
        actions
        for function in app.functions().values()
        if "sqs:CreateQueue" in (actions := actions_of(app, function))
    ]
    assert makers
    for actions in makers:
        assert {f"sqs:{each}" for each in operations} <= actions


def test_functions_that_count_redrive_queues_do_not_send_to_them(app: Synthesised) -> None:
    known = {QUEUE_NAMES, "UNROUTABLE_REDRIVE_URL"}
    counted = {"metrics": {QUEUE_NAMES}, "status": {"UNROUTABLE_REDRIVE_URL"}}
    for name, function in app.functions().items():
        told = known & function.properties["Environment"]["Variables"].keys()
        assert told == counted.get(name, set()), name


def test_every_lane_and_redrive_queue_is_counted(app: Synthesised) -> None:
    variables = app.functions()["metrics"].properties["Environment"]["Variables"]
    told = str(variables[QUEUE_NAMES])
    lanes = [f"{each}_lane" for each in (*LANE_NAMES, "enrich")]
    for name in (*lanes, *(f"{each}_redrive" for each in (*lanes, *OTHER_WORK))):
        assert re.search(rf"\b{name}=", told), name


def test_those_who_tell_how_old_messages_are_may_ask_cloudwatch(app: Synthesised) -> None:
    asking = {
        name for name, function in app.functions().items() if STATISTICS & actions_of(app, function)
    }
    assert asking == {"metrics", "status"}


def test_only_those_who_talk_to_clients_may_send_to_them(app: Synthesised) -> None:
    functions = app.functions()
    senders = {
        name
        for name in functions
        if "execute-api:ManageConnections" in actions_of(app, functions[name])
    }
    assert senders == {"socket", "push"}
    for name in senders:
        (grant,) = [
            each
            for each in grants_of(app, functions[name])
            if listed(each["Action"]) == ["execute-api:ManageConnections"]
        ]
        ends = {each["Fn::Join"][1][-1] for each in grant["Resource"]}
        assert ends == {f"/{app.stage}/{method}/@connections/*" for method in ("POST", "DELETE")}
