"""The stores keep their promises on the emulator."""

from tests.contracts.stores import *  # noqa: F403
