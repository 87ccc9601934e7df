"""The TypeScript client refuses durations that no timer measures, and names what it needs."""

import json
from pathlib import Path
from typing import Any

from infra.built import ROOT
from tests.unit.clients.typescript import SOURCE, modules, told

__all__ = ["modules"]


DURATIONS = """
const names = { NaN: NaN, Infinity: Infinity };
const value = (each) => names[each] ?? each;
const refused = [];
for (const each of given.refused) {
  try {
    bus(() => null, { timeout: value(each) });
    refused.push(null);
  } catch (error) {
    refused.push([error.name, error.message]);
  }
}
for (const each of ["NaN", -1]) {
  const received = bus(() => empty).receive("sub_1", { renew: value(each), untilEmpty: true });
  refused.push(await received.next().catch((error) => [error.name, error.message]));
}
const unlimited = bus(() => ({ body: { id: "evt_1" } }), { timeout: Infinity });
const { id } = await unlimited.publish({ type: "a.b", payload: {} });
for await (const each of unlimited.receive("sub_1", { renew: Infinity, untilEmpty: true }));
const waits = [];
for (const wait of given.waits) {
  const before = timers.length;
  const problem = { status: 422, body: { type: "urn:event-bus:problem:invalid-request" } };
  const asking = bus(() => problem).receive("sub_1", { wait: value(wait) });
  waits.push([(await asking.next().catch((error) => error)).kind, timers.slice(before)]);
}
say({ refused, id, unlimited: timers.slice(0, 1), waits });
"""


def test_a_duration_that_no_timer_measures_is_refused(modules: Path) -> None:
    program = DURATIONS.replace(
        'body: { id: "evt_1" }', 'body: { id: "evt_1", items: [], lease: null }'
    )
    refused: list[Any] = [0, -1, "NaN", 2**31, "5000"]
    said = told(modules, program, {"refused": refused, "waits": [20, -20, "NaN", "Infinity", 1e9]})
    assert [name for name, _ in said["refused"]] == ["ConfigurationError"] * (len(refused) + 2)
    assert said["refused"][0][1] == (
        "timeout must be above 0 and at most 2147483647, or Infinity for no limit, not 0."
    )
    assert said["refused"][-1][1].startswith("renew must be 0 or above")
    assert said["id"] == "evt_1"
    # The publication has no timer; the pull has that of its wait.
    assert said["unlimited"] == [35_000]
    # The bus has time to refuse a wait that is not valid.
    assert said["waits"] == [
        ["invalid-request", [each]] for each in (35_000, 5_000, 5_000, 75_000, 75_000)
    ]


def test_the_guide_names_the_version_of_node_that_the_client_needs() -> None:
    engines = json.loads((SOURCE / "package.json").read_text())["engines"]
    guide = (ROOT / "docs" / "how-to" / "use-typescript.md").read_text()
    # https://nodejs.org/api/globals.html#static-method-abortsignalanysignals
    assert "AbortSignal.any(" in (SOURCE / "src" / "transport.ts").read_text()
    assert engines == {"node": ">=20.3"}
    assert "Node 20.3 or later" in guide
