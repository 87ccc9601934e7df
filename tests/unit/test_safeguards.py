"""The safeguards that `python -m tests.safeguards` breaks stand where it looks for them."""

import pytest

from tests.safeguards.__main__ import ROOT
from tests.safeguards.catalogue import SAFEGUARDS, Safeguard


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda each: each.name)
def test_a_safeguard_can_be_broken(safeguard: Safeguard) -> None:
    text = (ROOT / safeguard.file).read_text()
    compile(safeguard.broken(text), safeguard.file, "exec")
