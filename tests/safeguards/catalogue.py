"""What keeps the promises, piece by piece, and how each piece is broken."""

from dataclasses import dataclass

_BUS = "layers/event_bus"
_EVENTS = f"{_BUS}/stores/events.py"
_DELIVERIES = f"{_BUS}/stores/deliveries.py"
_ATTEMPT_RUNNER = f"{_BUS}/delivery/attempts.py"
_TRANSITIONS = f"{_BUS}/model/transitions.py"
_ORDERED = f"{_BUS}/delivery/ordered.py"
_LANE = f"{_BUS}/delivery/lane.py"
_PACING = f"{_BUS}/delivery/pacing.py"
_CLIENT = f"{_BUS}/callbacks/client.py"
_CONNECTIONS = f"{_BUS}/callbacks/connections.py"
_SOCKET_SUBSCRIBERS = f"{_BUS}/stores/socket_subscribers.py"
_PUSHER = f"{_BUS}/inbox/pusher.py"
_CONVERSATION = f"{_BUS}/inbox/conversation.py"
_INBOX_CURSORS = f"{_BUS}/stores/inbox_cursors.py"
_LEASES = f"{_BUS}/inbox/leases.py"
_STREAMS = f"{_BUS}/inbox/sse.py"


@dataclass(frozen=True)
class Safeguard:
    """A piece of code that a promise hangs on.

    Attributes:
        name: What is done wrong without it.
        file: Where it stands.
        intact: It, as it occurs once in that file.
        spoilt: What takes its place.
    """

    name: str
    file: str
    intact: str
    spoilt: str

    def broken(self, text: str) -> str:
        """The file's text without the safeguard.

        Raises:
            ValueError: It does not occur in it, or more than once.
        """
        if text.count(self.intact) != 1:
            raise ValueError(f"{self.name}: found {text.count(self.intact)} times in {self.file}")
        return text.replace(self.intact, self.spoilt)


_STORING = (
    Safeguard(
        "an event takes the place of another one of its id",
        _EVENTS,
        '"attribute_not_exists(id) OR expires_at <= :now"',
        '"attribute_not_exists(nothing) OR expires_at <= :now"',
    ),
    Safeguard(
        "an event is stored before its large payload",
        _EVENTS,
        """        if event.payload is not None and not event.inline:
            self.payloads.put(event.id, event.digest, _joined(event.payload, event.sealed))
        if self.streams""",
        """        answer = self._put(event, retention_days)
        if event.payload is not None and not event.inline:
            self.payloads.put(event.id, event.digest, _joined(event.payload, event.sealed))
        return answer

    def _put(self, event: Event, retention_days: int) -> tuple[Put, Event]:
        if self.streams""",
    ),
    Safeguard(
        "a batch that comes again is counted again",
        f"{_BUS}/stores/metrics.py",
        """            if mark in found:
                return False
            parts""",
        """            parts""",
    ),
    Safeguard(
        "metrics of two who write at a time overwrite each other",
        f"{_BUS}/stores/metrics.py",
        '"ConditionExpression": "attribute_not_exists(version) OR version = :version",',
        '"ConditionExpression": "attribute_not_exists(nothing) OR version = :version",',
    ),
    Safeguard(
        "a sealed payload opens for any event",
        f"{_BUS}/encryption/payload_seal.py",
        'return f"{event.id}\\n{event.type}\\n{event.source}".encode()',
        'return b""',
    ),
    Safeguard(
        "anyone is shown what is sensitive",
        f"{_BUS}/access/payload_readers.py",
        "if event.sealed_key is None or not self._lets_read(event.source, service_id):",
        "if event.sealed_key is None:",
    ),
    Safeguard(
        "another event of the same id counts as a repetition",
        _EVENTS,
        "Put.REPEATED if stored.digest == event.digest else Put.CONFLICT",
        "Put.REPEATED",
    ),
    Safeguard(
        "two events take one place of a stream",
        f"{_BUS}/stores/streams.py",
        '"attribute_not_exists(stream_id)"',
        '"attribute_not_exists(nothing)"',
    ),
    Safeguard(
        "the events of a stream are stored side by side",
        f"{_BUS}/publishing/intake.py",
        'names.append(("stream", event.stream.key))',
        'names.append(("stream", event.id))',
    ),
    Safeguard(
        "events of one id in several streams are stored side by side",
        f"{_BUS}/publishing/intake.py",
        'names = [("id", event.id)]',
        'names = [("id", f"{event.id} {event.stream}")]',
    ),
    Safeguard(
        "an event is stored before its cause in the same batch",
        f"{_BUS}/publishing/intake.py",
        "            names.append(cause)\n",
        "            pass\n",
    ),
    Safeguard(
        "a batch goes on behind an event that may not be stored",
        f"{_BUS}/publishing/intake.py",
        "if isinstance(results[place], Unavailable):",
        "if results[place] is None:",
    ),
    Safeguard(
        "an error of AWS passes for an answer",
        f"{_BUS}/publishing/intake.py",
        'return Unavailable(f"The event may not be stored; send it again as {event.id}.")',
        "return Accepted(event, False)",
    ),
)

