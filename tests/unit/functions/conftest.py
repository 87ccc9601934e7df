"""The functions, on AWS as moto plays it."""

import pytest

from tests.handlers import functions, log
from tests.moto_aws import aws, clients, one_request_at_a_time

pytest.register_assert_rewrite("tests.contracts")

__all__ = ["aws", "clients", "functions", "log", "one_request_at_a_time"]
