"""The stand-ins in the place of AWS."""

from tests.memory_aws import aws
from tests.threads import executor

__all__ = ["aws", "executor"]
