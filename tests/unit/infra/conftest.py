"""The synthesised app, once for each kind of target."""

import pytest

from tests.unit.infra.synthesised import STAGES, Synthesised, synthesise


@pytest.fixture(scope="session", params=STAGES)
def app(request: pytest.FixtureRequest) -> Synthesised:
    """The app with its defaults, and the app for AWS with everything that may be asked for."""
    return synthesise(request.param)