_ROUTING = (
    Safeguard(
        "what a pause held falls between the router and the replay of its backlog",
        f"{_BUS}/routing/router.py",
        "        failed += self._release(routings, by_id)\n",
        "",
    ),
    Safeguard(
        "an event from before a pause is held by it",
        f"{_BUS}/stores/subscriptions.py",
        "return self.pause > 0 and stored_at >= self.paused_at",
        "return self.pause > 0",
    ),
    Safeguard(
        "an event that was skipped by a resume holds its stream up",
        _ORDERED,
        "skipped = record is None and _skipped(routing, order.subscription)",
        "skipped = False",
    ),
    Safeguard(
        "a routing is recorded before its messages are sent",
        f"{_BUS}/routing/router.py",
        """        failed += self._send(messages, by_id)
        failed += self.routings.record(routings)""",
        """        failed += self.routings.record(routings)
        failed += self._send(messages, by_id)""",
    ),
    Safeguard(
        "messages that SQS refused are forgotten",
        f"{_BUS}/queues/lanes.py",
        'entries = [entry for entry in entries if entry["Id"] in failed.keys() - refused]',
        "entries = []",
    ),
    Safeguard(
        "a message that SQS refuses has its whole batch refused",
        f"{_BUS}/batches.py",
        "if len(batch) == 1 or not blames_content(error):",
        "if batch:",
    ),
    Safeguard(
        "characters that SQS refuses are sent as they are",
        f"{_BUS}/aws_text.py",
        r'text = text.replace(character, f"\\u{ord(character):x}")',
        "text = str(text)",
    ),
    Safeguard(
        "a delivery whose message is refused ends in silence",
        f"{_BUS}/routing/router.py",
        "self.deliveries.record(transitions.refused_by_queue(delivery), each.attempt)",
        "pass",
    ),
    Safeguard(
        "what was routed before is sent again with what is set aside",
        f"{_BUS}/routing/router.py",
        "failed = self.route([event for event in events if event.id not in routed])",
        "failed = self.route(events)",
    ),
    Safeguard(
        "a due delivery whose message is refused is due for ever",
        f"{_BUS}/maintenance/due.py",
        "self.deliveries.record(refused_by_queue(delivery), delivery.attempts + 1)",
        "pass",
    ),
    Safeguard(
        "routing records that DynamoDB left out are forgotten",
        f"{_BUS}/stores/routings.py",
        'unwritten = self.client.batch_write_item(RequestItems=unwritten)["UnprocessedItems"]',
        "unwritten = self.client.batch_write_item(RequestItems=unwritten) and None",
    ),
    Safeguard(
        "an event that cannot be matched is forgotten",
        f"{_BUS}/routing/router.py",
        "failed.append(event.id)",
        "pass",
    ),
    Safeguard(
        "events that were set aside are acknowledged without being kept",
        "functions/route/handler.py",
        "_unroutable.send(unreadable + _router.route(events))",
        "_router.route(events)",
    ),
    Safeguard(
        "unroutable events that fail again are acknowledged",
        "functions/route/handler.py",
        "if found is None or failed & set(found)",
        "if found is None",
    ),
    Safeguard(
        "a unroutable message that cannot be read is acknowledged",
        "functions/route/handler.py",
        "if found is None or failed & set(found)",
        "if found is not None and failed & set(found)",
    ),
    Safeguard(
        "unroutable events that SQS refused are forgotten",
        f"{_BUS}/queues/unroutable.py",
        'failed = {each["Id"] for each in answer.get("Failed", [])}',
        "failed: set[str] = set()",
    ),
    Safeguard(
        "subscriptions are read once and not again",
        f"{_BUS}/routing/router.py",
        "        self.view.refresh()\n        routings:",
        "        if self.view._version is None:\n            self.view.refresh()\n"
        "        routings:",
    ),
    Safeguard(
        "changes made during the first reading of the subscriptions are missed",
        f"{_BUS}/routing/registry_view.py",
        """            version = self.log.latest()
            for rule in self.store.routing_rules():
                self._apply(rule)
""",
        """            for rule in self.store.routing_rules():
                self._apply(rule)
            version = self.log.latest()
""",
    ),
    Safeguard(
        "the router sends a service what it may not receive",
        f"{_BUS}/routing/registry_view.py",
        "            if self.rights.permits(each.service_id, event.type, event.source)\n",
        "",
    ),
    Safeguard(
        "a delivery is attempted after its type was taken away",
        f"{_BUS}/delivery/attempts.py",
        "elif not self.may_receive(subscription.service_id, event):",
        "elif False:",
    ),
    Safeguard(
        "an inbox shows what was taken away",
        f"{_BUS}/inbox/reader.py",
        "event for event in events if not rights.permits(",
        "event for event in events if event is None and rights.permits(",
    ),
    Safeguard(
        "a service reads what it may not receive",
        f"{_BUS}/access/visibility.py",
        "return self._known[event.source].permits(service, event.type, event.source)",
        "return True",
    ),
    Safeguard(
        "a decision about rights outlives their change",
        f"{_BUS}/access/receive_rights.py",
        "        self._decided.clear()\n        if isinstance",
        "        if isinstance",
    ),
    Safeguard(
        "a restricted type reaches services that are not named",
        f"{_BUS}/access/receive_rights.py",
        "            service_id in readers\n",
        "            isinstance(readers, list)\n",
    ),
    Safeguard(
        "a publisher changes what it restricts, and the router does not learn of it",
        f"{_BUS}/stores/registrations.py",
        "        if before.restricted == after.restricted:\n",
        "        if before != after:\n",
    ),
    Safeguard(
        "a publisher names a service that is not known",
        f"{_BUS}/registry/named_services.py",
        "if each in unknown]",
        "if not each]",
    ),
    Safeguard(
        "a service takes numbers in the stream of another",
        f"{_BUS}/model/stream_name.py",
        'return f"{self.source}\\n{self.stream_id}"',
        "return self.stream_id",
    ),
    Safeguard(
        "an event tells of a cause that its publisher may not see",
        f"{_BUS}/publishing/intake.py",
        "if cause and not self.sees(cause, caller):",
        "if cause and not cause:",
    ),
    Safeguard(
        "a loop of events has no end",
        f"{_BUS}/routing/router.py",
        "if event.hop_count > MAX_HOPS:",
        "if event.hop_count > 10 * MAX_HOPS:",
    ),
    Safeguard(
        "events that cause each other are not counted",
        f"{_BUS}/publishing/intake.py",
        "cause.hop_count + 1 if cause else 1",
        "0",
    ),
)

