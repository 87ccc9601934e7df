"""What the bus's functions print is in the emulator's log, whoever calls them."""

from typing import Any

import pytest

from localstack.function_output import logged
from localstack.ministack_costs import CALLED, HANDLER


@pytest.mark.parametrize(
    ("function", "printed", "in_log"),
    [
        ({"config": {"Handler": HANDLER}}, f"one\n\ntwo\n{CALLED}", "one\ntwo\n"),
        ({"Handler": HANDLER}, "one", "one\n"),
        ({"config": {"Handler": HANDLER}}, CALLED, ""),
        ({"config": {"Handler": HANDLER}}, None, ""),
        # Ministack logs the output of a client's call, and functions of others have no other one.
        ({"config": {"Handler": "index.handler"}}, "one", ""),
    ],
)
def test_the_output_of_a_function_is_logged(
    function: dict[str, Any], printed: str | None, in_log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = {"body": "{}", "log": printed}
    assert logged(lambda *_: result)(function, {}) is result
    assert capsys.readouterr().out == in_log
