"""`event-bus apply` and `event-bus export`."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.console import Group
from rich.text import Text

from event_bus_client.cli.bus_file.kind import Kind
from event_bus_client.cli.bus_file.plan import BusFile, Change, kinds_of, load, plan, unread
from event_bus_client.cli.bus_file.secrets import SecretsFile, hands_out, lost, secrets_in
from event_bus_client.cli.bus_file.text import CORE, FileFault, InvalidFile, parts, read
from event_bus_client.cli.context import State, state
from event_bus_client.cli.exits import Ended, Exit, failure, print_problem
from event_bus_client.cli.options import YES, counted, sure
from event_bus_client.cli.reading import text_of
from event_bus_client.cli.terminal import SafeConsole
from event_bus_client.errors import EventBusError, Problem

_SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
_LONGEST_VALUE = 60


def apply(
    context: typer.Context,
    file: Path | None = typer.Option(None, "--file", "-f", help="The file; - is stdin."),
    check: bool = typer.Option(
        False, "--check", help="Only compare; the exit code is 8 if something differs."
    ),
    prune: bool = typer.Option(
        False, "--prune", help="For each kind that the file lists, remove what it does not list."
    ),
    secrets: Path | None = typer.Option(
        None, "--secrets", help="A file for new keys and secrets, which are shown only once."
    ),
    schema: bool = typer.Option(
        False, "--schema", help="Print the JSON Schema of the file, for editors, and do nothing."
    ),
    yes: bool = YES,
) -> None:
    """Register what a file describes, such as publishers, schemas and subscriptions.

    The file may also describe subscribers, reducers and read models. The command shows what
    differs, and asks before it changes anything. You can run it again, even after an interruption:
    it does not repeat completed changes.

    Example: event-bus apply --file bus.yaml --secrets secrets.jsonl
    """
    known = state(context)
    if schema:
        known.output.document(kinds_of(known.bus)[0])
        return
    if file is None:
        raise typer.BadParameter("name the file by --file")
    name = str(file)
    try:
        wanted = load(text_of(file), known.bus)
        changes = plan(wanted, prune=prune)
    except InvalidFile as invalid:
        _refuse(known, name, invalid.faults)
    notes = unread(wanted, changes)
    listed = [each.document() for each in changes]
    document = {"changes": listed, "notes": notes, "applied": False}
    if check or not changes:
        known.output.show(_drawn(changes, notes), document)
        if changes:
            raise Ended(Exit.DIFFERENT)
        return
    if any(map(hands_out, changes)) and secrets is None and not sys.stdout.isatty():
        raise typer.BadParameter(
            "the bus will show keys or secrets once: name a file for them by --secrets"
        )
    if not known.as_json:
        known.output.console.print(_drawn(changes, notes))
    elif not yes:
        raise typer.BadParameter("--json changes something only with --yes")
    sure(f"Make {counted(len(changes), 'change')}?", yes)
    _make(known, name, wanted, changes, SecretsFile(secrets) if secrets else None)
    if known.as_json:
        known.output.item({**document, "applied": True})
    else:
        made = f"{counted(len(changes), 'change')} {'is' if len(changes) == 1 else 'are'} made."
        known.output.line(made, "bold green")


def export(context: typer.Context) -> None:
    """Print what is registered on a bus as a file that `event-bus apply` takes.

    The file has no keys and secrets. It says which subscriptions are paused.

    Example: event-bus export > bus.yaml
    """
    known = state(context)
    _, kinds = kinds_of(known.bus)
    document = {kind.name: dict(_exported(kind)) for kind in kinds}
    held = {name: each for name, each in document.items() if each}
    if known.as_json:
        known.output.item(held)
    else:
        typer.echo(written(held))


def written(document: dict[str, Any]) -> str:
    """Writes a file that is read as the document."""
    text = _dumped(document, readable=True)
    with suppress(InvalidFile):
        if read(text).value() == document:
            return text
    return _dumped(document, readable=False)


def _dumped(document: dict[str, Any], *, readable: bool) -> str:
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=readable, width=100
    )
    return text


def _exported(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the resources of a kind as a file says them, sorted."""
    for resource_id, normal in sorted(kind.stored(None).items()):
        yield resource_id, kind.written(resource_id, normal)


def _make(
    known: State,
    name: str,
    file: BusFile,
    changes: Sequence[Change],
    secrets: SecretsFile | None,
) -> None:
    for done, change in enumerate(changes):
        try:
            answer = change.carry_out()
        except EventBusError as error:
            known.context = {"resource": change.resource, "changes_made": done}
            if isinstance(error, Problem) and not known.as_json:
                path = [change.kind.name, change.resource_id]
                found = [
                    file.node.fault([*path, *parts(each.pointer)], each.detail)
                    for each in error.faults
                ]
                _show(name, found or [file.node.fault(path, error.detail or error.title)])
            known.output.line(
                f"{done} of {len(changes)} changes are made. Correct the cause, and repeat the "
                "command: it continues from there.",
                "yellow",
            )
            raise
        known.output.line(f"{_SIGNS[change.action][0]} {change.resource}", "dim")
        for secret in secrets_in(change, answer):
            if secrets is not None:
                secrets.add(secret)
            else:
                known.output.line(f"  {secret.member}: {secret.value}", "bold")
        if lost(change, answer):
            known.output.line(
                "  The answer with the signing secret was lost; replace it by: "
                f"event-bus subscriptions rotate-secret {change.resource_id}",
                "yellow",
            )


def _refuse(known: State, name: str, faults: Sequence[FileFault]) -> None:
    if known.as_json:
        failed = [asdict(each) for each in faults]
        print_problem(failure(Exit.USAGE, f"{name} is not valid.", errors=failed))
    else:
        _show(name, faults)
    raise Ended(Exit.USAGE)


def _show(name: str, faults: Sequence[FileFault]) -> None:
    console = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
    for fault in faults:
        console.print(f"{name}:{fault}", style="red", markup=False)


def _drawn(changes: Sequence[Change], notes: Sequence[str]) -> Group:
    """Returns the changes, with the members that differ, and what was not compared."""
    noted = [Text(each, "yellow") for each in notes]
    if not changes:
        return Group(*noted, Text("Nothing differs.", "green"))
    lines: list[Text] = []
    for change in changes:
        sign, style = _SIGNS[change.action]
        lines.append(Text(f"{sign} {change.resource}", style))
        lines += [
            Text.assemble(
                f"    {each.pointer}: ",
                (_short(each.before), "red"),
                " → ",
                (_short(each.after), "green"),
            )
            for each in change.fields
        ]
    counts = [f"{sum(each.action == action for each in changes)} to {action}" for action in _SIGNS]
    return Group(*lines, *noted, Text(", ".join(counts), "bold"))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


class _Dumper(yaml.SafeDumper):
    """Quotes strings that a reader of YAML 1.1 or of YAML 1.2 takes for something else."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *CORE.get(first, ())]
        for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *CORE}
    }

    def ignore_aliases(self, _data: Any) -> bool:
        """Writes every value out."""
        return True
