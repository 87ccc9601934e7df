"""The TypeScript client, compiled from the API as it is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.built import BUILT, ROOT, files_of, fingerprint, made_once
from tests.processes import printed_by
from tests.unit.docs.programs import programs

USE = Path(__file__).with_name("use.ts")
AROUND = Path(__file__).with_name("around_samples.d.ts")
SOURCE = ROOT / "clients" / "typescript"
GENERATE: str = json.loads((SOURCE / "package.json").read_text())["scripts"]["generate"]
TOOLS = ROOT / "node_modules" / ".bin"

SUPPOSED = """
declare const process: { env: Record<string, any> };
declare const Buffer: { concat(chunks: Uint8Array[]): { toString(): string } };
declare const api: string, id: string, token: string;
declare const request: { headers: Record<string, string> }, body: string;
export {};
"""
"""What samples of the documentation use without importing or declaring it."""

PRELUDE = """
import { EventBus, Webhook } from "./index.js";
const given = JSON.parse(process.argv[2] ?? "null");
const asked = [], timers = [], queries = [];
const realTimeout = globalThis.setTimeout;
// The timers of attempts do not end; others end at once.
const ATTEMPT = new Set([5_000, 35_000]);
let inTime = (milliseconds) => !ATTEMPT.has(milliseconds);
globalThis.setTimeout = (action, milliseconds) => {
  timers.push(milliseconds);
  return realTimeout(action, inTime(milliseconds) ? 0 : 2 ** 31 - 1);
};
const answer = ({ status = 200, headers = {}, body = null }) =>
  new Response(body === null ? null : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
const bus = (respond, options = {}) =>
  new EventBus({
    url: "https://bus.test",
    apiKey: "k",
    timeout: 5_000,
    fetch: async (url, { method, body, headers, signal }) => {
      const sent = body ? JSON.parse(body) : null;
      queries.push(new URL(url).search);
      asked.push({ method, path: new URL(url).pathname, body: sent, headers });
      return answer(await respond(asked.at(-1), signal));
    },
    ...options,
  });
const item = (n) => ({ cursor: String(n), delivery_id: `d${n}`, event: { id: `evt_${n}` } });
const leased = { body: { items: [item(1), item(2), item(3)], lease: "lease_1" } };
const empty = { body: { items: [], lease: null } };
const say = (value) => console.log(JSON.stringify(value));
"""
"""The first lines of test programs: a stand-in answers their requests, and they hardly wait."""


def compiled(folder: Path) -> Path:
    """The client, compiled once for its sources.

    Its types are used by `use.ts` and by the samples of the documentation, so one run of the
    compiler checks all of them. A program in the folder imports the client by its name.

    Args:
        folder: Where a copy goes.

    Returns:
        The folder of its modules.
    """
    document = SOURCE / GENERATE.split()[1]
    files = files_of(SOURCE, document.resolve(), USE, AROUND, ROOT / "package-lock.json")
    parts = [*files, *(f"{name}\n{text}".encode() for name, text in programs("js").items())]
    built = made_once(BUILT / "typescript" / fingerprint([*parts, SUPPOSED.encode()]), _compile)
    shutil.copytree(built, folder, dirs_exist_ok=True)
    return folder / "dist"


def _compile(folder: Path) -> None:
    """Generates the types, and compiles the client."""
    shutil.copytree(SOURCE / "src", folder / "src")
    for each in ("tsconfig.json", "package.json"):
        shutil.copy(SOURCE / each, folder)
    shutil.copy(USE, folder / "src")
    shutil.copy(AROUND, folder / "src")
    (folder / "src" / "samples").mkdir()
    for name, text in programs("js").items():
        (folder / "src" / "samples" / f"{name}.ts").write_text(text + SUPPOSED)
    generate, document, *options = GENERATE.split()
    # On a busy machine, compilers take minutes.
    printed_by(TOOLS / generate, SOURCE / document, *options, folder=folder, seconds=250)
    printed_by(TOOLS / "tsc", "--project", "tsconfig.json", folder=folder, seconds=250)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled client. That it compiles is a test of its own: `use.ts` names the errors."""
    return compiled(tmp_path_factory.mktemp("typescript"))


def told(modules: Path, program: str, given: object = None) -> Any:
    """What a program prints after the prelude.

    Args:
        modules: The compiled client.
        program: The program.
        given: What it is given, as JSON.
    """
    (modules / "rules.mjs").write_text(PRELUDE + program)
    return json.loads(printed_by("node", "rules.mjs", json.dumps(given), folder=modules))