_RECORDS = (
    Safeguard(
        "a failure is recorded over a success",
        _DELIVERIES,
        'f"{UNSETTLED} AND (attribute_not_exists(attempts) OR attempts < :asked)"',
        '"attribute_not_exists(attempts) OR attempts < :asked OR #status IN (:pending, :retrying)"',
    ),
    Safeguard(
        "the outcome of an earlier attempt is recorded over that of a later one",
        _DELIVERIES,
        " AND (attribute_not_exists(attempts) OR attempts < :asked)",
        " AND (attribute_not_exists(attempts) OR attempts <> :asked OR attempts = :asked)",
    ),
    Safeguard(
        "an outcome counts under a claim that was taken over",
        _DELIVERIES,
        'condition += " AND epoch = :epoch"',
        'condition += " AND epoch >= :epoch"',
    ),
    Safeguard(
        "a claim is taken while another one holds",
        f"{_BUS}/stores/claims.py",
        "lease_until <= :now",
        "lease_until > :now",
    ),
    Safeguard(
        "a delivery that has ended is claimed",
        f"{_BUS}/stores/claims.py",
        'f"{UNSETTLED} AND ({free} OR claimed_by = :token)"',
        'f"attribute_not_exists(nothing) OR {UNSETTLED} AND ({free} OR claimed_by = :token)"',
    ),
    Safeguard(
        "the only claim of a delivery at most once is followed by another",
        f"{_BUS}/stores/claims.py",
        "        if not once:\n            free",
        "        if True:\n            free",
    ),
    Safeguard(
        "a claim whose answer was lost stands in its own way",
        f"{_BUS}/stores/claims.py",
        "({free} OR claimed_by = :token)",
        "({free} OR claimed_by = :service)",
    ),
    Safeguard(
        "a retry that is lost on its lane is never missed",
        f"{_BUS}/stores/delivery_items.py",
        '"due_shard": retry_at and text(shard_of(delivery.key.event_id)),',
        '"due_shard": text(shard_of(delivery.key.event_id)) if delivery.waiting else None,',
    ),
    Safeguard(
        "a delivery that has ended stays due",
        f"{_BUS}/stores/delivery_items.py",
        "        if value is None:\n            removes.append(name)",
        """        if value is None and name != "due_shard":
            removes.append(name)
        elif value is None:
            continue""",
    ),
    Safeguard(
        "two sweepers send one delivery",
        f"{_BUS}/stores/due_deliveries.py",
        "attribute_exists(due_shard) AND due_at IN (:due, :until)",
        "attribute_exists(due_shard) AND due_at <> :due OR due_at IN (:due, :until)",
    ),
    Safeguard(
        "a dead letter that has moved on is reopened",
        f"{_BUS}/stores/dead_letters.py",
        '"ConditionExpression": "attempts = :attempts AND "',
        '"ConditionExpression": "attempts <= :attempts AND "',
    ),
    Safeguard(
        "a dead letter whose message is on its lane is reopened",
        f"{_BUS}/stores/dead_letters.py",
        "#status = :retrying AND due_at = next_retry_at)",
        "#status = :retrying AND due_at >= next_retry_at)",
    ),
    Safeguard(
        "a dead letter is reopened, and the answer to that is lost",
        f"{_BUS}/stores/dead_letters.py",
        'return delivery_of(standing) if standing.get("written_by") == writer else None',
        "return None if standing or writer else None",
    ),
    Safeguard(
        "a reopened dead letter is lost with its message",
        f"{_BUS}/stores/dead_letters.py",
        '"due_shard = :shard, due_at = :due, next_retry_at = :retry, updated_at = :now, "',
        '"last_shard = :shard, last_due = :due, next_retry_at = :retry, updated_at = :now, "',
    ),
    Safeguard(
        "a delivery that succeeded is discarded",
        f"{_BUS}/stores/dead_letters.py",
        '"ConditionExpression": "#status IN (:pending, :retrying, :exhausted)",',
        '"ConditionExpression": "#status IN (:pending, :retrying, :exhausted) OR "'
        ' "attribute_exists(#status)",',
    ),
    Safeguard(
        "a discarded dead letter is tried again",
        f"{_BUS}/stores/dead_letters.py",
        '"REMOVE due_shard, due_at, next_retry_at",',
        '"REMOVE attempt_log",',
    ),
    Safeguard(
        "a dead letter takes a new id with each attempt",
        f"{_BUS}/stores/delivery_items.py",
        "if_not_exists({name}, :{name})",
        ":{name}",
    ),
)

