"""The synthesised app, once for each kind of target."""

import pytest

from tests.unit.infra.synthesised import Synthesised, synthesise


@pytest.fixture(scope="session", params=["local", "prod"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """The app for the emulator, and for AWS."""
    stage: str = request.param
    return synthesise(stage, tmp_path_factory.mktemp(f"app-{stage}"))
