"""Keys are random, kept as hashes, and chosen ones are not weak."""

import pytest
from event_bus.security.keys import ApiKey, check_chosen_key, generate_key, hash_key

from tests.builders import NOON


def test_a_generated_key_could_have_been_chosen() -> None:
    check_chosen_key(generate_key())


def test_no_two_generated_keys_are_alike() -> None:
    keys = {generate_key() for _ in range(1_000)}
    assert len(keys) == 1_000
    assert all(key.startswith("ebk_") and len(key) == 47 for key in keys)


def test_the_hash_of_a_key_is_its_sha_256() -> None:
    expected = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
    assert hash_key("aaa") == expected


def test_what_is_kept_of_a_key_does_not_hold_it() -> None:
    key = generate_key()
    assert key not in repr(ApiKey(hash_key(key), "planner", NOON))


@pytest.mark.parametrize("key", ["k" * 16, "k" * 256, "!~" * 8])
def test_a_strong_key_may_be_chosen(key: str) -> None:
    check_chosen_key(key)


@pytest.mark.parametrize(
    "key", ["", "k" * 15, "k" * 257, "k" * 16 + " ", "ü" * 16, "k" * 16 + "\n"]
)
def test_a_weak_or_unwieldy_key_may_not(key: str) -> None:
    with pytest.raises(ValueError, match="16 to 256"):
        check_chosen_key(key)