_ATTEMPTS = (
    Safeguard(
        "a message that comes again is delivered again without a look at its record",
        _ATTEMPT_RUNNER,
        "if message.attempt > 1 or order.queue_message.receives > 1:",
        "if message.attempt > 99:",
    ),
    Safeguard(
        "an attempt that was made is made again",
        _ATTEMPT_RUNNER,
        "if record.attempts < order.message.attempt:",
        "if record.status:",
    ),
    Safeguard(
        "a message that is missing after a crash is not sent",
        _ATTEMPT_RUNNER,
        "return AttemptResult(settled=False, follow_up=self.resumed(order, record))",
        "return AttemptResult(settled=False)",
    ),
    Safeguard(
        "every copy of a message is followed by a retry",
        _ATTEMPT_RUNNER,
        "            or record.written_by != order.queue_message.id\n",
        "",
    ),
    Safeguard(
        "a success is not recorded",
        _TRANSITIONS,
        'status="delivered", last_error=None',
        'status="retrying", last_error=None',
    ),
    Safeguard(
        "exactly once is attempted without a claim",
        _ATTEMPT_RUNNER,
        'if subscription.delivery_guarantee != "at_least_once":',
        'if subscription.delivery_guarantee == "at_most_once":',
    ),
    Safeguard(
        "at most once is attempted without a claim",
        _ATTEMPT_RUNNER,
        'if subscription.delivery_guarantee != "at_least_once":',
        'if subscription.delivery_guarantee == "exactly_once":',
    ),
    Safeguard(
        "at most once is retried",
        _TRANSITIONS,
        """    if guarantee == "at_most_once":
        return replace(_ended(delivery), status="dropped")
""",
        "",
    ),
    Safeguard(
        "a delivery at most once that was cut off is left pending",
        _ATTEMPT_RUNNER,
        'return self._dropped(order, delivery, "interrupted", "the only attempt was cut off")',
        "return AttemptResult(settled=False)",
    ),
    Safeguard(
        "a message does not outlast the claim of another",
        _ATTEMPT_RUNNER,
        "return AttemptResult(settled=False, follow_up=replace(order.message, delay=delay))",
        "return AttemptResult(settled=False)",
    ),
    Safeguard(
        "a message whose claim was taken over is dropped",
        _ATTEMPT_RUNNER,
        "            follow_up = replace(message, delay=LEASE_SECONDS)\n",
        "            follow_up = None\n",
    ),
    Safeguard(
        "a disabled subscription is delivered to",
        _ATTEMPT_RUNNER,
        'if subscription.status == "disabled":',
        'if subscription.status == "":',
    ),
    Safeguard(
        "an open circuit is delivered through",
        _ATTEMPT_RUNNER,
        "if (retry_at := order.permits.take(subscription.id)) is not None:",
        "if (retry_at := order.permits.take(subscription.id)) == -1:",
    ),
    Safeguard(
        "an attempt does not count for its circuit",
        _ATTEMPT_RUNNER,
        """            each.order.permits.ended(
                each.order.message.subscription_id, delivered=outcome.delivered
            )
""",
        "            pass\n",
    ),
    Safeguard(
        "a permit to probe is taken before a claim that another one holds",
        _ATTEMPT_RUNNER,
        "if (retry_at := order.permits.retry_at(subscription.id)) is not None:",
        "if (retry_at := order.permits.take(subscription.id)) is not None:",
    ),
    Safeguard(
        "a permit to probe that no attempt used is kept",
        f"{_BUS}/delivery/circuits.py",
        "                    self.circuits.give_back(subscription_id)\n",
        "                    pass\n",
    ),
    Safeguard(
        "the result of a probe counts at the end of its batch only",
        f"{_BUS}/delivery/circuits.py",
        "if subscription_id in self._probing or",
        "if",
    ),
    Safeguard(
        "a permit to probe is lost with the answer to its write",
        f"{_BUS}/stores/items.py",
        'return standing_item(error).get("written_by") == writer',
        "return bool(standing_item(error)) and False",
    ),
    Safeguard(
        "failures before a success count as failures in a row",
        f"{_BUS}/model/circuit.py",
        "return replace(self, successes=self.successes + 1, trailing=0)",
        "return replace(self, successes=self.successes + 1)",
    ),
    Safeguard(
        "what waits for a probe waits as long as the probe may take",
        f"{_BUS}/model/circuit.py",
        "return now + random.uniform(0, PROBE_RESULT_SECONDS)",
        "return now + random.uniform(1, 2) * PROBE_SECONDS",
    ),
    Safeguard(
        "a delivery behind an open circuit does not wait in the table",
        _ATTEMPT_RUNNER,
        "stands = self.deliveries.record(waiting, order.message.attempt)",
        "stands = None",
    ),
    Safeguard(
        "a stream stands still where another settled what waits for a circuit",
        _ATTEMPT_RUNNER,
        "return AttemptResult(settled=stands is not None and stands.status in SETTLED)",
        "return AttemptResult(settled=False)",
    ),
    Safeguard(
        "one attempt more than the policy allows is made",
        _TRANSITIONS,
        "delivery.round_start >= policy.max_attempts",
        "delivery.round_start > policy.max_attempts",
    ),
    Safeguard(
        "a delivery ends without becoming a dead letter",
        _TRANSITIONS,
        'status="exhausted", dead_letter_id=_dead_letter_id(delivery)\n',
        'status="exhausted"\n',
    ),
    Safeguard(
        "a Retry-After is not honoured",
        _TRANSITIONS,
        "delivery.round_start, outcome.retry_after)",
        "delivery.round_start)",
    ),
    Safeguard(
        "the wait before a retry is cut to what a queue can hold",
        _TRANSITIONS,
        "waiting=wait > LONGEST_DELAY_SECONDS)",
        "waiting=False)",
    ),
    Safeguard(
        "a subscriber that is gone is tried again",
        _TRANSITIONS,
        "final = outcome.gone or (",
        "final = (",
    ),
)

