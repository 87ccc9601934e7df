"""The functions, on AWS as moto plays it."""

from tests.handlers import functions, log
from tests.moto_aws import aws, clients, one_request_at_a_time

__all__ = ["aws", "clients", "functions", "log", "one_request_at_a_time"]
