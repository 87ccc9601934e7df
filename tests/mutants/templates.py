"""A pytest plugin for mutants of `infra`: each process synthesises the templates for itself.

The tests of the templates otherwise share templates that are made once for certain sources, and
mutants do not differ by their sources. Two things that no grant depends on are left out: the checks
of cdk-nag, and the files of the layers.

The CDK runs in a process of Node, which takes several times longer for the first templates than for
later ones. So the forks of `tests.mutants.forks` share one, which has made templates before. It
keeps whatever they make, so it serves a limited number of them.
"""

import functools
import tempfile
from pathlib import Path
from typing import Any

import pytest

from infra import bundling
from infra.deployment_target import DeploymentTarget
from tests.mutants import forks
from tests.unit.infra import synthesised
from tests.unit.infra.synthesised import (
    CONTEXTS,
    STAGES,
    Synthesised,
    built_app,
    synthesise_alone,
    taken_apart,
)

_MUTANTS_OF_A_PROCESS = 60
# Files of functions stay where they are, instead of in the folder of the templates.
_IN_PLACE = {"aws:cdk:disable-asset-staging": True}


def _made(stage: str) -> Synthesised:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, stage)
        built_app(stage, {**CONTEXTS[stage], **_IN_PLACE}, folder).synth()
        return taken_apart(stage, folder, [])


@functools.cache
def _alone(stage: str, stack: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        synthesise_alone(stage, Path(scratch))
        return taken_apart(stage, Path(scratch, stack), []).templates[stack]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Starts the process that the forks share."""
    if session.config.pluginmanager.has_plugin(forks.__name__):
        forks.most_mutants = _MUTANTS_OF_A_PROCESS
        for stage in STAGES:
            _made(stage)


def _empty_layer(target: DeploymentTarget) -> Path:
    return Path(__file__).parent


synthesised.synthesise = functools.cache(_made)
synthesised.alone = _alone
bundling.service_layer = _empty_layer
bundling.dependencies_layer = _empty_layer
