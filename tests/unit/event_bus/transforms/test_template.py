"""Input transformers, held against the examples of AWS's own pages.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html

The pages show JSON with white space and say that what is sent has none.
"""

import json
from typing import Any

import orjson
import pytest
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.limits import MAX_BODY_BYTES
from event_bus.transforms.template import Template
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.event_bus.transforms.events import parts_of

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
    "detail": {"instance-id": "i-0123456789", "state": "RUNNING"},
}
PATHS = {
    "timestamp": "$.time",
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "resource": "$.resources[0]",
}
RESERVED = {
    "aws.events.rule-arn": "arn:aws:events:us-east-2:123456789012:rule/example",
    "aws.events.rule-name": "example",
    "aws.events.event.ingestion-time": "2015-11-11T21:29:55Z",
    "aws.events.event": {name: value for name, value in EVENT.items() if name != "detail"},
    "aws.events.event.json": EVENT,
}
ORIGINAL = orjson.dumps(RESERVED["aws.events.event"]).decode()
WHOLE = orjson.dumps(EVENT).decode()


def rendered(template: str) -> str:
    return Template(PATHS, template)._render(EVENT, RESERVED).decode()


@pytest.mark.parametrize(
    ("template", "output"),
    [
        # Simple string
        ('"instance <instance> is in <state>"', '"instance i-0123456789 is in RUNNING"'),
        # String with escaped quotes
        (
            '"instance \\"<instance>\\" is in <state>"',
            '"instance \\"i-0123456789\\" is in RUNNING"',
        ),
        # Simple JSON
        (
            '{\n  "instance" : <instance>,\n  "state": <state>\n}',
            '{"instance":"i-0123456789","state":"RUNNING"}',
        ),
        # JSON with strings and variables
        (
            '{\n "instance" : <instance>,\n "state": "<state>",\n'
            ' "instanceStatus": "instance \\"<instance>\\" is in <state>"\n}',
            '{"instance":"i-0123456789","state":"RUNNING",'
            '"instanceStatus":"instance \\"i-0123456789\\" is in RUNNING"}',
        ),
        # JSON with a mix of variables and static information
        (
            '{\n  "instance" : <instance>,\n  "state": [ 9, <state>, true ],\n'
            '  "Transformed" : "Yes"\n}\n',
            '{"instance":"i-0123456789","state":[9,"RUNNING",true],"Transformed":"Yes"}',
        ),
        # Including reserved variables in JSON
        (
            '{\n  "instance" : <instance>,\n  "state": <state>,\n'
            '  "ruleArn" : <aws.events.rule-arn>,\n  "ruleName" : <aws.events.rule-name>,\n'
            '  "originalEvent" : <aws.events.event.json>\n}',
            '{"instance":"i-0123456789","state":"RUNNING",'
            '"ruleArn":"arn:aws:events:us-east-2:123456789012:rule/example",'
            '"ruleName":"example","originalEvent":' + WHOLE + "}",
        ),
        ('{"originalEvent" : <aws.events.event>}', '{"originalEvent":' + ORIGINAL + "}"),
        # Including reserved variables in a string
        ('"<aws.events.rule-name> triggered"', '"example triggered"'),
        # Amazon CloudWatch log group; the page leaves out quotes around the timestamp
        (
            '{\n  "timestamp" : <timestamp>,\n'
            '  "message": "instance \\"<instance>\\" is in <state>"\n}',
            '{"timestamp":"2015-11-11T21:29:54Z",'
            '"message":"instance \\"i-0123456789\\" is in RUNNING"}',
        ),
        # Input transformer of the API reference: a text, a text with quotes, JSON
        ("<instance> is in state <state>", "i-0123456789 is in state RUNNING"),
        ('<instance> is in state "<state>"', 'i-0123456789 is in state "RUNNING"'),
        (
            '{"myInstance": <instance>,"myStatus": "<instance> is in state \\"<state>\\""}',
            '{"myInstance":"i-0123456789","myStatus":"i-0123456789 is in state \\"RUNNING\\""}',
        ),
        # Array indices
        ("<resource>", '"arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"'),
    ],
)
def test_documented_examples(template: str, output: str) -> None:
    assert rendered(template) == output


def test_a_template_yields_the_documented_text_of_eventbridge() -> None:
    # Recorded on AWS by LocalStack's test_put_events_with_input_transformation_to_sqs.
    template = (
        '"Event of <detail-type> type, at time <timestamp>, info extracted from detail <command>"'
    )
    paths = {"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command"}
    event = {
        "detail-type": "customerCreated",
        "time": "2024-03-26T15:48:35Z",
        "detail": {"command": "display-message", "payload": "baz"},
    }
    said = (
        '"Event of customerCreated type, at time 2024-03-26T15:48:35Z, info extracted from detail '
    )
    assert Template(paths, template)._render(event, {}).decode() == said + 'display-message"'
    missing = Template({**paths, "command": "$.detail.notinmessage"}, template)
    assert missing._render(event, {}).decode() == said + '"'


def test_the_event_has_the_names_of_the_bus_and_those_of_eventbridge() -> None:
    parts = parts_of({"total": 250}, {"correlation_id": "cart-7"})
    names = {
        "a": "$.payload.total",
        "b": "$.detail.total",
        "c": "$.type",
        "d": "$.detail-type",
        "e": "$.time",
        "f": "$.timestamp",
        "g": "$.metadata.correlation_id",
    }
    template = Template(names, "[<a>,<b>,<c>,<d>,<e>,<f>,<g>]")
    time = "2026-01-02T03:04:05.678Z"
    assert orjson.loads(template.render(parts)) == [
        *(250, 250, "order.placed", "order.placed", time, time, "cart-7")
    ]
    reserved = Template({}, '{"n":<aws.events.rule-name>,"e":<aws.events.event.json>}')
    assert orjson.loads(reserved.render(parts)) == {
        "n": "Large orders",
        "e": {**parts.envelope, "payload": {"total": 250}},
    }


