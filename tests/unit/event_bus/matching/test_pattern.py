"""How the fields of a pattern combine: AND, OR, arrays, the examples of the user guide."""

from typing import Any

import pytest
from event_bus.matching.pattern import EventPattern

EMPLOYEES: dict[str, Any] = {
    "employees": [
        {"first": "John", "last": "Doe"},
        {"first": "Anna", "last": "Smith", "phones": [{"kind": "home"}, {"kind": "work", "no": 7}]},
        {"first": "Peter", "last": "Jones"},
    ]
}
NESTED: dict[str, Any] = {"employees": [EMPLOYEES["employees"][:2], EMPLOYEES["employees"][2:]]}
INSTANCE: dict[str, Any] = {
    "version": "0",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "time": "2017-10-02T16:24:49Z",
    "resources": [
        "arn:aws:autoscaling:x",
        "arn:aws:ec2:us-east-1:123456789012:instance/i-b188560f",
    ],
    "detail": {
        "c-count": 5,
        "d-count": 3,
        "x-limit": 301.8,
        "source-ip": "10.0.0.33",
        "instance-id": "i-000000aaaaaa00000",
        "state": "running",
        "eventVersion": "",
        "responseElements": None,
        "FilePath": "/usr/lib/python",
        "service": "EventBridge",
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.ec2", "aws.fargate"]}, True),
        ({"source": ["aws.ec2"], "detail": {"state": ["terminated"]}}, False),
        ({"source": ["aws.ec2"], "detail": {"state": ["initializing", "running"]}}, True),
        ({"resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-b188560f", "other"]}, True),
        ({"resources": ["arn:aws:ec2:us-east-1:111122223333:instance/i-b188560f"]}, False),
        ({"time": [{"prefix": "2017-10-02"}]}, True),
        ({"detail": {"service": [{"prefix": {"equals-ignore-case": "EventB"}}]}}, True),
        ({"detail": {"service": [{"suffix": {"equals-ignore-case": "tBRIDGE"}}]}}, True),
        ({"source": [{"suffix": "ec2"}]}, True),
        ({"detail-type": [{"equals-ignore-case": "ec2 instance state-change notification"}]}, True),
        ({"detail": {"state": [{"anything-but": "initializing"}]}}, True),
        ({"detail": {"x-limit": [{"anything-but": [100, 200, 301.8]}]}}, False),
        ({"detail": {"state": [{"anything-but": {"prefix": "init"}}]}}, True),
        ({"detail": {"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}}, False),
        ({"detail": {"FilePath": [{"wildcard": "/usr/*/python"}]}}, True),
        ({"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}}, True),
        ({"detail": {"d-count": [{"numeric": ["<", 10]}]}}, True),
        ({"detail": {"x-limit": [{"numeric": ["=", 3.018e2]}]}}, True),
        ({"detail": {"source-ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"detail": {"c-count": [{"exists": True}]}}, True),
        ({"detail": {"e-count": [{"exists": False}]}}, True),
        ({"detail": [{"exists": True}]}, False),
        ({"detail": {"eventVersion": [""]}}, True),
        ({"detail": {"eventVersion": [None]}}, False),
        ({"detail": {"responseElements": [None]}}, True),
        ({"detail": {"responseElements": [""]}}, False),
        (
            {
                "time": [{"prefix": "2017-10-02"}],
                "detail": {
                    "state": [{"anything-but": "initializing"}],
                    "c-count": [{"numeric": [">", 0, "<=", 5]}],
                    "d-count": [{"numeric": ["<", 10]}],
                    "x-limit": [{"anything-but": [100, 200, 300]}],
                    "source-ip": [{"cidr": "10.0.0.0/8"}],
                },
            },
            True,
        ),
        (
            {
                "detail": {
                    "$or": [
                        {"c-count": [{"numeric": [">", 5]}]},
                        {"d-count": [{"numeric": ["<", 10]}]},
                        {"x-limit": [{"numeric": ["=", 3]}]},
                    ]
                }
            },
            True,
        ),
        ({"nonesuch": ["x"]}, False),
        ({"source": {"x": ["y"]}}, False),
    ],
)
def test_examples_of_the_user_guide(pattern: dict[str, Any], expected: bool) -> None:
    assert EventPattern(pattern).matches(INSTANCE) is expected


@pytest.mark.parametrize("event", [EMPLOYEES, NESTED])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"first": ["Anna"]}, True),
        ({"first": ["Anna"], "last": ["Smith"]}, True),
        ({"first": ["Anna"], "last": ["Jones"]}, False),
        ({"first": ["Anna"], "phones": {"kind": ["work"], "no": [7]}}, True),
        ({"first": ["Anna"], "phones": {"kind": ["home"], "no": [7]}}, False),
        ({"first": ["John"], "phones": {"kind": ["work"]}}, False),
        # What is missing is missing from the element that the others choose, or from all.
        ({"first": ["John"], "phones": {"kind": [{"exists": False}]}}, True),
        ({"first": ["Anna"], "phones": {"kind": [{"exists": False}]}}, False),
        ({"phones": {"kind": [{"exists": False}]}}, False),
        ({"phones": {"fax": [{"exists": False}]}}, True),
        ({"phones": {"kind": ["home"], "no": [{"exists": False}]}}, True),
        ({"phones": {"kind": ["work"], "no": [{"exists": False}]}}, False),
        ({"phones": {"kind": [{"exists": False}, "work"]}}, True),
        ({"$or": [{"first": ["x"]}, {"last": ["Doe"]}]}, True),
        ({"first": ["Anna"], "$or": [{"last": ["Doe"]}, {"last": ["Jones"]}]}, False),
    ],
)
def test_fields_of_an_array_come_from_one_element(
    event: dict[str, Any], pattern: dict[str, Any], expected: bool
) -> None:
    assert EventPattern({"employees": pattern}).matches(event) is expected


def test_or_outside_an_array_joins_the_fields_inside_it() -> None:
    pattern = EventPattern(
        {
            "employees": {"first": ["Anna"]},
            "$or": [{"employees": {"last": ["Jones"]}}, {"employees": {"last": ["Smith"]}}],
        }
    )
    assert pattern.matches(EMPLOYEES)
    assert not pattern.matches(
        {"employees": [{"first": "Anna", "last": "x"}, {"first": "y", "last": "Smith"}]}
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"source": "cw", "metricName": "CPU"}, True),
        ({"source": "cw", "metricType": "M", "namespace": "EC2", "metricId": 1234}, True),
        ({"source": "cw", "metricType": "M", "namespace": "EC2", "spaceId": 1000.0}, True),
        ({"source": "cw", "metricType": "M", "namespace": "EC2"}, False),
        ({"source": "cw", "scope": "Service"}, True),
        ({"source": "s3", "scope": "Service"}, False),
        ({"source": "cw"}, False),
    ],
)
def test_nested_or(event: dict[str, Any], expected: bool) -> None:
    pattern = {
        "source": ["cw"],
        "$or": [
            {"metricName": ["CPU", "ReadLatency"]},
            {
                "metricType": ["M"],
                "namespace": ["EC2", "ES"],
                "$or": [{"metricId": [1234]}, {"spaceId": [1000]}],
            },
            {"scope": ["Service"]},
        ],
    }
    assert EventPattern(pattern).matches(event) is expected


def test_or_at_several_levels_is_a_product() -> None:
    pattern = EventPattern(
        {
            "$or": [{"a": [1]}, {"b": [1]}],
            "in": {"$or": [{"c": [1]}, {"d": [1]}, {"e": [1]}]},
        }
    )
    assert len(pattern.combinations) == 6
    assert pattern.matches({"b": 1, "in": {"e": 1}})
    assert not pattern.matches({"b": 1, "in": {"f": 1}})
    assert not pattern.matches({"c": 1, "in": {"e": 1}})


def test_a_dot_is_part_of_a_name() -> None:
    assert EventPattern({"user.id": [5]}).matches({"user.id": 5})
    assert not EventPattern({"user.id": [5]}).matches({"user": {"id": 5}})
