"""Running replays, one page of events at a time."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus import json_numbers
from event_bus.log import logger, traces
from event_bus.matching.event_view import event_view
from event_bus.model.event import Event
from event_bus.model.replay import Replay
from event_bus.model.stream_name import StreamName
from event_bus.querying.event_query import EventQuery
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, first_message
from event_bus.queues.recorded_sending import send_recorded
from event_bus.recovery.backlog_runner import BacklogRunner
from event_bus.recovery.catch_up import CatchUpRunner
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.listings import EventSelector, ListedEvent, ListPage, all_events, with_any
from event_bus.stores.payloads import is_unanswered
from event_bus.stores.replays import ReplayStore

_PAGE = 50

MOST_DELIVERIES = 5_000
"""After how many deliveries a step ends: a step with many more would outlast its function."""


@dataclass(frozen=True, slots=True)
class ReplayRunner:
    """Sends the events of a replay to the lanes, and stores its progress.

    Attributes:
        replays: The replays.
        view: The subscriptions.
        events: The events.
        deliveries: Where a delivery is recorded whose message is refused.
        lanes: Where messages are sent.
        steps: Ends each step: stores the position, and sends the message for the next step.
        executor: Reads partitions in parallel.
        backlogs: Continues replays that deliver held events.
        catch_ups: Continues replays that start the streams of a new subscription.
    """

    replays: ReplayStore
    view: RegistryView
    events: EventStore
    deliveries: DeliveryStore
    lanes: Lanes
    steps: ReplaySteps
    executor: Executor
    backlogs: BacklogRunner
    catch_ups: CatchUpRunner

    def step(self, replay_id: str, behind: str = "") -> None:
        """Sends the next page of a replay's events, if the replay is running.

        Args:
            replay_id: The replay.
            behind: When the replay last continued, for a message that is only for the next step;
                nothing is done if it has continued since.
        """
        replay = self.replays.get(replay_id)
        if replay is None or replay.state != "running" or behind not in ("", replay.updated_at):
            return
        if replay.pause:
            self.backlogs.step(replay)
            return
        if replay.catches_up:
            self.catch_ups.step(replay)
            return
        self.view.refresh()
        page, messages, unroutable = self._matched(replay, self._page(replay))
        refused = self._send(messages)
        unroutable |= {each.event_id for each in refused}
        self.steps.end(
            replay,
            page,
            sent=len(messages) - len(refused),
            refused=len(refused),
            unroutable=len(unroutable),
        )

    def _page(self, replay: Replay) -> ListPage:
        if replay.event_id:
            position = f"{replay.since}#{replay.event_id}"
            entry = ListedEvent(position, replay.event_id, "", "", None, None)
            return ListPage((entry,), None, 1)
        # The events of one second, because a queue delays messages by whole seconds.
        length = max(_PAGE, replay.rate)
        query = EventQuery(since=replay.since, until=replay.until, order="oldest", limit=length)
        listing = with_any(EventSelector(source=replay.source)) if replay.source else all_events()
        listed = self.events.listed(listing, self.executor, newest_first=False)
        # Empty pages are read in the same step, because each step costs a write and a message.
        for page in listed.pages(query.between, replay.position or None, length):
            if page.entries:
                break
        return page.cut(length)

    def _send(self, messages: Sequence[Message]) -> list[Message]:
        """Sends messages; returns those that SQS refuses.

        An ordered subscription needs one message for several events of a stream, that of the last
        one: its lane delivers the others first.
        """
        streams: defaultdict[tuple[str, StreamName], list[Message]] = defaultdict(list)
        single: list[Message] = []
        for each in messages:
            rule = self.view.rule(each.subscription_id)
            if rule and rule.ordered and each.event and (stream := each.event.stream):
                streams[each.subscription_id, stream].append(each)
            else:
                single.append(each)
        last = [max(group, key=_version) for group in streams.values()]
        refused = send_recorded(self.lanes, self.deliveries, single + last)
        if not refused:
            return []
        without = {each.key for each in refused}
        left = [
            each
            for message, group in zip(last, streams.values(), strict=True)
            if message.key in without
            for each in group
            if each is not message
        ]
        return refused + send_recorded(self.lanes, self.deliveries, left)

    def _matched(self, replay: Replay, page: ListPage) -> tuple[ListPage, list[Message], set[str]]:
        """Matches the events of a page, up to `MOST_DELIVERIES`.

        Returns:
            The page up to the last event that was matched, the messages of these events, and the
            ids of those that cannot be read or matched.
        """
        wanted = [entry.id for entry in page.entries if replay.wants(entry.type, entry.source)]
        events, unroutable = self.events.readable(wanted)
        messages: list[Message] = []
        for place, entry in enumerate(page.entries, 1):
            if event := events.get(entry.id):
                try:
                    messages += self._messages_of(event, replay)
                except Exception as error:
                    if is_unanswered(error):
                        # S3 does not answer now, so the step is repeated with all its events.
                        raise
                    # One event must not block later ones.
                    logger.exception("event passed over", replay_id=replay.id, **traces(event))
                    unroutable.add(event.id)
            if len(messages) >= MOST_DELIVERIES:
                page = page.cut(place)
                return page, messages, unroutable & {each.id for each in page.entries}
        return page, messages, unroutable

    def _messages_of(self, event: Event, replay: Replay) -> list[Message]:
        if replay.stored_until and event.created_at > replay.stored_until:
            return []
        payload = json_numbers.loads(self.events.filtered_payload(event))
        seen = event_view(event.source, payload, event.metadata)
        return [
            first_message(event, rule, replay.id)
            for rule in self.view.matches(event, seen)
            if replay.audience in (None, rule.service_id)
            and replay.subscription_id in (None, rule.id)
        ]


def _version(message: Message) -> int:
    return (message.event and message.event.stream_version) or 0
