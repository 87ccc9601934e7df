"""The stores keep their promises on moto."""

from tests.contracts.stores import *  # noqa: F403
