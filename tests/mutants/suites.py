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
        "transitions",
        ("event_bus/model/transitions.py",),
        (f"{_UNIT}/model/test_transitions.py", f"{_UNIT}/model/test_transition_records.py"),
    ),
    Suite(
        "access",
        (
            "event_bus/access/authenticator.py",
            "event_bus/access/callers.py",
            "event_bus/model/api_keys.py",
            "event_bus/access/ownership.py",
            "event_bus/model/principals.py",
            "event_bus/access/rate_limits.py",
            "event_bus/targets/resources.py",
            "event_bus/access/stream_tokens.py",
        ),
        (
            f"{_UNIT}/access/test_authenticator.py",
            f"{_UNIT}/access/test_callers.py",
            f"{_UNIT}/model/test_api_keys.py",
            f"{_UNIT}/access/test_ownership.py",
            f"{_UNIT}/model/test_principals.py",
            f"{_UNIT}/access/test_rate_limits.py",
            f"{_UNIT}/targets/test_resources.py",
            f"{_UNIT}/access/test_stream_tokens.py",
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
            "event_bus/access/payload_*.py",
            "event_bus/encryption/webhook_signatures.py",
            "event_bus/encryption/signing_secrets.py",
        ),
        (
            f"{_UNIT}/access/test_payload_readers.py",
            f"{_UNIT}/encryption/test_payload_seal.py",
            f"{_UNIT}/encryption/test_webhook_signatures.py",
            f"{_UNIT}/encryption/test_signing_secrets.py",
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
    Suite("recovery", ("event_bus/recovery/dead_letters.py",), (f"{_UNIT}/recovery",)),
    Suite(
        "delivery",
        ("event_bus/delivery/*.py", "event_bus/targets/aws_transport.py"),
        (
            f"{_UNIT}/delivery",
            f"{_UNIT}/targets/test_aws_transport.py",
            f"{_UNIT}/targets/test_eventbridge.py",
            f"{_UNIT}/targets/test_lambda_function.py",
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
        ("event_bus/audit/*.py",),
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
            "event_bus/stores/circuits.py",
            "event_bus/stores/dead_letters.py",
            "event_bus/stores/deliveries.py",
            "event_bus/stores/delivery_*.py",
            "event_bus/stores/due_deliveries.py",
            "event_bus/stores/events.py",
            "event_bus/stores/event_items.py",
            "event_bus/stores/inbox_cursors.py",
            "event_bus/stores/inboxes.py",
            "event_bus/stores/table.py",
            "event_bus/stores/transactions.py",
        ),
        (
            "tests/unit/simulation/test_contracts.py",
            f"{_UNIT}/stores/test_archive.py",
            f"{_UNIT}/stores/test_deduplication.py",
            f"{_UNIT}/stores/test_event_items.py",
            f"{_UNIT}/stores/test_table.py",
            f"{_UNIT}/stores/test_moments.py",
            f"{_UNIT}/stores/test_reads_of_the_past.py",
            f"{_UNIT}/stores/test_table_streams.py",
            f"{_UNIT}/stores/test_transactions.py",
        ),
    ),
    Suite(
        "infra",
        (
            "infra/api_functions.py",
            "infra/enrichment.py",
            "infra/lane.py",
            "infra/permissions.py",
            "infra/target_grants.py",
        ),
        tuple(
            f"tests/unit/infra/test_{each}.py"
            for each in (
                *("roles", "table_grants", "key_grants", "queue_grants", "target_grants"),
                *("queues", "functions", "concurrency"),
            )
        ),
        # Words for people, and findings that a check of all templates would report.
        unchanged=("reason=", "description=", "accept", "raise "),
        plugins=("tests.mutants.templates",),
    ),
)
"""The parts, in the order in which they run: the quickest first."""
