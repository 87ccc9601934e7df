"""A deployed bus whose functions, and their calls to AWS, are measured.

Its clients send plain HTTP requests. The Python client may repeat a request, which would then be
counted twice.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.metered.wire import Wire, counting
from benchmarks.sharing import folders, shared_later
from infra.deployment_target import AWS, EMULATOR
from infra.tables import TABLES
from localstack.bus import LocalBus
from localstack.deployment import deploy
from localstack.emulator import Emulator

_INSIDE = Path(__file__).with_name("inside")
_PATIENCE_SECONDS = 180.0
_REST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function.

    Attributes:
        function: Its folder.
        processor_ms: Its processor time, in milliseconds.
        ms: Its duration, in milliseconds.
        records: How many records it was called with.
        logged: How many characters it wrote to its log.
    """

    function: str
    processor_ms: float
    ms: float
    records: int
    logged: int


@dataclass
class MeteredBus:
    """A bus that is measured.

    Attributes:
        bus: The bus.
        wire: Counts the calls of its functions to AWS.
        file: The file in which the functions record their calls.
        memory: Megabytes of each function that is measured.
    """

    bus: LocalBus
    wire: Wire
    file: Path
    memory: dict[str, int] = field(default_factory=dict)
    _read: int = 0

    def measure(self, functions: Mapping[str, str]) -> None:
        """Starts to measure deployed functions.

        Args:
            functions: The name of each in the measurements, by its own name.
        """
        client: Any = self.bus.client("lambda")
        for name, called in functions.items():
            deployed = client.get_function_configuration(FunctionName=name)
            self.memory[called] = deployed["MemorySize"]
            variables = {
                **deployed["Environment"]["Variables"],
                "AWS_ENDPOINT_URL": f"{self.wire.url}/{called}",
                "METERED_FILE": str(self.file),
                "METERED_HANDLER": _on_aws(deployed["Handler"]),
                "METERED_NAME": called,
                "PYTHONPATH": str(_INSIDE),
            }
            client.update_function_configuration(
                FunctionName=name, Handler="meter.handler", Environment={"Variables": variables}
            )

    def client(self, key: str | None = None) -> httpx.Client:
        """Returns a client of the API.

        Args:
            key: Its key; the admin's by default.
        """
        headers = {"x-api-key": key or self.bus.admin_api_key}
        return httpx.Client(base_url=self.bus.api_url, headers=headers, timeout=60)

    def invocations(self) -> list[Invocation]:
        """Returns the calls of functions since the last call of this method."""
        lines = self.file.read_text().splitlines()
        new, self._read = lines[self._read :], len(lines)
        return [Invocation(**json.loads(line)) for line in new]

    def delivered(self, count: int) -> None:
        """Waits until a number of deliveries over HTTP were recorded since calls were last taken.

        Raises:
            TimeoutError: They were not.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._recorded() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count - self._recorded()} deliveries were not recorded")
            time.sleep(0.01)

    def _recorded(self) -> int:
        return sum(
            call.function.startswith("deliver_http")
            and call.operation == "UpdateItem"
            # An ordered subscription has its cursor updated by the same function.
            and "deliveries" in call.written
            for call in self.wire.calls()
        )

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Delays the functions that collect events to the end of the block, and waits for them."""
        with shared_later(self.bus):
            yield
            self.wire.rest(_REST_SECONDS)
        # The emulator polls their sources every second, one after the other.
        self.wire.rest(4)


@contextmanager
def metered_bus() -> Iterator[MeteredBus]:
    """Deploys a bus onto an emulator of its own, and measures all its functions."""
    with tempfile.TemporaryDirectory() as directory:
        emulator = Emulator.start(Path(directory, "emulator"), port=0)
        try:
            bus = deploy(emulator)
            with counting(bus.endpoint_url) as wire:
                wire.tables = {bus.resources[f"{each.name}_table"]: each.name for each in TABLES}
                file = Path(directory, "invocations")
                file.touch()
                metered = MeteredBus(bus, wire, file)
                metered.measure(folders(bus.client("lambda")))
                yield metered
        finally:
            emulator.stop()


def _on_aws(handler: str) -> str:
    # The emulator's own handler prints a line that no function prints on AWS.
    return AWS.handler if handler == EMULATOR.handler else handler
