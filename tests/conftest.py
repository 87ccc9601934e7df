"""What all tests share: a bus that is deployed onto an emulator of its own."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import settings

from infra.cors import cors
from infra.settings import LOCAL
from localstack.assembly import assembly
from localstack.bus import LocalBus
from localstack.emulator import LOG, Emulator
from localstack.opening import opened
from localstack.stacks import create_stacks
from tests.orphans import end_with
from tests.scheduling import EMULATORS, FewEmulators

pytest.register_assert_rewrite("tests.contracts")

# No example fails because the machine is busy, and each run tries the same ones.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")

_MEMORY = Path("/dev/shm")
# For the files of an emulator, and for the processes of its functions.
_ROOM = 2 * 2**30
_STOP_SECONDS = 60


@pytest.fixture(scope="session")
def emulator_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the emulator keeps its files: in memory, if there is plenty.

    It unpacks the code of functions, and keeps what they store. On a disk, tests wait for that, and
    for its removal.
    """
    kept = tmp_path_factory.mktemp("emulator")
    if not _room_in_memory():
        yield kept
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="event-bus-tests-") as folder:
        yield Path(folder)
        shutil.copy(Path(folder, LOG), kept)


def _room_in_memory() -> bool:
    if not _MEMORY.is_dir():
        return False
    wanted = _ROOM * min(EMULATORS, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    return wanted < min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available)


@pytest.fixture(scope="session")
def bus(emulator_folder: Path) -> Iterator[LocalBus]:
    """The whole app on an emulator that no other test run shares.

    Each function may do what its role lets it, and nothing is asked without TLS.
    """
    emulator = Emulator.start(emulator_folder, port=0, strict=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for variable in _TRUSTED:
                patch.setenv(variable, str(emulator.certificate))
            # Without the CDK's command line, which takes a processor 12 s.
            outputs = create_stacks(emulator, assembly())
            yield opened(emulator, outputs, LOCAL, cors(["*"]))
    finally:
        emulator.stop()


_TRUSTED = ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name whom clients trust."""


LONGEST = (
    "tests/end_to_end/test_chaos.py",
    "tests/end_to_end/test_sensitive_payloads.py",
    "tests/end_to_end/test_secrets.py",
    "tests/end_to_end/test_pausing.py",
    "tests/end_to_end/test_client_applications.py",
    "tests/end_to_end/test_receive_rights.py",
    "tests/end_to_end/test_authorisation.py",
    "tests/end_to_end/test_retries.py",
    "tests/end_to_end/test_sse.py",
    "tests/end_to_end/test_injection.py",
    "tests/end_to_end/test_slow_subscribers.py",
    "tests/end_to_end/test_docs.py",
    "tests/end_to_end/test_replays.py",
    "tests/end_to_end/test_keys.py",
    "tests/end_to_end/test_overlap.py",
    "tests/end_to_end/",
    "tests/integration/",
    "tests/unit/infra/test_checks.py",
    "tests/unit/simulation/",
    "tests/unit/event_bus/matching/",
    "tests/unit/infra/",
)
"""The paths of the longest tests, in the order in which they start. Workers take files in this
order, so that short files fill the end. Tests that wait come before those that need a processor.
Tests that search everything on a bus come before the tests that store much. The checks synthesise
the app, for which other tests of the infrastructure wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests that take longest first."""

    def place(item: pytest.Item) -> int:
        begins = item.nodeid.startswith
        return next((at for at, each in enumerate(LONGEST) if begins(each)), len(LONGEST))

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FewEmulators | None:
    """Says which process runs which files."""
    return FewEmulators(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Keeps the garbage collector from searching the tests and imported modules.

    They live as long as the run. Collecting without it, and leaving out what is there afterwards,
    saves a third of the time of a collection, and a tenth of the time of unit tests.
    """
    gc.disable()
    yield
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)
    gc.enable()


def _leads(pid: int) -> bool:
    """Whether a process was started in a group of its own, as emulators are."""
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Has a run that is told to end stop what it started."""

    def end(number: int, _: object) -> None:
        pytest.exit("terminated", returncode=128 + number)

    def end_all(number: int, _: object) -> None:
        workers = psutil.Process().children()
        theirs = [each for worker in workers for each in worker.children()]
        for worker in workers:
            worker.terminate()
        # Otherwise they were killed after a few seconds, before they stopped their emulators. What
        # is in their own group ends with them.
        apart = [each for each in theirs if _leads(each.pid)]
        psutil.wait_procs(apart, timeout=_STOP_SECONDS)
        pytest.exit("terminated", returncode=128 + number)

    if hasattr(config, "workerinput"):
        # It stops what it started, also if the process that distributes the tests is killed.
        end_with(os.getppid(), signal.SIGTERM)
    if config.getoption("numprocesses", None):
        signal.signal(signal.SIGINT, end_all)
        signal.signal(signal.SIGTERM, end_all)
    else:
        signal.signal(signal.SIGTERM, end)
