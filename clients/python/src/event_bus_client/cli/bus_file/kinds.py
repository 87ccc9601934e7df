"""The kinds of resources of the file: how each is read from a bus, compared and written."""

from collections.abc import Collection, Mapping

from event_bus_client.cli.bus_file.categories import ReadModelKind, ReducerKind
from event_bus_client.cli.bus_file.enrichments import enrichment_of
from event_bus_client.cli.bus_file.kind import Kind, Members
from event_bus_client.cli.bus_file.schema import Schema


class PublisherKind(Kind):
    """The services that publish."""

    name = "publishers"
    definition = "Publisher"

    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Reads publishers."""
        names = self.normal("", {})
        return {
            each["service_id"]: {name: each[name] for name in names if name in each}
            for each in self._found("publishers", ids)
        }

    def normal(self, resource_id: str, members: Members) -> Members:
        """Leaves out `authentication`, which a bus never shows."""
        made = super().normal(resource_id, members)
        made.pop("authentication", None)
        types = list(dict.fromkeys(made.get("event_types", [])))
        return {**made, "name": made["name"] or resource_id, "event_types": types}

    def create(self, resource_id: str, members: Members) -> Members:
        """Registers a publisher."""
        return self.bus.publishers.create(service_id=resource_id, **members)

    def change(self, resource_id: str, members: Members, changed: Collection[str]) -> None:
        """Changes the members that differ; a service may not send the others."""
        wanted = self.normal(resource_id, members)
        self.bus.publishers.update(resource_id, **{name: wanted[name] for name in changed})

    def remove(self, resource_id: str) -> None:
        """Removes a publisher."""
        self.bus.publishers.delete(resource_id)


class SubscriberKind(Kind):
    """The types that services may receive."""

    name = "subscribers"
    definition = "Subscriber"

    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Reads what services may receive."""
        found = self._found("subscribers", ids)
        return {each["service_id"]: {"event_types": each["event_types"]} for each in found}

    def create(self, resource_id: str, members: Members) -> Members:
        """Gives a service its types."""
        return self.bus.subscribers.put(resource_id, members["event_types"])

    def change(self, resource_id: str, members: Members, _changed: Collection[str]) -> None:
        """Replaces the types of a service."""
        self.create(resource_id, members)

    def remove(self, resource_id: str) -> None:
        """Removes the types, so that the default of the deployment applies."""
        self.bus.subscribers.delete(resource_id)


