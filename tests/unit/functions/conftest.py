"""The functions, on mocked AWS."""

from tests.handlers import functions, log
from tests.memory_aws import aws
from tests.moto_aws import clients, moto_aws, one_request_at_a_time

__all__ = ["aws", "clients", "functions", "log", "moto_aws", "one_request_at_a_time"]
