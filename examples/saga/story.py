"""The saga itself: which command follows which, and what compensates for a failure."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from secrets import token_hex

from examples.saga.bus import Bus, Document, Handler
from examples.saga.services import DISCARD, GENERATE, REVIEW, Generator, review

ANALYST, GENERATOR, REVIEWER = "saga_analyst", "saga_generator", "saga_reviewer"


@dataclass
class Saga:
    """Turns requirements into reviewed code.

    Attributes:
        bus: The bus, by the key of the analyst.
        run: A text of this run's own, for the ids of its events.
        say: Called with the text of each step.
    """

    bus: Bus
    run: str
    say: Callable[[str], None]

    def play(self, requirement: str, wish: str) -> bool:
        """Plays the saga for one requirement.

        Returns:
            Whether the requirement was completed; if not, its steps are undone.
        """
        self._tell("requirement.approved", requirement)
        work = {"requirement": requirement, "wish": wish}
        for command in (GENERATE, REVIEW):
            ended = self._command(command, requirement, work)
            if ended["state"] != "succeeded":
                self._command(DISCARD, requirement, {"requirement": requirement})
                self._tell("requirement.rejected", requirement)
                return False
        self._tell("requirement.completed", requirement)
        return True

    def _command(self, command: str, requirement: str, payload: Document) -> Document:
        ended = self.bus.command(
            {
                "id": self._id(command, requirement),
                "type": command,
                "payload": payload,
                "metadata": {"correlation_id": f"{self.run}-{requirement}"},
            }
        )
        error = ended["error"]
        said = error.get("detail", error["title"]) if error else ended["reply"]["payload"]
        self.say(f"{command} → {ended['state']}: {said}")
        return ended

    def _tell(self, event_type: str, requirement: str) -> None:
        event = {
            "id": self._id(event_type, requirement),
            "type": event_type,
            "payload": {"requirement": requirement},
            "metadata": {"correlation_id": f"{self.run}-{requirement}"},
        }
        self.bus.ask("POST", "/events", event)
        self.say(event_type)

    def _id(self, event_type: str, requirement: str) -> str:
        return f"{ANALYST}:{self.run}-{requirement}-{event_type.rpartition('.')[2]}"


@contextmanager
def played_by(url: str, admin: Bus, say: Callable[[str], None]) -> Iterator[tuple[Saga, Generator]]:
    """Sets up the services of the saga, until the end of the block.

    Args:
        url: The root of the bus's API.
        admin: The bus, by an admin key.
        say: Called with the text of each step.
    """
    generator = Generator()
    with ExitStack() as open_:
        analyst = open_.enter_context(closing(_service(url, admin, ANALYST)))
        for name, work in (
            (GENERATOR, {GENERATE: generator.generate, DISCARD: generator.discard}),
            (REVIEWER, {REVIEW: review}),
        ):
            bus = open_.enter_context(closing(_service(url, admin, name)))
            body = {"event_types": list(work), "handles": True, "target": {"type": "pull"}}
            made = bus.ask("POST", "/subscriptions", body)
            open_.callback(_unsubscribe, admin, name)
            handler = Handler(bus, made["id"], work)
            handler.start()
            open_.callback(handler.stop)
        yield Saga(analyst, token_hex(3), say), generator


def _service(url: str, admin: Bus, name: str) -> Bus:
    """Registers a service with a new key, replacing that of an earlier run."""
    _unsubscribe(admin, name)
    if any(each["service_id"] == name for each in admin.ask("GET", "/publishers")["items"]):
        admin.ask("DELETE", f"/publishers/{name}")
    types = ["requirement.*", "command.saga.*"] if name == ANALYST else [f"{name}.*"]
    body = {"service_id": name, "name": name, "event_types": types}
    made = admin.ask("POST", "/publishers", body)
    return Bus(url, made["authentication"]["api_key"])


def _unsubscribe(admin: Bus, name: str) -> None:
    found = admin.ask("GET", "/subscriptions", service_id=name)
    for each in found["items"]:
        admin.ask("DELETE", f"/subscriptions/{each['id']}")
