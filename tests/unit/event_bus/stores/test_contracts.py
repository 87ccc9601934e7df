"""The stores keep their promises on moto."""

import pytest

from tests.contracts.stores import *  # noqa: F403

pytestmark = pytest.mark.moto
