"""Keys are random, kept as hashes, and chosen ones are not weak."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from event_bus.model.api_keys import (
    ApiKey,
    check_chosen_key,
    generate_key,
    generate_token,
    principal_id,
    proof_of,
    proof_of_chosen,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON


def test_no_two_generated_keys_are_alike() -> None:
    keys = [generate_key() for _ in range(1_000)]
    assert len({text for text, _ in keys}) == len({proof.id for _, proof in keys}) == 1_000
    assert all(text.startswith("ebk_") and len(text) == 74 for text, _ in keys)


@pytest.mark.parametrize("generate", [generate_key, generate_token])
def test_a_generated_key_is_found_by_its_beginning(generate: Callable[[], Any]) -> None:
    text, proof = generate()
    assert proof_of(text) == proof
    assert text.partition(".")[0] == proof.id
    assert proof.hash == hashlib.sha256(text.encode()).hexdigest()


@given(place=st.integers(0, 73), other=st.sampled_from("0aZ_-. \u0660\n"))
def test_a_mistyped_key_is_known_without_a_look(place: int, other: str) -> None:
    text, _ = generate_key()
    mistyped = text[:place] + other + text[place + 1 :]
    found = proof_of(mistyped)
    # What no longer begins as generated ones do may have been chosen.
    assert mistyped == text or found is None or found.id.startswith("key_")
    assert proof_of(text[:-1]) is None
    assert proof_of(text + "0") is None


def test_each_guess_at_a_chosen_key_is_expensive() -> None:
    proof = proof_of_chosen("a-key-that-was-chosen")
    assert proof == proof_of("a-key-that-was-chosen")
    assert proof != proof_of("a-key-that-was-chosem")
    # Made once by another implementation (OpenSSL's scrypt), so that stored keys stay good.
    derived = hashlib.scrypt(
        b"a-key-that-was-chosen", salt=b"event-bus", n=4096, r=8, p=1, dklen=48
    ).hex()
    assert (proof.id, proof.hash) == (f"key_{derived[:32]}", derived[32:])


def test_the_id_of_a_principal_stays_the_same() -> None:
    # Made once by sha256sum, so that stored principals stay good.
    arn = "arn:aws:iam::123456789012:role/worker"
    assert principal_id(arn) == "iam_f9edc62982780ec9114517e1e2382994"


@pytest.mark.parametrize("text", ["", "k" * 257])
def test_a_text_that_cannot_be_a_key_has_no_proof(text: str) -> None:
    assert proof_of(text) is None
    assert proof_of("k" * 256)


def test_the_stored_form_of_a_key_does_not_contain_it() -> None:
    text, proof = generate_key()
    assert text not in repr(ApiKey(proof.id, "planner", NOON, proof.hash))


@pytest.mark.parametrize("key", ["abcdefgh" * 2, "abcdefgh" * 32, "!~#$%&()" * 2])
def test_a_strong_key_may_be_chosen(key: str) -> None:
    check_chosen_key(key)


@pytest.mark.parametrize(
    "key", ["", "k" * 15, "k" * 257, "k" * 16 + " ", "ü" * 16, "k" * 16 + "\n"]
)
def test_a_weak_or_unwieldy_key_may_not(key: str) -> None:
    with pytest.raises(
        ValueError, match=r"must have 16 to 256 visible ASCII characters and no spaces$"
    ):
        check_chosen_key(key)


def test_a_monotonous_key_may_not_be_chosen() -> None:
    with pytest.raises(ValueError, match="8 different"):
        check_chosen_key("abcdefg" * 10)


@pytest.mark.parametrize("generate", [generate_key, generate_token])
def test_a_chosen_key_does_not_look_generated(generate: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="must not begin"):
        check_chosen_key(generate()[0])
