"""`python -m localstack up`, `down` and `reset`, with the app of this repository."""

from infra.built import ROOT
from localstack.commands import Machine
from localstack.deployment import deploy

machine = Machine(ROOT / ".local", deploy)
app = machine.app
