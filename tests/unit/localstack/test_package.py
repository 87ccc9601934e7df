"""The distribution `event-bus` has every module that its modules import."""

import re
from pathlib import Path

import localstack
from localstack.package import MODULES

_IMPORTED = re.compile(
    r"^\s*(?:from localstack import (\w+)|(?:from|import) localstack\.(\w+))", re.M
)


def test_no_module_is_left_out() -> None:
    folder = Path(str(localstack.__file__)).parent
    for name in MODULES:
        source = (folder / f"{name}.py").read_text()
        imported = {own or member for own, member in _IMPORTED.findall(source)}
        assert imported <= {*MODULES}, name