class SchemaKind(Kind):
    """The latest schema of each event type, and its settings."""

    name = "schemas"
    definition = "Schema"

    _VERSION = ("schema", "example", "upcast")
    _SETTINGS = ("compatibility", "validation", "description")

    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Reads schemas with their settings, but no settings of types without a schema."""
        found: dict[str, Members] = {}
        for each in self._found("schemas", ids):
            if each["latest_version"] is None:
                continue
            version = self.bus.schemas.get(each["type"], "latest")
            found[each["type"]] = {
                **{name: version[name] for name in self._VERSION},
                **{name: each[name] for name in self._SETTINGS},
            }
        return found

    def normal(self, _resource_id: str, members: Members) -> Members:
        """Adds the default settings of a type for which nothing was set."""
        first = {"compatibility": "backward", "validation": "off", "description": None}
        return {"example": None, "upcast": None, **first, **members}

    def create(self, resource_id: str, members: Members) -> Members:
        """Registers the first version, then the settings."""
        self._register(resource_id, members)
        settings = {name: members[name] for name in self._SETTINGS if name in members}
        if settings:
            self.bus.schemas.update(resource_id, **settings)
        return {}

    def change(self, resource_id: str, members: Members, changed: Collection[str]) -> None:
        """Changes the settings first: the version may be compatible only under the new ones."""
        wanted = self.normal(resource_id, members)
        settings = {name: wanted[name] for name in self._SETTINGS if name in changed}
        if settings:
            self.bus.schemas.update(resource_id, **settings)
        if set(self._VERSION) & set(changed):
            self._register(resource_id, members)

    def remove(self, resource_id: str) -> None:
        """Deletes all versions of a type."""
        for each in self.bus.schemas.versions(resource_id):
            self.bus.schemas.delete(resource_id, each["version"])

    def _register(self, event_type: str, members: Members) -> None:
        version = {name: members[name] for name in self._VERSION if name in members}
        self.bus.schemas.register(event_type, **version)


class SubscriptionKind(Kind):
    """Subscriptions."""

    name = "subscriptions"
    definition = "Subscription"

    def stored(self, ids: Collection[str] | None) -> dict[str, Members]:
        """Reads subscriptions, without those of clients that listen."""
        return {
            each["id"]: self._shown(each)
            for each in self._found("subscriptions", ids)
            if each["expires_at"] is None
        }

    def normal(self, resource_id: str, members: Members) -> Members:
        """Fills in what the bus derives from other members."""
        made = {**self.defaults(), **members}
        url = made.pop("callback_url", None)
        service_id = made["service_id"] or service_of(resource_id)
        if made["handles"] and "delivery_guarantee" not in members:
            made["delivery_guarantee"] = "exactly_once"
        target = made["target"] or ({"type": "http", "url": url} if url else None)
        return {
            **made,
            "service_id": service_id,
            "name": made["name"] or service_id,
            "event_types": list(dict.fromkeys(made.get("event_types", []))),
            "target": target and self._target(target),
            **_followed(made),
            "enrichment": enrichment_of(made["enrichment"]),
            "transform": _transform(made["transform"]),
            "retry_policy": _policy(
                made["retry_policy"] or {}, self.defaults("RetryPolicyRequest")
            ),
        }

    def compared(self, before: Members, after: Members) -> tuple[Members, Members]:
        """Treats the URL and the ARN of a queue as equal.

        `verify` counts only if the file sets it, and the status only if the file says whether the
        subscription is paused.
        """
        if after["paused"] is None:
            before = {**before, "paused": None}
        if not after["verify"]:
            before = {**before, "verify": False}
        old, new = ((each["target"] or {}).get("queue") for each in (before, after))
        if old and new and _queue_name(old) == _queue_name(new):
            before = {**before, "target": {**before["target"], "queue": new}}
        return before, after

    def written(self, resource_id: str, normal: Members) -> Members:
        """Writes a callback without further settings as its URL."""
        members = super().written(resource_id, normal)
        if members.get("paused") is not True:
            members.pop("paused", None)
        if normal["handles"]:
            members["delivery_guarantee"] = normal["delivery_guarantee"]
        if target := members.pop("target", None):
            given = {name: value for name, value in target.items() if value not in (None, False)}
            if given.keys() == {"type", "url"} and given["type"] == "http":
                members["callback_url"] = given["url"]
            else:
                members["target"] = given
        if "retry_policy" in members:
            default = self.normal(resource_id, {})["retry_policy"]
            policy = members["retry_policy"]
            members["retry_policy"] = {
                name: value
                for name, value in policy.items()
                if value is not None and value != default[name]
            }
            if policy["schedule"]:
                members["retry_policy"]["max_attempts"] = policy["max_attempts"]
        return members

    def create(self, resource_id: str, members: Members) -> Members:
        """Registers a subscription under its id."""
        made = self._put(resource_id, members)
        if members.get("paused"):
            self._pause(resource_id, paused=True)
        return made

    def change(self, resource_id: str, members: Members, changed: Collection[str]) -> None:
        """Replaces a subscription as a whole; its secret and circuit are kept.

        It is paused before its other members change, and resumed after they have.
        """
        paused = members.get("paused") if "paused" in changed else None
        if paused:
            self._pause(resource_id, paused=True)
        if {*changed} != {"paused"}:
            self._put(resource_id, members)
        if paused is False:
            self._pause(resource_id, paused=False)

    def remove(self, resource_id: str) -> None:
        """Removes a subscription."""
        self.bus.subscriptions.delete(resource_id)

    def _put(self, resource_id: str, members: Members) -> Members:
        owner = {"service_id": service_of(resource_id)} if service_of(resource_id) else {}
        put = {name: value for name, value in {**owner, **members}.items() if name != "paused"}
        return self.bus.subscriptions.put(resource_id, **put)

    def _pause(self, resource_id: str, *, paused: bool) -> None:
        status = "paused" if paused else "active"
        self.bus.subscriptions.update(resource_id, status=status)

    def _shown(self, answer: Members) -> Members:
        """Returns the normal form of a subscription that a bus shows."""
        members = {name: answer[name] for name in self.defaults() if name in answer}
        members["event_types"] = answer["event_types"]
        members["verify"] = answer["verified_at"] is not None
        # A disabled subscription is neither paused nor active.
        members["paused"] = {"active": False, "paused": True}.get(answer["status"], "disabled")
        members.pop("callback_url", None)
        return self.normal(answer["id"], members)

    def _target(self, target: Members) -> Members:
        """Returns a target by the members that a file may name, with their defaults."""
        definition = _definition_of(str(target["type"]), self._definitions)
        if definition is None:
            return target
        given = {
            name: target[name]
            for name in self._definitions[definition]["properties"]
            if name in target
        }
        made = {**self.defaults(definition), **given}
        if made.get("managed"):
            # The bus names the queue.
            made["queue"] = None
        return made


KINDS: tuple[type[Kind], ...] = (
    SubscriberKind,
    PublisherKind,
    SchemaKind,
    ReducerKind,
    ReadModelKind,
    SubscriptionKind,
)
"""The kinds, in the order in which they are applied: a publisher may name services that receive."""


_WITHOUT_SCHEDULE = {"max_attempts": 12, "base": 5, "factor": 4.0, "cap": 21_600}
"""The defaults of a retry policy without a schedule."""


def service_of(subscription_id: str) -> str | None:
    """Returns the service in an id that somebody chose; None for an id that the bus generated."""
    service_id, dot, _ = subscription_id.partition(".")
    return service_id if dot else None


def _transform(transform: Members | None) -> Members | None:
    """Returns a transform as the bus shows it: with its format, without empty members."""
    if transform is None:
        return None
    held = {name: value for name, value in transform.items() if value not in (None, {})}
    if "template" in held:
        held["template"] = {"input_paths_map": {}, **held["template"]}
    alone = "expression" in held or "template" in held
    made = {"format": "payload" if alone else "event", **held}
    if made["format"] == "cloudevents":
        return {"mode": "structured", **made}
    made.pop("mode", None)
    return made


def _followed(members: Members) -> Members:
    """Returns the members that depend on `stream`, without the filter that the bus adds for it."""
    if not members["stream"]:
        return {}
    filters = {**members["filters"]}
    pattern = filters.pop("*", {})
    metadata = pattern.get("metadata")
    if isinstance(metadata, dict):
        metadata = {name: value for name, value in metadata.items() if name != "stream_id"}
    left = {name: value for name, value in pattern.items() if name not in ("source", "metadata")}
    if metadata:
        left["metadata"] = metadata
    if left:
        filters["*"] = left
    stream = {name: value for name, value in members["stream"].items() if value is not None}
    return {"stream": stream, "ordered": True, "filters": filters}


def _policy(given: Members, defaults: Members) -> Members:
    """Returns a retry policy with the waits that the bus fills in."""
    made = {**defaults, **{name: value for name, value in given.items() if value is not None}}
    if made["schedule"]:
        return {**made, "max_attempts": made["max_attempts"] or len(made["schedule"]) + 1}
    return {**made, **{name: made[name] or value for name, value in _WITHOUT_SCHEDULE.items()}}


def _definition_of(target_type: str, definitions: Mapping[str, Schema]) -> str | None:
    """Returns the schema of a type of target."""
    mapping = definitions["TargetRequest"].get("discriminator", {}).get("mapping", {})
    return str(mapping[target_type]).rpartition("/")[2] if target_type in mapping else None


def _queue_name(queue: str) -> str:
    """Returns the account and the name of a queue, from its ARN or its URL."""
    parts = queue.split(":")[4:] if queue.startswith("arn:") else queue.split("/")[-2:]
    return "/".join(parts)
