"""What others check: cdk-nag's rules for AWS solutions, and CloudFormation's own by cfn-lint."""

from tests.unit.infra.synthesised import Synthesised


def test_cdk_nag_finds_nothing_that_was_not_accepted(app: Synthesised) -> None:
    assert app.violations == []


def test_cfn_lint_finds_nothing(app: Synthesised) -> None:
    # Every worker collects all tests, and this takes seconds.
    import cfnlint.api  # type: ignore[import-untyped]
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

    # The CDK names dependencies that a reference implies already.
    arguments = ManualArgs(regions=["us-east-1", "eu-central-1"], ignore_checks=["W3005"])
    found = [
        f"{file.name}: {match.rule.id} {match.message} at {match.path}"
        for file in app.files
        for match in cfnlint.api.lint(file.read_text(), config=arguments)
    ]
    assert found == []