_LANES = (
    Safeguard(
        "a message whose handling failed is acknowledged",
        _LANE,
        "        kept |= {received.id for (received, _), result in done if result is None}\n",
        "",
    ),
    Safeguard(
        "a message is acknowledged whose retry could not be sent",
        _LANE,
        "return {message_id for message_id, _, _ in messages}",
        "return set()",
    ),
    Safeguard(
        "a message that cannot be read is acknowledged",
        _LANE,
        "kept = {received.id for received in batch} - {received.id for received, _ in readable}",
        "kept: set[str] = set()",
    ),
    Safeguard(
        "a subscriber that is gone stays subscribed",
        _LANE,
        "                self.disabler.disable(each, GONE)\n",
        "                pass\n",
    ),
    Safeguard(
        "a subscriber that fails for days stays subscribed",
        _LANE,
        "return times.unix() - circuit.failing_since > days * _DAY_SECONDS",
        "return False",
    ),
    Safeguard(
        "a subscription is disabled without a word",
        f"{_BUS}/delivery/disabling.py",
        "self.changes.update(disabled, event)",
        "self.changes.subscriptions.update(disabled)",
    ),
    Safeguard(
        "a change of a subscription is overwritten by another",
        f"{_BUS}/stores/subscriptions.py",
        "current = _at_version(subscription)",
        'current: Item = {"ConditionExpression": "attribute_exists(id)"}',
    ),
    Safeguard(
        "a publisher's keys go while it subscribes",
        f"{_BUS}/stores/subscription_counts.py",
        """subscriptions {'>' if subscribed else '<='} :none""",
        "listeners >= :none",
    ),
    Safeguard(
        "the keys of a service go with one of its subscriptions, not the last one",
        f"{_BUS}/stores/subscription_counts.py",
        """{'<=' if last else '>'} :one""",
        "> :one OR listeners >= :one",
    ),
    Safeguard(
        "a service has more subscriptions than it may have",
        f"{_BUS}/stores/subscription_counts.py",
        'condition += f" AND {name} < :most"',
        'condition += f" AND {name} < :most OR {name} >= :most"',
    ),
    Safeguard(
        "a service subscribes by a key that is gone",
        f"{_BUS}/registry/subscriber_keys.py",
        "return KeptKey(caller.key_id) if caller.key_id else None, None",
        "return None, None",
    ),
    Safeguard(
        "keys are made and removed of a ring that has changed since it was read",
        f"{_BUS}/stores/keys.py",
        'put["ConditionExpression"] = "version = :read"',
        'put["ConditionExpression"] = "version <= :read OR version > :read"',
    ),
    Safeguard(
        "a ring forgets keys that the index alone knows",
        f"{_BUS}/stores/keys.py",
        "dict.fromkeys([*key_ids, *self._indexed(service_id)])",
        "dict.fromkeys(key_ids)",
    ),
    Safeguard(
        "a key is rotated again and again",
        f"{_BUS}/registry/keys.py",
        "if old.replaced_by:",
        'if old.replaced_by == "":',
    ),
    Safeguard(
        "a key is handed on without its maker's limits",
        f"{_BUS}/registry/keys.py",
        "kept=inherited(issued.kept, maker_of(ring, caller))",
        "kept=inherited(issued.kept, None)",
    ),
    Safeguard(
        "a registration revives the keys of a service that is gone",
        f"{_BUS}/registry/services.py",
        "if self.known(service_id):\n            return ring, ()",
        "if service_id:\n            return ring, ()",
    ),
    Safeguard(
        "those who listen for a while count as subscribers that need keys",
        f"{_BUS}/stores/subscription_counts.py",
        'return "subscriptions" if subscription.ends_at is None else "listeners"',
        'return "subscriptions"',
    ),
    Safeguard(
        "a replay that has ended is cancelled",
        f"{_BUS}/stores/items.py",
        'return standing_item(error).get("written_by") == writer',
        'return standing_item(error).get("document") == request["Item"]["document"]',
    ),
    Safeguard(
        "several probes are sent through one open circuit",
        f"{_BUS}/delivery/circuits.py",
        "if self.store.put(subscription_id, probed):",
        "if self.store.put(subscription_id, probed) or probed:",
    ),
    Safeguard(
        "failures that functions count at the same time are lost",
        f"{_BUS}/stores/circuits.py",
        '"ConditionExpression": "version = :before",',
        '"ConditionExpression": "version <> :before OR version = :before",',
    ),
    Safeguard(
        "a circuit never opens",
        f"{_BUS}/model/circuit.py",
        "if self.consecutive >= CONSECUTIVE_FAILURES or (",
        "if self.consecutive < 0 or (",
    ),
    Safeguard(
        "a circuit never closes",
        f"{_BUS}/model/circuit.py",
        "            if successes:\n                # A new window",
        "            if successes < 0:\n                # A new window",
    ),
    Safeguard(
        "a subscriber leads the bus elsewhere",
        _CLIENT,
        "redirect=False, preload_content=False",
        "redirect=True, retries=3, preload_content=False",
    ),
    Safeguard(
        "a subscriber that drips its answer holds a function",
        _CONNECTIONS,
        "_deadlines.after(self._seconds, self._pass)",
        "_deadlines.after(self._seconds, lambda: None)",
    ),
    Safeguard(
        "a deadline that comes sooner waits for one that comes later",
        f"{_BUS}/callbacks/deadlines.py",
        "                self._sooner.notify()\n",
        "                pass\n",
    ),
    Safeguard(
        "an answer without end is read to its end",
        _CLIENT,
        "response.read(MAX_RESPONSE_BYTES - len(read), decode_content=False)",
        "response.read(decode_content=False)",
    ),
    Safeguard(
        "a body that is cut off counts as an answer",
        _CLIENT,
        "while len(read) < MAX_RESPONSE_BYTES and (",
        "if len(read) < MAX_RESPONSE_BYTES and (",
    ),
    Safeguard(
        "an interim answer counts as the final one",
        f"{_BUS}/callbacks/answers.py",
        "if self.status >= 200:",
        "if self.status != 100:",
    ),
    Safeguard(
        "a head that is cut off counts as an answer",
        f"{_BUS}/callbacks/answers.py",
        """            if not line.endswith(b"\\n"):
                raise http.client.IncompleteRead(line)
            if not _FIELD""",
        """            if not line.endswith(b"\\n"):
                break
            if not _FIELD""",
    ),
    Safeguard(
        "an answer may have two lengths",
        f"{_BUS}/callbacks/answers.py",
        "if len(found) != 1 or",
        "if len(found) < 1 or",
    ),
    Safeguard(
        "a stale connection is used again",
        _CONNECTIONS,
        "if worn_out or exchange.renewed:",
        "if exchange.renewed:",
    ),
    Safeguard(
        "a connection is as old as the clock of a frozen function says",
        _CONNECTIONS,
        "return max(times.steady() - self.steady, abs(times.unix() - self.unix))",
        "return times.steady() - self.steady",
    ),
    Safeguard(
        "a request of at most once is made twice",
        _CLIENT,
        "(repeatable and left_unanswered(error))",
        "left_unanswered(error)",
    ),
    Safeguard(
        "what was attempted is attempted again though it may arrive at most once by now",
        _ATTEMPT_RUNNER,
        "if once and delivery.attempts > delivery.round_start:",
        "if once and delivery.attempts < 0:",
    ),
    Safeguard(
        "a delivery of at most once may be repeated",
        f"{_BUS}/targets/http.py",
        'subscription.delivery_guarantee != "at_most_once"',
        'subscription.delivery_guarantee != "never"',
    ),
    Safeguard(
        "an IPv6 address that is not assigned is called",
        f"{_BUS}/callbacks/addresses.py",
        "if found not in _ASSIGNED:",
        "if found.is_loopback:",
    ),
    Safeguard(
        "a name leads to where callbacks must not",
        _CONNECTIONS,
        "if not all(may_lead_to(address[4][0], self._allowed) for address in found):",
        "if not any(may_lead_to(address[4][0], self._allowed) for address in found):",
    ),
    Safeguard(
        "a forbidden address hides in another",
        f"{_BUS}/callbacks/addresses.py",
        "if address in _MAPPED or address in _NAT64:",
        "if address in _NAT64:",
    ),
    Safeguard(
        "a sealed secret opens for another subscription",
        f"{_BUS}/encryption/signing_secrets.py",
        '"subscription": subscription_id}',
        '"subscription": ""}',
    ),
)

