"""The file of events that wait to be published."""

import os
from pathlib import Path

import pytest
from event_bus_client.spool import Spool


def test_an_event_is_on_the_disk_before_it_counts_as_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    file = tmp_path / "events"

    def fsync(descriptor: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), file.stat())
        synced.append(file.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    spool = Spool(file)
    spool.append(b'{"id":"evt_1"}')
    spool.append(b'{"id":"evt_2"}')
    # All of the file, up to the new event: nothing stays in a buffer of this process.
    assert synced == [b'{"id":"evt_1"}\n', b'{"id":"evt_1"}\n{"id":"evt_2"}\n']
    spool.close()
