"""Overlapping operations of commands: send, reply, cancel, read, and delete handlers."""

from collections.abc import Callable

from event_bus import times
from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber
from tests.simulation.overlapping_world import OverlappingWorld, refuses_each
from tests.simulation.stories.story import TAKEN

_DONE = Outcome(status_code=200, response='{"paid":true}')
_POLICIES = ({"max_attempts": 1}, {"schedule": [1], "max_attempts": 3})

COMMAND_KINDS = ("handle", "send", "send", "reply", "cancel_command", "read_command")
"""The kinds of operations of commands."""

COMMAND_CONTESTS = (
    ("handle", "send", "work"),
    ("reply", "reply", "cancel_command"),
    ("reply", "cancel_command", "read_command"),
    ("cancel_command", "work", "work"),
    ("read_command", "reply", "work"),
    ("delete_handler", "send", "work"),
    ("delete_handler", "reply", "cancel_command"),
    ("retry", "cancel_command", "work"),
    ("retry", "reply", "work"),
)
"""Operations that compete for the same command or its handler."""


class CommandOperations:
    """Operations of clients with commands; None if there is no command for them."""

    world: OverlappingWorld
    _handlers: int = 0
    _sent: int = 0

    def _handle(self, choice: int) -> Callable[[], object]:
        # Each has a type of its own: the second handler of a type is refused.
        self._handlers += 1
        event_type = f"command.pay_{self._handlers}"
        if choice == 3:

            def register() -> None:
                self.world.pulled[self.world.handle_inbox([event_type])] = []

            return register
        refused = refuses_each(choice)
        answered = TAKEN if choice == 1 else _DONE
        subscriber = Subscriber(
            lambda event, number: answered if (said := refused(event, number)) is TAKEN else said
        )
        policy = _POLICIES[choice % len(_POLICIES)]
        return lambda: self.world.handle([event_type], subscriber, retry_policy=policy)

    def _send(self, choice: int) -> Callable[[], object]:
        types = [
            each.request["event_types"][0]
            for each in self.world.subscribed.values()
            if each.request.get("handles")
        ]
        # A command without a handler is accepted as well.
        event_type = types[choice % len(types)] if types else "command.pay"
        self._sent += 1
        name = f"c{self._sent}"
        deadline = times.at(self.world.now + 45) if choice == 2 else None
        return lambda: self.world.command(name, event_type, deadline=deadline)

    def _reply(self, choice: int) -> Callable[[], object] | None:
        body = {"payload": {"paid": choice % 2}} if choice < 3 else {"error": {"title": "No"}}
        return self._about_command(choice, lambda one: self.world.try_to_reply(one, body))

    def _cancel_command(self, choice: int) -> Callable[[], object] | None:
        return self._about_command(choice, self.world.cancel_command)

    def _read_command(self, choice: int) -> Callable[[], object] | None:
        return self._about_command(choice, self.world.end_of)

    def _delete_handler(self, choice: int) -> Callable[[], object] | None:
        handlers = [
            each.id
            for each in self.world.subscribed.values()
            if each.request.get("handles") and each.id not in self.world.gone
        ]
        if not handlers:
            return None
        handler = handlers[choice % len(handlers)]

        def delete() -> None:
            self.world.unsettled.add(handler)
            self.world.gone.add(handler)
            self.world.ask("registry", "DELETE /subscriptions/{id}", handler)

        return delete

    def _about_command(
        self, choice: int, work: Callable[[str], object]
    ) -> Callable[[], object] | None:
        stored = {name for (name,) in self.world.tables.items["events"]}
        sent = sorted(stored.intersection(self.world.published))
        commands = [name for name in sent if name.startswith("c")]
        if not commands:
            return None
        command_id = commands[-1 - choice % len(commands)]
        return lambda: work(command_id)