_ORDER = (
    Safeguard(
        "two functions go along one stream",
        f"{_BUS}/stores/cursors.py",
        '"attribute_not_exists(held_until) OR held_until <= :now "',
        '"attribute_not_exists(held_until) OR held_until <> :now OR held_until <= :now "',
    ),
    Safeguard(
        "a cursor that was taken over is moved",
        f"{_BUS}/stores/cursors.py",
        'ConditionExpression="holder = :holder"',
        'ConditionExpression="holder = :holder OR attribute_exists(holder)"',
    ),
    Safeguard(
        "a message is dropped while another goes along its stream",
        _ORDERED,
        "return AttemptResult(settled=False, follow_up=replace(message, delay=_MOMENT))",
        "return AttemptResult(settled=False)",
    ),
    Safeguard(
        "a stream goes on over an event that fails",
        _ORDERED,
        "                    if not result.settled:\n                        return result\n",
        "",
    ),
    Safeguard(
        "a stream goes on over an event that is not routed yet",
        _ORDERED,
        "if self.runner.events.get(entry.event_id) is None:",
        "if routing is None:",
    ),
    Safeguard(
        "a failing event of a stream is tried without a wait",
        _ORDERED,
        "if _must_wait(record):",
        "if record is None:",
    ),
    Safeguard(
        "a stream that takes longer than its function may run is left where it stands",
        _ORDERED,
        "return AttemptResult(False, follow_up=replace(message, delay=0))",
        "return AttemptResult(False)",
    ),
    Safeguard(
        "an event that a stream has passed cannot be tried anew",
        _ORDERED,
        'if event.metadata["stream_version"] <= position:',
        'if event.metadata["stream_version"] < 0:',
    ),
    Safeguard(
        "what a discarded dead letter held back stays back where its function crashes",
        f"{_BUS}/recovery/dead_letters.py",
        "        self.lanes.send([replace(nudge(letter), delay=_OUTLASTS_SECONDS)])\n",
        "",
    ),
    Safeguard(
        "what a discarded dead letter held back waits for a minute",
        f"{_BUS}/recovery/dead_letters.py",
        "        self.lanes.send([nudge(letter)])\n",
        "",
    ),
)

_SWEEPING = (
    Safeguard(
        "a due delivery is sent though it has moved on",
        f"{_BUS}/maintenance/due.py",
        "if self.due.postpone(each, times.at(until), waits=retry_at is not None):",
        "if self.due.postpone(each, times.at(until), waits=False) or each:",
    ),
    Safeguard(
        "a due delivery is sent through an open circuit",
        f"{_BUS}/maintenance/due.py",
        "    return circuit.retry_at(now)\n",
        "    return None\n",
    ),
    Safeguard(
        "deliveries that were due within a minute are sent at once",
        f"{_BUS}/maintenance/due.py",
        "messages.append(replace(next_message(each), delay=delay))",
        "messages.append(next_message(each))",
    ),
    Safeguard(
        "a delivery comes before it is due",
        f"{_BUS}/maintenance/due.py",
        "return int(due_at - now) + 1",
        "return int(due_at - now)",
    ),
    Safeguard(
        "a delivery that waits on its lane is swept again",
        f"{_BUS}/maintenance/due.py",
        "until = now + delay + ON_LANE_SECONDS if retry_at is None else retry_at",
        "until = now + delay if retry_at is None else retry_at",
    ),
    Safeguard(
        "a list goes on behind where a part of it was not read",
        f"{_BUS}/stores/event_lists.py",
        "        end = (max if self.newest_first else min)(ends) if ends else None\n",
        "        end = (min if self.newest_first else max)(ends) if ends else None\n",
    ),
    Safeguard(
        "events that were never routed stay so",
        f"{_BUS}/maintenance/unrouted.py",
        "            self.unroutable.send(unrouted)\n",
        "",
    ),
    Safeguard(
        "events with a time of long ago are not looked for",
        f"{_BUS}/maintenance/unrouted.py",
        '"by_odd", all_odd_events(), stored',
        '"by_odd", Listing(()), stored',
    ),
    Safeguard(
        "events are passed over that may still be stored",
        f"{_BUS}/maintenance/unrouted.py",
        "settled = times.at(now - GRACE_SECONDS - ODD_SECONDS)",
        "settled = times.at(now)",
    ),
    Safeguard(
        "a message that crashed its function is lost",
        f"{_BUS}/maintenance/crashed.py",
        "        self.deliveries.record(delivery, attempts + 1)\n",
        "",
    ),
    Safeguard(
        "what a crashed message held back stays back",
        f"{_BUS}/maintenance/crashed.py",
        "        if delivery.status in SETTLED:\n            self.lanes.send([nudge(delivery)])\n",
        "",
    ),
    Safeguard(
        "a message of a redrive queue that was not taken is acknowledged",
        f"{_BUS}/batches.py",
        '            kept.append(record["messageId"])\n',
        "",
    ),
    Safeguard(
        "a deadline ends the exchange that took a connection over",
        _CONNECTIONS,
        "        _exchange().let_go()\n",
        "",
    ),
    Safeguard(
        "a stream waits for a routing record that was written a moment ago",
        f"{_BUS}/delivery/ordered.py",
        "entries), consistent=True",
        "entries), consistent=False",
    ),
    Safeguard(
        "a replay goes through what is beside a quiet source page by page",
        f"{_BUS}/recovery/replay_runner.py",
        "            if page.entries:\n                break\n",
        "            break\n",
    ),
    Safeguard(
        "a replay counts its events before they are sent",
        f"{_BUS}/recovery/replay_runner.py",
        """        refused = send_recorded(self.lanes, self.deliveries, messages)
""",
        """        self.replays.move(replay, replace(replay, position=page.end or ""))
        refused = send_recorded(self.lanes, self.deliveries, messages)
""",
    ),
    Safeguard(
        "a replay that was cancelled goes on",
        f"{_BUS}/stores/replays.py",
        'ConditionExpression="document = :before"',
        'ConditionExpression="document = :before OR attribute_exists(document)"',
    ),
    Safeguard(
        "a replay that stands still is left alone",
        f"{_BUS}/maintenance/stalled.py",
        "            self.queue.send(replay_id)\n",
        "",
    ),
    Safeguard(
        "one failing sweep keeps the others from their work",
        "functions/sweep/handler.py",
        "            failed.append(name)\n",
        "            raise\n",
    ),
)

