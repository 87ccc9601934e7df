import json
import resource
import select
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest
from event_bus import times
from event_bus.errors import EvaluatorNotStarted, Unavailable
from event_bus.expressions import evaluator
from event_bus.expressions.evaluator import ExpressionFailed, InvalidExpression, check, evaluate
from event_bus.expressions.limits import MAX_EXPRESSION_CHARACTERS, MAX_INPUT_BYTES
from event_bus.time_limit import OutOfTime

from tests.waiting import join

EVENT = {"id": "evt_1", "type": "order.placed", "source": "shop"}


def result(expression: str, document: object = None, **bindings: object) -> object:
    return orjson.loads(evaluate(expression, document if document is not None else {}, bindings))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$", {"items": [{"price": 2, "quantity": 3}, {"price": 5, "quantity": 1}]}),
        ("$sum(items.(price * quantity))", 11),
        ('{"id": $event.id, "count": $count(items)}', {"id": "evt_1", "count": 2}),
        ("items[price > 3].quantity", 1),
        ('{"nothing": missing, "null": null}', {"null": None}),
        ("null", None),
        ('$contains("a1b", /[0-9]/)', True),
        ('"ü" & "\\u00e9"', "üé"),
    ],
)
def test_evaluates_jsonata(expression: str, expected: object) -> None:
    document = {"items": [{"price": 2, "quantity": 3}, {"price": 5, "quantity": 1}]}
    assert result(expression, document, event=EVENT) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 / 0", "a number is divided by zero"),
        ("$power(10, 400)", "a number is out of range"),
        ("$round(1e308, 400)", "a number is out of range"),
        ('$fromMillis(1, "[Q]")', "'Q' cannot be used here"),
    ],
)
def test_an_error_of_python_is_said_in_words(expression: str, said: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        result(expression)
    assert failed.value.detail == said


def test_takes_ready_made_json_as_input() -> None:
    assert result("a.b", orjson.Fragment(b'{"a":{"b":[1,2]}}')) == [1, 2]


def test_an_expression_does_not_see_what_another_left() -> None:
    assert result("($kept := 7; $kept)") == 7
    with pytest.raises(ExpressionFailed, match="no value"):
        evaluate("$kept", {}, {})
    assert result("$event.id", event={"id": "evt_1"}) == "evt_1"
    with pytest.raises(ExpressionFailed, match="no value"):
        evaluate("$event.id", {}, {})


@pytest.mark.parametrize(
    ("expression", "position", "said"),
    [
        ("$.a[", 4, "before end of expression"),
        ('{"a": 1', 7, "before end of expression"),
        ("a ++ b", 4, "cannot be used as a unary operator"),
        ("/(/", 3, "No terminating /"),
        ("(" * 4000, 0, "nested"),
        ("a" * (MAX_EXPRESSION_CHARACTERS + 1), MAX_EXPRESSION_CHARACTERS, "at most"),
        ("'\ud800'", 0, "surrogate"),
    ],
)
def test_refuses_what_is_not_jsonata_with_the_place(
    expression: str, position: int, said: str
) -> None:
    with pytest.raises(InvalidExpression, match=said) as refused:
        check(expression)
    assert refused.value.position == position


def test_accepts_jsonata() -> None:
    check('{"id": $event.id, "lines": items.{"name": name}}')


DOUBLING = "($f := function($x, $n) { $n = 0 ? $x : $f($x & $x, $n - 1) }; $f('aaaaaaaa', 60))"
SHARED = "($f := function($x, $n) { $n = 0 ? $x : $f([[$x, 1], [$x, 2]], $n - 1) }; $f('x', 60))"


@pytest.mark.parametrize(
    "expression",
    [
        "($f := function($x) { $f($x) }; $f(1))",
        "($f := function($x) { 1 + $f($x) }; $f(1))",
        DOUBLING,
        SHARED,
        '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /(a+)+$/)',
        '$pad("", 2000000000)',
        "$map([1..1000000], $string)",
        '$replace($pad("", 100000, "a"), "a", $pad("", 100000, "b"))',
        "[1..200000]",
        "(" * 3000 + "1" + ")" * 3000,
        "1/0",
        "$power(10, 400)",
        "function($x) { $x }",
        "$unknown(1)",
        "missing",
    ],
)
def test_an_expression_that_exceeds_a_bound_has_no_result(expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        evaluate(expression, {}, {})
    # The next one is not disturbed by it.
    assert result("a", {"a": 1}) == 1


def processor_seconds() -> float:
    """The processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    "expression",
    [
        "[1..10000000]",
        "$append([1..5000000], [1..5000000])",
        '$eval("$reverse([1..9000000])")',
        "[1..3000000]^($)",
    ],
)
def test_the_kernel_ends_an_expression_that_fills_the_memory(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The parent waits for long, so only the child's own timers can end the evaluation.
    monkeypatch.setattr(evaluator, "WALL_SECONDS", 60)
    before = processor_seconds()
    with pytest.raises(ExpressionFailed, match=r"too much (memory|processor)|more than"):
        evaluate(expression, {}, {})
    assert processor_seconds() - before < 3
    assert result("a", {"a": 1}) == 1


def test_a_large_payload_is_no_bomb() -> None:
    items = [{"name": f"article {place}", "price": place} for place in range(20_000)]
    document = {"items": items}
    assert len(json.dumps(document)) > 700_000
    assert result("$count(items)", document) == 20_000
    assert result("$sum(items.price)", document) == sum(range(20_000))


def test_refuses_an_input_that_is_too_large() -> None:
    with pytest.raises(ExpressionFailed, match="input"):
        evaluate("1", {"a": "x" * MAX_INPUT_BYTES}, {})


def test_threads_do_not_mix_their_results() -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        wrong.extend(number for _ in range(20) if result("a + 1", {"a": number}) != number + 1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    join(*threads)
    assert wrong == []


def test_the_caller_does_not_import_the_library() -> None:
    said = "import sys, event_bus.expressions.evaluator; print('jsonata' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, check=True, text=True, timeout=120
    )
    assert ran.stdout == "False\n"


def test_an_expression_does_not_see_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    process = evaluator._Process()
    try:
        process.ask(orjson.dumps({"check": "1"}))
        child = process._child
        assert child is not None
        with open(f"/proc/{child.pid}/environ", "rb") as given:
            assert b"AWS_" not in given.read()
    finally:
        process._end()


def test_an_expression_is_not_blamed_for_a_slow_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_worker.py").write_text("import signal; signal.pause()")
    monkeypatch.syspath_prepend(tmp_path)
    process, start = evaluator._Process(), evaluator._Process._start

    def started(process: evaluator._Process) -> "subprocess.Popen[bytes]":
        child = start(process)
        monkeypatch.setattr(evaluator, "WALL_SECONDS", 30.0)
        return child

    monkeypatch.setattr(evaluator, "WALL_SECONDS", 0.0)
    monkeypatch.setattr(evaluator._Process, "_start", started)
    try:
        assert process.ask(orjson.dumps({"check": "1"})) == b"{}"
        # The wait has an end.
        monkeypatch.setattr(evaluator, "_WORKER", "slow_worker")
        monkeypatch.setattr(evaluator, "START_SECONDS", 0.1)
        process._end()
        with pytest.raises(Unavailable, match="did not start"):
            process.ask(orjson.dumps({"check": "1"}))
        assert process._child is None
        # Nor is it blamed for a process that ends at its start.
        monkeypatch.setattr(evaluator, "_WORKER", "no_such_worker")
        with pytest.raises(Unavailable, match="did not start"):
            process.ask(orjson.dumps({"check": "1"}))
        assert process._child is None
    finally:
        process._end()


def test_a_batch_does_not_wait_for_one_slow_start_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten messages that each wait for ten seconds would outlast the function."""
    (tmp_path / "slow_worker.py").write_text("import signal; signal.pause()")
    monkeypatch.syspath_prepend(tmp_path)
    process, now = evaluator._Process(), times.steady()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(evaluator, "_WORKER", "slow_worker")
            patched.setattr(evaluator, "START_SECONDS", 0.1)
            with pytest.raises(EvaluatorNotStarted) as late:
                process.start()
        # The log of a failed attempt shows it.
        assert isinstance(late.value.__cause__, TimeoutError)
        begun = []
        monkeypatch.setattr(evaluator._Process, "_end", lambda _: begun.append(1))
        with pytest.raises(EvaluatorNotStarted):
            process.start()
        assert begun == []
        monkeypatch.undo()
        monkeypatch.setattr(times, "steady", lambda: now + 60)
        process.start()
    finally:
        process._end()


@pytest.mark.parametrize("starts", [True, False], ids=["while it starts", "during a request"])
def test_the_answer_to_an_interrupted_request_is_given_to_no_other(
    starts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = evaluator._Process()
    read = evaluator._read

    def interrupted(source: int, length: int, end: float) -> bytes:
        poll = select.poll()
        poll.register(source, select.POLLIN)
        assert poll.poll(30_000)
        raise OutOfTime

    try:
        if not starts:
            process.ask(orjson.dumps({"check": "1"}))
        monkeypatch.setattr(evaluator, "_read", interrupted)
        # What ends the process may be interrupted as well.
        monkeypatch.setattr(process, "_end", lambda: None)
        with pytest.raises(OutOfTime):
            process.ask(orjson.dumps({"evaluate": "1", "document": {}, "bindings": {}}))
        monkeypatch.delattr(process, "_end")
        monkeypatch.setattr(evaluator, "_read", read)
        assert process.ask(orjson.dumps({"check": "1"})) == b"{}"
    finally:
        process._end()


LARGE = orjson.dumps({"check": "1" * 1_000_000})
"""More than a pipe holds."""


@pytest.mark.parametrize(
    ("worker", "seconds", "said"),
    [
        ("sys.stdout.flush(); signal.pause()", 0.5, "too long"),
        ("sys.stdout.flush(); sys.stdin.buffer.read(100_000); signal.pause()", 0.5, "too long"),
        ("sys.stdout.flush(); sys.stdin.buffer.read(100_000)", 20.0, "memory or processor time"),
    ],
    ids=["reads nothing", "reads a part", "ends within the request"],
)
def test_a_child_that_does_not_read_is_not_awaited(
    worker: str, seconds: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = "sys.stdout.buffer.write(bytes(4))"
    (tmp_path / "deaf_worker.py").write_text(f"import signal, sys; {ready}; {worker}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(evaluator, "_WORKER", "deaf_worker")
    monkeypatch.setattr(evaluator, "WALL_SECONDS", seconds)
    process, failures = evaluator._Process(), list[str]()

    def ask() -> None:
        try:
            process.ask(LARGE)
        except ExpressionFailed as failure:
            failures.append(failure.detail)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        join(asking, seconds=30)
    finally:
        if process._child:
            process._child.kill()
    assert len(failures) == 1
    assert said in failures[0]
    # The next request starts another one.
    assert process._child is None


def test_no_expression_is_blamed_if_the_system_starts_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(Unavailable, match="did not start"):
        evaluator._Process().ask(LARGE)


DRAWN = '{"now": $now(), "millis": $millis(), "random": $random(), "shuffled": $shuffle([1..20])}'


def test_the_time_and_the_numbers_drawn_may_be_fixed() -> None:
    at = "2026-05-01T12:00:00.500Z"
    first = orjson.loads(evaluate(DRAWN, {}, {}, at=at, seed="evt_1 sub_1"))
    evaluate(DRAWN, {}, {}, at="2027-01-01T00:00:00.000Z", seed="evt_2 sub_1")
    assert orjson.loads(evaluate(DRAWN, {}, {}, at=at, seed="evt_1 sub_1")) == first
    assert (first["now"], first["millis"]) == (at, 1_777_636_800_500)
    other = orjson.loads(evaluate(DRAWN, {}, {}, at=at, seed="evt_1 sub_2"))
    assert (other["now"], other["random"] == first["random"]) == (at, False)


def test_without_them_it_is_now_and_by_chance() -> None:
    evaluate(DRAWN, {}, {}, at="2026-05-01T12:00:00.000Z", seed="s")
    before = times.unix()
    found = [orjson.loads(evaluate(DRAWN, {}, {})) for _ in range(2)]
    assert found[0]["millis"] >= 1000 * before - 1
    assert found[0]["random"] != found[1]["random"]
