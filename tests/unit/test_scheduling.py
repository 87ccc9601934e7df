"""The order in which the processes of a test run take files."""

from types import SimpleNamespace
from typing import Any

from tests.scheduling import EMULATORS, FewEmulators

PROCESSES = EMULATORS + 2
FILES = [
    *(f"tests/end_to_end/test_{number}.py" for number in range(2 * PROCESSES)),
    *(f"tests/unit/test_{number}.py" for number in range(2 * PROCESSES)),
]


class Process:
    """A process that takes files."""

    shutting_down = False

    def __init__(self, number: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.taken: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.taken += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_only_some_processes_take_files_that_need_an_emulator() -> None:
    options = SimpleNamespace(loadscopereorder=False)
    config: Any = SimpleNamespace(getvalue=lambda _: ["popen"] * PROCESSES, option=options)
    scheduler = FewEmulators(config)
    processes: list[Any] = [Process(number) for number in range(PROCESSES)]
    tests = [f"{file}::test_it" for file in FILES]
    for each in processes:
        scheduler.add_node(each)
        scheduler.add_node_collection(each, tests)
    scheduler.schedule()
    done = 0
    while not all(each.shutting_down for each in processes):
        for each in processes:
            if len(each.taken) > done:
                scheduler.mark_test_complete(each, each.taken[done])
        done += 1
    taken = [[FILES[index] for index in each.taken] for each in processes]
    assert sorted(file for files in taken for file in files) == sorted(FILES)
    for files in taken[EMULATORS:]:
        assert all(file.startswith("tests/unit/") for file in files)
    for files in taken[:EMULATORS]:
        assert files[0].startswith("tests/end_to_end/")
        # In their order: what waits comes before what needs a processor.
        assert files == sorted(files, key=lambda file: "/unit/" in file)