_STACKS = (
    Safeguard(
        "functions cannot say which messages they took",
        "infra/function.py",
        "report_batch_item_failures=True",
        "report_batch_item_failures=False",
    ),
    Safeguard(
        "a queue drops what is received too often",
        "infra/queue.py",
        """            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.redrive, max_receive_count=MAX_RECEIVES
            ),
""",
        "",
    ),
    Safeguard(
        "a message comes again while its function runs",
        "infra/queue.py",
        "return 6 * consumer_timeout.to_seconds()",
        "return consumer_timeout.to_seconds() / 2",
    ),
    Safeguard(
        "one event holds up a shard of the stream",
        "infra/stream.py",
        "bisect_batch_on_function_error=not handover.whole",
        "bisect_batch_on_function_error=False",
    ),
    Safeguard(
        "the stream tries one batch until its records are gone",
        "infra/stream.py",
        "maximum_retry_attempts=_RETRIES",
        "maximum_retry_attempts=-1",
    ),
    Safeguard(
        "what the stream gives up is lost",
        "infra/stream.py",
        "destination_config=destination",
        "destination_config=None",
    ),
)

_PUSHING = (
    Safeguard(
        "two functions push to one connection",
        _SOCKET_SUBSCRIBERS,
        '"OR held_until <= :now OR holder = :holder)",',
        '"OR held_until <= :now OR attribute_exists(sent))",',
    ),
    Safeguard(
        "a hold that has ended moves the place",
        _SOCKET_SUBSCRIBERS,
        'ConditionExpression="holder = :holder",',
        'ConditionExpression="attribute_exists(sent)",',
    ),
    Safeguard(
        "a client acknowledges what it was never sent",
        _SOCKET_SUBSCRIBERS,
        '"acknowledged < :place AND sent >= :place"',
        '"acknowledged < :place"',
    ),
    Safeguard(
        "a client is refused what it acknowledges before the push is recorded",
        _CONVERSATION,
        "if place > subscriber.sent and not self._may_be_sent(subscriber, place):",
        "if place > subscriber.sent:",
    ),
    Safeguard(
        "a client acknowledges beyond the inbox while it is pushed to",
        _CONVERSATION,
        "return subscriber.pushing and place <= self.inboxes.last(subscriber.key.subscription_id)",
        "return subscriber.pushing",
    ),
    Safeguard(
        "an acknowledgement that the push overtakes opens no window",
        _CONVERSATION,
        "self.socket_subscribers.acknowledge(key, place, recorded=False) or subscriber",
        "subscriber",
    ),
    Safeguard(
        "a client that does not keep up is flooded",
        _PUSHER,
        "            room -= max(0, sent - subscriber.acknowledged)\n",
        "            pass\n",
    ),
    Safeguard(
        "a client that acknowledges far ahead has much read at once",
        _PUSHER,
        "room -= max(0, sent - subscriber.acknowledged)",
        "room -= sent - subscriber.acknowledged",
    ),
    Safeguard(
        "an acknowledgement in the last moment is missed",
        _PUSHER,
        "if moved or cut_short or after.acknowledged > subscriber.acknowledged:",
        "if moved or cut_short:",
    ),
    Safeguard(
        "who was cut short leaves the rest lying",
        _PUSHER,
        "if moved or cut_short or after.acknowledged > subscriber.acknowledged:",
        "if moved or after.acknowledged > subscriber.acknowledged:",
    ),
    Safeguard(
        "a push that another one overtakes counts as done",
        _PUSHER,
        """            # Another one took over, and may not go as far as this one must.
            return self._take(key, holder)""",
        "            return None",
    ),
    Safeguard(
        "a client that is gone is pushed to for ever",
        _PUSHER,
        """        except Gone:
            self.lose(key)""",
        """        except Gone:
            pass""",
    ),
    Safeguard(
        "a failed push counts as done",
        _PUSHER,
        "            return key\n",
        "            return None\n",
    ),
    Safeguard(
        "a client hears of its subscription after its events",
        _CONVERSATION,
        "self.socket_subscribers.add(subscriber, holder, HOLD_SECONDS, ends)",
        "self.socket_subscribers.add(subscriber, holder, -1, ends)",
    ),
    Safeguard(
        "what came before there was a subscriber is not pushed",
        _CONVERSATION,
        "self.pusher.push(key, max(end, self.inboxes.last(subscription.id)), holder)",
        "self.pusher.push(key, end, holder)",
    ),
    Safeguard(
        "whoever failed to subscribe cannot try again",
        _CONVERSATION,
        """            self.pusher.lose(key)
            raise""",
        "            raise",
    ),
    Safeguard(
        "an acknowledgement is forgotten with its connection",
        _CONVERSATION,
        "        self.cursors.advance(key.subscription_id, place)\n",
        "",
    ),
    Safeguard(
        "an acknowledgement reaches as far as the client said that it had been",
        _CONVERSATION,
        "self.cursors.advance(key.subscription_id, place)",
        "self.cursors.advance(key.subscription_id, subscriber.acknowledged)",
    ),
    Safeguard(
        "a listener stays for ever",
        f"{_BUS}/inbox/listeners.py",
        """        for each in ended:
            self.end(each)
""",
        "",
    ),
    Safeguard(
        "a listener that has ended goes on as if nothing were missed",
        f"{_BUS}/inbox/listeners.py",
        "return left > 0 and self",
        "return self",
    ),
    Safeguard(
        "a token does whatever a key does",
        f"{_BUS}/access/callers.py",
        'if caller.role == "listener":',
        'if caller.role == "":',
    ),
    Safeguard(
        "a token for one subscription follows any",
        f"{_BUS}/access/ownership.py",
        "return subscription.id == caller.subscription_id",
        "return True",
    ),
)

