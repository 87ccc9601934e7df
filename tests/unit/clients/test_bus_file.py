"""A file for `event-bus apply` is compared with the bus, applied and exported."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from event_bus_client.cli.bus_file.plan import load, plan
from event_bus_client.cli.bus_file.text import InvalidFile

from tests.unit.clients.bus_files import FOLLOWING, GOOD, HANDLER, OFFLINE, bus_of
from tests.unit.clients.command_line import exit_code, run
from tests.unit.clients.registry import RegistryBus


def written(file: Path, text: str = GOOD) -> tuple[str, ...]:
    file.write_text(text)
    return ("apply", "--file", str(file))


def test_a_file_is_applied_once(tmp_path: Path) -> None:
    bus = RegistryBus()
    file, secrets = tmp_path / "bus.yaml", tmp_path / "secrets.jsonl"
    arguments = written(file)
    assert exit_code(bus, *arguments, "--check") == 8
    assert not bus.changes
    done = run(bus, *arguments, "--yes", "--secrets", str(secrets))
    assert done.exit_code == 0, done.output
    assert "9 to create, 0 to change, 0 to remove" in done.output
    # The publisher is made after the service that it names is known.
    assert bus.changes[0] == "PUT /subscribers/billing"
    handed = [json.loads(line) for line in secrets.read_text().splitlines()]
    assert [each["resource"] for each in handed] == [
        "publishers/shop",
        "subscriptions/billing.large-orders",
    ]
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert handed[0]["api_key"] not in done.output
    before = len(bus.changes)
    assert "Nothing differs." in run(bus, *arguments, "--yes").output
    assert run(bus, *arguments, "--check").exit_code == 0
    assert len(bus.changes) == before


def test_differences_from_the_file_are_shown_and_then_applied(tmp_path: Path) -> None:
    bus = RegistryBus()
    file = tmp_path / "bus.yaml"
    run(bus, *written(file), "--yes", "--secrets", str(tmp_path / "secrets"))
    arguments = written(file, GOOD.replace('">=", 100', '">=", 200').replace("Somebody", "A human"))
    shown = run(bus, *arguments, "--check")
    assert "~ subscriptions/billing.large-orders" in shown.output
    assert '/filters/order.placed/total: [{"numeric": [">=", 100]}] →' in shown.output
    before = len(bus.changes)
    assert run(bus, *arguments, input="n\n").exit_code == 1
    assert len(bus.changes) == before
    assert run(bus, *arguments, input="y\n").exit_code == 0
    assert bus.changes[before:] == [
        "PATCH /schemas/order.placed",
        "PUT /subscriptions/billing.large-orders",
    ]
    document = json.loads(run(bus, *arguments, "--check", "--json").stdout)
    assert document == {"changes": [], "notes": [], "applied": False}


def test_a_new_version_of_a_schema_is_registered(tmp_path: Path) -> None:
    bus = RegistryBus()
    file = tmp_path / "bus.yaml"
    run(bus, *written(file), "--yes", "--secrets", str(tmp_path / "secrets"))
    before = len(bus.changes)
    arguments = written(file, GOOD.replace("{type: integer}", "{type: number}"))
    run(bus, *arguments, "--yes")
    assert bus.changes[before:] == ["POST /schemas/order.placed/versions"]
    assert run(bus, *arguments, "--check").exit_code == 0


def test_objects_that_the_file_lacks_are_removed_only_with_prune(tmp_path: Path) -> None:
    bus = RegistryBus()
    file = tmp_path / "bus.yaml"
    run(bus, *written(file), "--yes", "--secrets", str(tmp_path / "secrets"))
    less = (
        "subscriptions: {}\npublishers:\n"
        + GOOD.partition("publishers:\n")[2].partition("schemas:")[0]
    )
    arguments = written(file, less)
    assert run(bus, *arguments, "--check").exit_code == 0
    before = len(bus.changes)
    run(bus, *arguments, "--prune", "--yes")
    # Kinds that the file does not have are left alone.
    assert bus.changes[before:] == [
        "DELETE /subscriptions/billing.queue",
        "DELETE /subscriptions/billing.large-orders",
    ]


def test_listeners_are_neither_removed_nor_exported() -> None:
    bus = RegistryBus()
    made: dict[str, Any] = {"event_types": ["a.*"], "target": {"type": "websocket"}}
    bus_of(bus).subscriptions.put("billing.listener", service_id="billing", **made)
    bus.stored["subscriptions"]["billing.listener"]["expires_at"] = "2026-05-01T12:00:00.000Z"
    assert plan(load("subscriptions: {}", bus_of(bus)), prune=True) == []
    assert "listener" not in run(bus, "export").stdout


def test_a_schema_changes_after_its_settings(tmp_path: Path) -> None:
    bus = RegistryBus()
    file = tmp_path / "bus.yaml"
    run(bus, *written(file), "--yes", "--secrets", str(tmp_path / "secrets"))
    before = len(bus.changes)
    text = GOOD.replace("{type: integer}", "{type: string}")
    arguments = written(file, text.replace("validation: enforce", "compatibility: none"))
    run(bus, *arguments, "--yes")
    # Only the new setting permits the new version.
    assert bus.changes[before:] == [
        "PATCH /schemas/order.placed",
        "POST /schemas/order.placed/versions",
    ]


def test_true_is_not_one(tmp_path: Path) -> None:
    bus, file = RegistryBus(), tmp_path / "bus.yaml"
    text = GOOD.replace("example: {total: 250}", "example: {total: [1, {of: 0}]}")
    run(bus, *written(file, text), "--yes", "--secrets", str(tmp_path / "secrets"))
    for same, other in (("[1, {", "[true, {"), ("{of: 0}", "{of: false}"), ("0}]", "0}, 0]")):
        [change] = plan(load(text.replace(same, other), bus_of(bus)), prune=False)
        assert change.resource == "schemas/order.placed"
    assert plan(load(text.replace("[1, {", "[1.0, {"), bus_of(bus)), prune=False) == []


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"ordered": True}, "ordered"),
        ({"service_id": "shop"}, "service_id"),
        ({"stream": {"source": "shop", "category": "a"}, "ordered": True}, "stream"),
    ],
)
def test_a_change_of_a_fixed_member_is_refused(members: dict[str, Any], at: str) -> None:
    bus = RegistryBus()
    made: dict[str, Any] = {"event_types": ["a.*"], "target": {"type": "pull"}}
    bus_of(bus).subscriptions.put("billing.all", service_id="billing", **made)
    text = json.dumps({"subscriptions": {"billing.all": {**made, **members}}})
    with pytest.raises(InvalidFile) as refusal:
        plan(load(text, bus_of(bus)), prune=False)
    assert f"/subscriptions/billing.all/{at}" in {each.pointer for each in refusal.value.faults}


@pytest.mark.parametrize("fails_after", range(10))
def test_an_interrupted_apply_is_repeated(tmp_path: Path, fails_after: int) -> None:
    whole, broken = RegistryBus(), RegistryBus(fails_after=fails_after)
    arguments = (*written(tmp_path / "bus.yaml"), "--yes", "--secrets", str(tmp_path / "secrets"))
    run(whole, *arguments)
    first = run(broken, *arguments)
    if first.exception is not None:
        assert "of 9 changes are made" in first.output
    broken.fails_after = None
    assert run(broken, *arguments).exit_code == 0
    assert broken.stored == whole.stored


def test_an_export_is_applied_without_a_change(tmp_path: Path) -> None:
    bus = RegistryBus()
    file = written(tmp_path / "bus.yaml", GOOD + HANDLER + FOLLOWING)
    run(bus, *file, "--yes", "--secrets", str(tmp_path / "secrets"))
    assert "Nothing differs." in run(bus, *file, "--check").output
    exported = run(bus, "export").stdout
    shown = run(bus, *written(tmp_path / "again.yaml", exported), "--check", "--prune")
    assert shown.exit_code == 0, shown.output + exported
    other = RegistryBus()
    arguments = written(tmp_path / "again.yaml", exported)
    run(other, *arguments, "--yes", "--secrets", str(tmp_path / "others"))
    assert other.stored == bus.stored
    assert json.loads(run(bus, "export", "--json").stdout) == yaml.safe_load(exported)


def test_a_type_whose_schemas_were_deleted_is_not_in_an_export(tmp_path: Path) -> None:
    bus = RegistryBus()
    settings = {"compatibility": "none", "validation": "off", "description": None}
    bus.stored["schemas"]["order.lost"] = {
        **settings,
        "type": "order.lost",
        "latest_version": None,
    }
    exported = run(bus, "export").stdout
    assert "order.lost" not in exported
    shown = run(bus, *written(tmp_path / "again.yaml", exported), "--check", "--prune")
    assert shown.exit_code == 0, shown.output + exported


def test_an_impossible_change_is_refused_before_any_other_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = RegistryBus()
    file = tmp_path / "bus.yaml"
    run(bus, *written(file), "--yes", "--secrets", str(tmp_path / "secrets"))
    before = len(bus.changes)
    text = GOOD.replace("{type: sqs, managed: true}", "{type: pull}").replace("a: Large", "b:")
    shown = run(
        bus, *written(file, text + "  sub_01ARZ3NDEKTSV4RRFFQ69G5FAV: {event_types: [a.b]}\n")
    )
    assert exit_code(bus, "apply", "--file", str(file), "--yes") == 2
    line = text.splitlines().index("    target: {type: pull}") + 1
    assert f"{file}:{line}:20: /subscriptions/billing.queue/target/type" in shown.stderr
    assert "name a new one by its service" in shown.stderr
    assert len(bus.changes) == before


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    text = GOOD.replace("https://billing.example.com/events", "ftp://billing.example.com")
    secrets = tmp_path / "secrets"
    shown = run(
        RegistryBus(), *written(tmp_path / "bus.yaml", text), "--yes", "--secrets", str(secrets)
    )
    assert "bus.yaml:31:19: /subscriptions/billing.large-orders/callback_url" in shown.stderr
    assert "7 of 9 changes are made" in shown.stdout


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601])
def test_secrets_need_a_file_that_only_the_owner_can_access(tmp_path: Path, mode: int) -> None:
    arguments = (*written(tmp_path / "bus.yaml"), "--yes")
    bus = RegistryBus()
    shown = run(bus, *arguments)
    assert shown.exit_code == 2
    assert "--secrets" in shown.output
    open_to_all = tmp_path / "secrets"
    open_to_all.write_text("")
    open_to_all.chmod(mode)
    assert exit_code(bus, *arguments, "--secrets", str(open_to_all)) == 3
    assert not bus.changes
    assert run(bus, *arguments, "--json").exit_code == 2


def test_variables_stand_for_keys_and_urls() -> None:
    text = (
        "publishers:\n  shop:\n    event_types: [a.b]\n    name: ${NAME}\n"
        "    authentication: {api_key: '${KEY}'}\n"
        "subscriptions:\n  shop.all:\n    event_types: [a.b]\n    callback_url: ${URL}/hook\n"
    )
    loaded = load(text, OFFLINE, {"KEY": "the-key-of-the-shop", "URL": "https://x"})
    assert (
        loaded.members["publishers"]["shop"]["authentication"]["api_key"] == "the-key-of-the-shop"
    )
    assert loaded.members["subscriptions"]["shop.all"]["callback_url"] == "https://x/hook"
    # Elsewhere a dollar sign is a dollar sign.
    assert loaded.members["publishers"]["shop"]["name"] == "${NAME}"


@pytest.mark.parametrize(
    "text", ["publishers: shop", "publishers: {shop: all}", "subscriptions: [a]"]
)
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidFile):
        load(text, OFFLINE, {})


def test_a_key_is_not_in_the_plan() -> None:
    text = (
        "publishers:\n  shop:\n    event_types: [a.b]\n"
        "    authentication: {api_key: the-key-of-the-shop}\n"
    )
    registry = RegistryBus()
    changes = plan(load(text, bus_of(registry)), prune=False)
    assert "the-key-of-the-shop" not in json.dumps([each.document() for each in changes])


def test_the_plan_says_that_keys_are_not_compared(tmp_path: Path) -> None:
    bus, file = RegistryBus(), tmp_path / "bus.yaml"
    key = "    authentication: {api_key: the-key-of-the-shop}\n"
    text = "publishers:\n  shop:\n    event_types: [a.b]\n"
    # The first time the key is registered, so there is nothing to say.
    assert (
        json.loads(run(bus, *written(file, text + key), "--check", "--json").stdout)["notes"] == []
    )
    run(bus, *written(file, text + key), "--yes")
    shown = run(bus, *written(file, text + key.replace("shop}", "new-shop}")), "--check")
    assert "publishers/shop: /authentication is not compared" in shown.output
    assert "event-bus keys" in shown.output
    assert "Nothing differs." in shown.output
    assert "the-key-of" not in shown.output
    assert "not compared" not in run(bus, *written(file, text), "--check").output


@pytest.mark.parametrize("paused", [None, True, False])
@pytest.mark.parametrize("status", [None, "active", "paused", "disabled"])
def test_a_file_pauses_resumes_or_leaves_alone(status: str | None, paused: bool | None) -> None:
    bus = RegistryBus()
    found = bus.stored["subscriptions"]
    members: dict[str, Any] = {"event_types": ["a.*"], "target": {"type": "pull"}}
    if status is not None:
        bus_of(bus).subscriptions.put("billing.all", service_id="billing", **members)
        found["billing.all"]["status"] = status
    if paused is not None:
        members["paused"] = paused
    text = json.dumps({"subscriptions": {"billing.all": {**members, "name": "All"}}})
    before = len(bus.changes)
    for change in plan(load(text, bus_of(bus)), prune=False):
        change.carry_out()
    expected = {None: status or "active", True: "paused", False: "active"}[paused]
    assert found["billing.all"]["status"] == expected
    made = [each.partition(" ")[0] for each in bus.changes[before:]]
    patched = expected != (status or "active")
    # It gets no event by its old members while it is to be paused.
    order = ["PATCH", "PUT"] if paused and status is not None else ["PUT", "PATCH"]
    assert made == (order if patched else ["PUT"])
    assert plan(load(text, bus_of(bus)), prune=False) == []


def test_an_export_says_what_is_paused() -> None:
    bus = RegistryBus()
    for name, status in (("a", "active"), ("b", "paused"), ("c", "disabled")):
        made: dict[str, Any] = {"event_types": ["a.*"], "target": {"type": "pull"}}
        made["service_id"] = "billing"
        bus_of(bus).subscriptions.put(f"billing.{name}", **made)
        bus.stored["subscriptions"][f"billing.{name}"]["status"] = status
    exported = run(bus, "export").stdout
    found = yaml.safe_load(exported)["subscriptions"]
    assert [each.get("paused") for each in found.values()] == [None, True, None]
    assert plan(load(exported, bus_of(bus)), prune=False) == []
