"""The bus that the distribution `event-bus` holds: synthesised, and deployed without Node.

`localstack/package.py` puts this module, and those that it imports, beside the cloud assembly.
"""

import json
import os
from pathlib import Path

from localstack.bus import LocalBus
from localstack.commands import Machine
from localstack.emulator import Emulator
from localstack.opening import opened
from localstack.stacks import create_stacks

VARIABLE = "EVENT_BUS_LOCAL"
"""The environment variable that names the folder of the bus's files."""

_HELD = Path(__file__).parent
_SETUP = _HELD / "setup.json"
_ASSEMBLY = _HELD / "assembly"


def deploy(emulator: Emulator) -> LocalBus:
    """Deploys the bus onto an emulator.

    Args:
        emulator: The emulator.
    """
    setup = json.loads(_SETUP.read_text())
    outputs = create_stacks(emulator, _ASSEMBLY)
    return opened(emulator, outputs, setup["stage"], setup["cors"])


def _directory() -> Path:
    chosen = os.environ.get(VARIABLE)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(chosen) if chosen else Path(data) / "event-bus"


machine = Machine(_directory(), deploy)
"""The bus on this machine."""
