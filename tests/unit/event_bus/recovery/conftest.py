"""Tables in memory, since no test here is about what moto knows better."""

from tests.memory_aws import aws

__all__ = ["aws"]
