"""A pytest plugin for mutants of `infra`: each process synthesises the templates for itself.

The tests of the templates otherwise share templates that are made once for certain sources, and
mutants do not differ by their sources. Two things that no grant depends on are left out: the checks
of cdk-nag, and the files of the layers.
"""

import functools
import tempfile
from pathlib import Path

from infra import bundling
from infra.deployment_target import DeploymentTarget
from tests.unit.infra import synthesised
from tests.unit.infra.synthesised import CONTEXTS, Synthesised, built_app, taken_apart

# Files of functions stay where they are, instead of in the folder of the templates.
_IN_PLACE = {"aws:cdk:disable-asset-staging": True}


@functools.cache
def _synthesise(stage: str) -> Synthesised:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, stage)
        built_app(stage, {**CONTEXTS[stage], **_IN_PLACE}, folder).synth()
        return taken_apart(stage, folder, [])


def _empty_layer(target: DeploymentTarget) -> Path:
    return Path(__file__).parent


synthesised.synthesise = _synthesise
bundling.service_layer = _empty_layer
bundling.dependencies_layer = _empty_layer
