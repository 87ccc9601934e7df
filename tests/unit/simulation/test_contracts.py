"""The stores keep their promises on the stand-ins."""

from tests.contracts.stores import *  # noqa: F403