@pytest.mark.parametrize(
    ("value", "bare", "inside"),
    [
        (7, "7", "7"),
        (1.5, "1.5", "1.5"),
        (None, "null", "null"),
        (True, "true", "true"),
        ([1, "a"], '[1,"a"]', '[1,\\"a\\"]'),
        ({"a": "b"}, '{"a":"b"}', '{\\"a\\":\\"b\\"}'),
    ],
)
def test_values_of_every_kind(value: object, bare: str, inside: str) -> None:
    template = Template({"v": "$.v"}, '{"bare":<v>,"inside":"<v>"}')
    assert template._render({"v": value}, {}).decode() == f'{{"bare":{bare},"inside":"{inside}"}}'


@given(st.text())
def test_no_value_changes_the_structure(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    template = Template({"v": "$.v"}, '{"bare": <v>, "inside": "is <v>", "fixed": 1}')
    made = json.loads(template._render({"v": value}, {}))
    assert made == {"bare": value, "inside": f"is {value}", "fixed": 1}


@pytest.mark.parametrize(
    ("paths", "template", "pointer", "said"),
    [
        ({}, "<a>", "/input_template", "does not define"),
        ({"a": "$.a"}, '{"a": <a>', "/input_template", "must be JSON"),
        ({}, "[" * 8000, "/input_template", "nested"),
        ({}, "[" * 4000 + "]" * 4000, "/input_template", "nested"),
        ({}, '{"a":' * 33 + "1" + "}" * 33, "/input_template", "nested deeper than 32 levels"),
        # Python's own reader takes all of these for JSON.
        ({}, '{"a": NaN}', "/input_template", "/a is NaN"),
        ({}, '{"a": [-Infinity]}', "/input_template", "/a/0 is -Infinity"),
        ({}, '{"a": 1e999}', "/input_template", "/a is beyond a double"),
        ({}, '{"a": 1, "a": 2}', "/input_template", "it has two members 'a'"),
        ({}, '"\\ud83d"', "/input_template", "half of a surrogate pair"),
        ({"a": "$.a"}, '{"x": "\\ud83d<a>"}', "/input_template", "half of a surrogate pair"),
        ({"a": "$.a"}, "{<a>: 1}", "/input_template", "name of a member"),
        ({"a": "$.a"}, '{"x<a>": 1}', "/input_template", "name of a member"),
        ({}, '"see <aws.events.event>"', "/input_template", "as a value of JSON"),
        ({}, "see <aws.events.event.json>", "/input_template", "as a value of JSON"),
        ({}, "", "/input_template", "1 to 8192"),
        ({}, '"' + "a" * 8191 + '"', "/input_template", "1 to 8192"),
        ({"a.b": "$.a"}, '"x"', "/input_paths_map/a.b", "must be named"),
        ({"aws.events.rule-arn": "$.a"}, '"x"', "/input_paths_map/aws.events.rule-arn", "named"),
        ({"a": "payload.a"}, '"x"', "/input_paths_map/a", "begins with \\$"),
        ({"a": "$['a']"}, '"x"', "/input_paths_map/a", "character 1"),
        ({"a": "$.a[?(@.b)]"}, '"x"', "/input_paths_map/a", "character 3"),
        ({"a": "$." + "a" * 255}, '"x"', "/input_paths_map/a", "256"),
        ({f"v{n}": "$.a" for n in range(101)}, '"x"', "/input_paths_map", "at most 100"),
    ],
)
def test_refusals(paths: dict[str, str], template: str, pointer: str, said: str) -> None:
    with pytest.raises(InvalidTransform, match=said) as refused:
        Template(paths, template)
    assert refused.value.pointer == pointer


def test_a_template_does_not_multiply_an_event_without_bound() -> None:
    template = Template({"a": "$.a"}, "[" + ",".join(["<a>"] * 1000) + "]")
    with pytest.raises(TransformFailed, match="more than"):
        template._render({"a": "x" * 100_000}, {})


@pytest.mark.parametrize("character", ["\x01", '"', "\n", "x", "\uffff"])
@pytest.mark.parametrize("text", ["of <a>", "of <a>: <a>"])
def test_a_text_is_measured_as_json(character: str, text: str) -> None:
    # Inboxes and answers hold it as a JSON string.
    template = Template({"a": "$.a"}, text)
    fixed = len(orjson.dumps(text.replace("<a>", ""))) - 2
    width = len(orjson.dumps(character)) - 2
    count = (MAX_BODY_BYTES - fixed) // (text.count("<a>") * width)
    made = template._render({"a": character * count}, {})
    assert MAX_BODY_BYTES - 2 * width < len(orjson.dumps(made.decode())) - 2 <= MAX_BODY_BYTES
    with pytest.raises(TransformFailed, match="more than 1048576 bytes"):
        template._render({"a": character * (count + 1)}, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", {"items": [{"a": 1}, {"a": 2}, 3]}),
        ("$.items[1].a", 2),
        ("$.items[*].a", [1, 2]),
        ("$.items[7].a", ""),
        ("$.items.a", ""),
        ("$.*[2]", [3]),
    ],
)
def test_paths(path: str, value: object) -> None:
    template = Template({"v": path}, "<v>")
    assert orjson.loads(template._render({"items": [{"a": 1}, {"a": 2}, 3]}, {})) == value