_PACING_OF_LANES = (
    Safeguard(
        "a slow subscriber is marked only when its attempt has ended",
        f"{_BUS}/targets/answer_times.py",
        "self.deadlines.after(SLOW_SECONDS, act)",
        "self.deadlines.after(900, act)",
    ),
    Safeguard(
        "a subscriber is slow because the function is busy",
        f"{_BUS}/targets/answer_times.py",
        "if wait.answered and wait.answered():",
        "if False:",
    ),
    Safeguard(
        "a subscriber whose answer comes in drips is fast",
        f"{_BUS}/targets/answer_times.py",
        "if wait.in_time and seconds <= 2 * SLOW_SECONDS:",
        "if wait.in_time:",
    ),
    Safeguard(
        "a lease is kept where many functions write a pace at a time",
        _PACING,
        "            _GIVE_BACK_ATTEMPTS,\n",
        "            _ATTEMPTS,\n",
    ),
    Safeguard(
        "a slow subscription stays in the lane of all others",
        _PACING,
        "return subscription.limited or (pace is not None and pace.paced)",
        "return subscription.limited",
    ),
    Safeguard(
        "a limited subscription is delivered to without its limits",
        _PACING,
        "return subscription.limited or (pace is not None and pace.paced)",
        "return pace is not None and pace.paced",
    ),
    Safeguard(
        "a message whose attempt is on record leaves its batch",
        _PACING,
        "record.status in SETTLED or record.attempts >= message.attempt",
        "False",
    ),
    Safeguard(
        "one subscription occupies all functions of the paced lane",
        f"{_BUS}/model/pace.py",
        "if len(leases) < limits.functions else 0",
        "if True else 0",
    ),
    Safeguard(
        "a function that crashes keeps its lease for ever",
        f"{_BUS}/model/pace.py",
        "if name != holder and lease[0] > now",
        "if name != holder",
    ),
    Safeguard(
        "a subscription is fast again after one fast answer",
        f"{_BUS}/model/pace.py",
        "pace.fast_answers >= FAST_ANSWERS and now - pace.since >= pace.hold",
        "pace.fast_answers > 0",
    ),
    Safeguard(
        "turns are given out twice",
        f"{_BUS}/model/pace.py",
        "next_turn=first + wanted / limits.rate_limit",
        "next_turn=first",
    ),
    Safeguard(
        "leases that functions take at the same time are lost",
        f"{_BUS}/stores/paces.py",
        '"attribute_not_exists(version) OR version = :before"',
        '"attribute_not_exists(nothing) OR version = :before"',
    ),
    Safeguard(
        "more attempts are in flight than were granted",
        _LANE,
        "if side_by_side[subscription_id] < len(own)",
        "if side_by_side[subscription_id] < 0",
    ),
)

_INBOXES = (
    Safeguard(
        "an acknowledged place is moved back",
        _INBOX_CURSORS,
        '"attribute_not_exists(acknowledged) OR acknowledged < :place"',
        '"attribute_not_exists(acknowledged) OR acknowledged <> :place"',
    ),
    Safeguard(
        "an acknowledgement moves back what its lease was done with",
        _INBOX_CURSORS,
        "taken >= :place AND acknowledged < :place",
        "taken >= :place AND acknowledged <> :place",
    ),
    Safeguard(
        "a lease acknowledges what it does not cover",
        _INBOX_CURSORS,
        "begun < :place AND taken >= :place AND ",
        "begun < :place AND ",
    ),
    Safeguard(
        "a lease that ended acknowledges what others may have taken",
        _INBOX_CURSORS,
        "holder = :lease AND held_until > :now ",
        "holder = :lease ",
    ),
    Safeguard(
        "any lease acknowledges",
        _INBOX_CURSORS,
        '"holder = :lease AND held_until > :now "',
        '"holder <> :lease AND held_until > :now "',
    ),
    Safeguard(
        "an acknowledgement of a part lets others take the rest",
        _INBOX_CURSORS,
        "OR acknowledged >= taken ",
        "OR acknowledged > begun ",
    ),
    Safeguard(
        "a lease is given for what others are done with",
        _INBOX_CURSORS,
        "(attribute_not_exists(acknowledged) OR acknowledged = :begun) ",
        "(attribute_not_exists(acknowledged) OR acknowledged <> :taken) ",
    ),
    Safeguard(
        "an acknowledgement that did nothing is answered as if it had",
        _LEASES,
        "if place > cursor.acknowledged:",
        "if place > cursor.taken:",
    ),
    Safeguard(
        "an inbox stays where everything has expired",
        _LEASES,
        "                    self.cursors.advance(subscription_id, position)\n",
        "                    pass\n",
    ),
    Safeguard(
        "who waits is answered with nothing, since something has expired",
        f"{_BUS}/inbox/reader.py",
        """                if fetched:
                    return fetched, position
""",
        "                return fetched, position\n",
    ),
    Safeguard(
        "a stream that was never so far waits in silence",
        _STREAMS,
        "elif position > end:",
        "elif position < 0:",
    ),
    Safeguard(
        "anyone goes on with what another listens to",
        _STREAMS,
        "subscription.service_id == caller.service_id",
        "caller.service_id",
    ),
    Safeguard(
        "a listener goes on with other types",
        _STREAMS,
        "and subscription.event_types == event_types",
        "and event_types",
    ),
    Safeguard(
        "an inbox is filled by who was held up beyond its claim",
        f"{_BUS}/stores/inboxes.py",
        "if until is not None and times.unix() >= until:",
        "if until == 0:",
    ),
    Safeguard(
        "the rest of a stream is forgotten where its subscriber is gone",
        _ORDERED,
        "return replace(result, settled=False, follow_up=rest)",
        "return result",
    ),
    Safeguard(
        "an old event reaches a new subscription, since routing is late",
        f"{_BUS}/routing/router.py",
        "if event.created_at >= each.since]",
        "if event.created_at]",
    ),
    Safeguard(
        "a stream begins behind an event that the subscription receives",
        f"{_BUS}/stores/streams.py",
        "                    before = entry.version - 1\n",
        "                    before = entry.version\n",
    ),
)

SAFEGUARDS = (
    *_STORING,
    *_ROUTING,
    *_RECORDS,
    *_ATTEMPTS,
    *_LANES,
    *_PACING_OF_LANES,
    *_ORDER,
    *_SWEEPING,
    *_STACKS,
    *_PUSHING,
    *_INBOXES,
)
