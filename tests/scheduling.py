"""Spreads test files over processes, so that few of these start an emulator."""

from typing import Any

from xdist.scheduler.loadfile import LoadFileScheduling

EMULATORS = 4
"""How many processes take files that need an emulator, which costs 15 s of a processor."""

_WITHOUT = "tests/unit/"


class FewEmulators(LoadFileScheduling):  # type: ignore[misc]
    """Hands out files in their order; the later processes begin with those without an emulator.

    End-to-end tests mostly wait, so the later processes use the processors meanwhile.
    """

    def _assign_work_unit(self, node: Any) -> None:
        if self.nodes.index(node) >= EMULATORS:
            without = next((each for each in self.workqueue if each.startswith(_WITHOUT)), None)
            if without is not None:
                self.workqueue.move_to_end(without, last=False)
        super()._assign_work_unit(node)
