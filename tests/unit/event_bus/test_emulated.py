"""Each call on the emulator prints a line, however it ends."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import orjson
import pytest
from event_bus import log

FUNCTION = """
def handler(event, context):
    return {"status": 200 // event["divisor"]}
"""


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    Path(tmp_path, "handler.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("handler", "event_bus.emulated"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("event_bus.emulated")


def test_a_call_prints_a_line(emulated: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert emulated.handler({"divisor": 1}, None) == {"status": 200}
    assert capsys.readouterr().out == '{"level":"INFO","message":"called"}\n'


def test_a_call_that_fails_prints_a_line_too(
    emulated: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError):
        emulated.handler({"divisor": 0}, None)
    assert capsys.readouterr().out == '{"level":"INFO","message":"called"}\n'


def test_the_log_has_the_settings_and_the_output_of_the_process(
    emulated: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = dict(vars(log.logger))
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test_emulated")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    try:
        importlib.reload(emulated)
        log.logger.info("said")
    finally:
        vars(log.logger).clear()
        vars(log.logger).update(kept)
    told = orjson.loads(capsys.readouterr().out)
    assert (told["service"], told["message"]) == ("test_emulated", "said")
