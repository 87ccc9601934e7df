"""The parts of the code to mutate, and for each the fast tests that must notice."""

from dataclasses import dataclass

_UNIT = "tests/unit/event_bus"


@dataclass(frozen=True, slots=True)
class Suite:
    """A set of source files to mutate, and the tests that should kill the mutants.

    Attributes:
        name: The name of the part on the command line.
        files: Its files, as patterns below `layers/`, or below the root for `infra`.
        tests: The tests, which take a second or a few in all.
        unchanged: Patterns of lines that no mutant changes.
        plugins: Plugins of pytest that the tests need.
    """

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    unchanged: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


SUITES = (
    Suite(
        "strict_json",
        ("event_bus/strict_json.py",),
        (
            f"{_UNIT}/test_strict_json.py",
            # This test counts calls, and mutmut adds one to each function.
            f"--deselect={_UNIT}/test_strict_json.py"
            "::test_an_inexact_number_costs_one_call_for_each_number",
        ),
    ),
    Suite(
        "addresses",
        ("event_bus/callbacks/addresses.py", "event_bus/callbacks/urls.py"),
        (f"{_UNIT}/callbacks/test_addresses.py", f"{_UNIT}/callbacks/test_urls.py"),
    ),
    Suite(
        "callbacks",
        (
            "event_bus/callbacks/answers.py",
            "event_bus/callbacks/client.py",
            "event_bus/callbacks/connections.py",
            "event_bus/callbacks/failures.py",
            "event_bus/callbacks/handshake.py",
        ),
        (
            f"{_UNIT}/callbacks/test_answers.py",
            f"{_UNIT}/callbacks/test_client.py",
            f"{_UNIT}/callbacks/test_connections.py",
            f"{_UNIT}/callbacks/test_failures.py",
            f"{_UNIT}/callbacks/test_handshake.py",
            f"{_UNIT}/callbacks/test_tls.py",
        ),
        # Errors whose class alone is read.
        unchanged=(
            *(r"IncompleteRead\(", r"RemoteDisconnected\(", r"raise ConnectTimeoutError\("),
            *(r"raise ForbiddenAddress\(", r"raise NewConnectionError\(", r"raise NoRouteToIPv6\("),
        ),
    ),
    Suite(
        "transitions",
        ("event_bus/model/transitions.py",),
        (f"{_UNIT}/model/test_transitions.py", f"{_UNIT}/model/test_transition_records.py"),
    ),
    Suite(
        "access",
        (
            "event_bus/access/authenticator.py",
            "event_bus/access/callers.py",
            "event_bus/access/iam_callers.py",
            "event_bus/access/opt_in.py",
            "event_bus/access/ownership.py",
            "event_bus/access/rate_limits.py",
            "event_bus/access/stream_tokens.py",
            "event_bus/model/api_keys.py",
            "event_bus/model/principals.py",
            "event_bus/registry/opt_ins.py",
            "event_bus/targets/resources.py",
        ),
        (
            f"{_UNIT}/access/test_authenticator.py",
            f"{_UNIT}/access/test_callers.py",
            f"{_UNIT}/access/test_iam_callers.py",
            f"{_UNIT}/access/test_opt_in.py",
            f"{_UNIT}/access/test_ownership.py",
            f"{_UNIT}/access/test_rate_limits.py",
            f"{_UNIT}/access/test_stream_tokens.py",
            f"{_UNIT}/model/test_api_keys.py",
            f"{_UNIT}/model/test_principals.py",
            f"{_UNIT}/registry/test_opt_ins.py",
            f"{_UNIT}/targets/test_resources.py",
        ),
    ),
    Suite(
        "visibility",
        (
            "event_bus/access/event_visibility.py",
            "event_bus/access/known_publishers.py",
            "event_bus/access/subscribers.py",
            "event_bus/access/subscription_rights.py",
            "event_bus/access/type_owners.py",
            "event_bus/access/type_visibility.py",
            "event_bus/model/publisher.py",
            "event_bus/publishing/publisher_rights.py",
        ),
        (
            f"{_UNIT}/access/test_event_visibility.py",
            f"{_UNIT}/access/test_known_publishers.py",
            f"{_UNIT}/access/test_subscribers.py",
            f"{_UNIT}/access/test_subscription_rights.py",
            f"{_UNIT}/access/test_type_owners.py",
            f"{_UNIT}/access/test_type_visibility.py",
            f"{_UNIT}/model/test_publisher.py",
            f"{_UNIT}/publishing/test_publisher_rights.py",
        ),
    ),
    Suite(
        "keys",
        (
            "event_bus/access/admin_key.py",
            "event_bus/access/key_limits.py",
            "event_bus/access/live_keys.py",
            "event_bus/access/receive_rights.py",
            "event_bus/registry/keys.py",
            "event_bus/registry/subscriber_keys.py",
        ),
        (
            f"{_UNIT}/access/test_admin_key.py",
            f"{_UNIT}/access/test_key_limits.py",
            f"{_UNIT}/access/test_live_keys.py",
            f"{_UNIT}/access/test_receive_rights.py",
            f"{_UNIT}/access/test_subscription_rights.py",
            f"{_UNIT}/registry/test_credentials.py",
            f"{_UNIT}/registry/test_end_of_a_service.py",
            f"{_UNIT}/registry/test_keys.py",
        ),
    ),
    Suite(
        "secrets",
        (
            "event_bus/access/payload_readers.py",
            "event_bus/encryption/*.py",
            "event_bus/model/sensitive.py",
        ),
        (
            f"{_UNIT}/access/test_payload_readers.py",
            f"{_UNIT}/encryption",
            f"{_UNIT}/model/test_sensitive.py",
        ),
    ),
    Suite(
        "idempotency",
        ("event_bus/api/idempotency.py",),
        ("tests/unit/functions/test_idempotency.py", f"{_UNIT}/api/test_repetitions.py"),
        # Words for people.
        unchanged=(r"""^\s*["']""", "raise InvalidRequest"),
    ),
    Suite(
        "querying",
        ("event_bus/querying/*.py",),
        (
            f"{_UNIT}/querying",
            "tests/unit/functions/test_event_path.py",
            "tests/unit/functions/test_event_streams.py",
            "tests/unit/functions/test_events.py",
        ),
    ),
    Suite(
        "commands",
        (
            "event_bus/commands/expiring.py",
            "event_bus/commands/finding.py",
            "event_bus/commands/sending.py",
            "event_bus/commands/subscriber_replies.py",
            "event_bus/publishing/command_rules.py",
            "event_bus/publishing/replying.py",
        ),
        (
            f"{_UNIT}/commands",
            f"{_UNIT}/publishing/test_command_rules.py",
            f"{_UNIT}/publishing/test_replying.py",
        ),
    ),
    Suite(
        "enrichment",
        ("event_bus/enrichment/*.py",),
        (
            f"{_UNIT}/enrichment",
            f"{_UNIT}/delivery/test_enriched_streams.py",
            f"{_UNIT}/delivery/test_enriching.py",
            "tests/unit/functions/test_enrich.py",
        ),
    ),
    Suite(
        "states",
        ("event_bus/states/*.py",),
        (
            f"{_UNIT}/states",
            "tests/unit/functions/test_read_models.py",
            "tests/unit/functions/test_reducers.py",
        ),
    ),
    Suite(
        "recovery",
        ("event_bus/recovery/*.py",),
        (
            f"{_UNIT}/recovery",
            f"{_UNIT}/registry/test_pausing.py",
            "tests/unit/functions/test_unsent_replays.py",
        ),
    ),
    Suite(
        "delivery",
        (
            "event_bus/delivery/*.py",
            "event_bus/access/external_ids.py",
            "event_bus/targets/aws_clients.py",
            "event_bus/targets/aws_transport.py",
            "event_bus/targets/opening.py",
        ),
        (
            f"{_UNIT}/delivery",
            f"{_UNIT}/access/test_external_ids.py",
            f"{_UNIT}/targets/test_aws_transport.py",
            f"{_UNIT}/targets/test_eventbridge.py",
            f"{_UNIT}/targets/test_lambda_function.py",
            f"{_UNIT}/targets/test_opening.py",
            f"{_UNIT}/targets/test_shaping.py",
            f"{_UNIT}/targets/test_sns.py",
            f"{_UNIT}/targets/test_sqs.py",
            f"{_UNIT}/targets/test_stepfunctions.py",
        ),
    ),
    Suite(
        "inbox",
        ("event_bus/inbox/*.py",),
        (
            f"{_UNIT}/inbox",
            f"--deselect={_UNIT}/inbox/sockets/test_pusher.py"
            "::test_many_who_push_at_once_keep_the_order",
        ),
    ),
    Suite(
        "audit",
        (
            "event_bus/audit/appender.py",
            "event_bus/audit/reader.py",
            "event_bus/audit/signer.py",
            "event_bus/audit/verifier.py",
        ),
        (
            f"{_UNIT}/audit/test_appender.py",
            f"{_UNIT}/audit/test_reader.py",
            f"{_UNIT}/audit/test_verifier.py",
            f"{_UNIT}/model/test_audit_chain.py",
        ),
    ),
    Suite(
        "stores",
        (
            "event_bus/stores/archive.py",
            "event_bus/stores/changes.py",
            "event_bus/stores/circuits.py",
            "event_bus/stores/claims.py",
            "event_bus/stores/cursors.py",
            "event_bus/stores/dead_letters.py",
            "event_bus/stores/deduplication.py",
            "event_bus/stores/deliveries.py",
            "event_bus/stores/delivery_*.py",
            "event_bus/stores/due_deliveries.py",
            "event_bus/stores/event_archive.py",
            "event_bus/stores/event_items.py",
            "event_bus/stores/events.py",
            "event_bus/stores/idempotency.py",
            "event_bus/stores/inbox_cursors.py",
            "event_bus/stores/inboxes.py",
            "event_bus/stores/keys.py",
            "event_bus/stores/paces.py",
            "event_bus/stores/payloads.py",
            "event_bus/stores/placed_events.py",
            "event_bus/stores/registrations.py",
            "event_bus/stores/replays.py",
            "event_bus/stores/rights.py",
            "event_bus/stores/routing_items.py",
            "event_bus/stores/routings.py",
            "event_bus/stores/socket_subscribers.py",
            "event_bus/stores/stream_times.py",
            "event_bus/stores/streams.py",
            "event_bus/stores/subscription_*.py",
            "event_bus/stores/subscriptions.py",
            "event_bus/stores/table.py",
            "event_bus/stores/transactions.py",
        ),
        (
            "tests/unit/simulation/test_contracts.py",
            "tests/unit/functions/test_idempotency.py",
            f"{_UNIT}/access/test_live_keys.py",
            f"{_UNIT}/access/test_receive_rights.py",
            f"{_UNIT}/access/test_subscribers.py",
            f"{_UNIT}/querying/test_explanations.py",
            f"{_UNIT}/querying/test_stream_reader.py",
            f"{_UNIT}/registry",
            f"{_UNIT}/routing",
            f"{_UNIT}/stores/test_archive.py",
            f"{_UNIT}/stores/test_deduplication.py",
            f"{_UNIT}/stores/test_event_items.py",
            f"{_UNIT}/stores/test_inboxes.py",
            f"{_UNIT}/stores/test_kept_members.py",
            f"{_UNIT}/stores/test_moments.py",
            f"{_UNIT}/stores/test_reads_of_the_past.py",
            f"{_UNIT}/stores/test_stream_model.py",
            f"{_UNIT}/stores/test_stream_times.py",
            f"{_UNIT}/stores/test_table.py",
            f"{_UNIT}/stores/test_table_streams.py",
            f"{_UNIT}/stores/test_transactions.py",
        ),
    ),
    Suite(
        "settings",
        ("infra/setting_types.py", "infra/settings.py"),
        ("tests/unit/infra/test_settings.py",),
        # Words for people.
        unchanged=(r'^\s*f?"', "raise "),
    ),
    Suite(
        "infra",
        (
            "infra/api_functions.py",
            "infra/audit.py",
            "infra/bus.py",
            "infra/concurrency.py",
            "infra/data.py",
            "infra/enrichment.py",
            "infra/exports.py",
            "infra/function.py",
            "infra/lane.py",
            "infra/operations.py",
            "infra/permissions.py",
            "infra/queue.py",
            "infra/removal.py",
            "infra/storage.py",
            "infra/table_stream.py",
            "infra/target_grants.py",
            "infra/vpc.py",
        ),
        tuple(
            f"tests/unit/infra/test_{each}.py"
            for each in (
                *("roles", "table_grants", "key_grants", "queue_grants", "target_grants"),
                *("queues", "functions", "concurrency", "storage", "stateful", "table_stream"),
                *("alarms", "exports", "outputs", "deployed_settings"),
            )
        ),
        # Words for people, and findings that a check of all templates would report.
        unchanged=(
            "reason=",
            "description=",
            "display_name=",
            "accept",
            "raise ",
            r'^\s*f?"[^"]* [^"]* [^"]*",?$',
        ),
        plugins=("tests.mutants.templates",),
    ),
)
"""The parts, in the order in which they run: the quickest first."""
