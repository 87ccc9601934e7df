"""The longest tests start first, so a renamed file must not lose its place in silence."""

from infra.built import ROOT
from tests.conftest import LONGEST


def test_the_longest_tests_are_where_the_order_names_them() -> None:
    assert [each for each in LONGEST if not (ROOT / each).exists()] == []
