"""Passwords are kept as Argon2id hashes."""

from __future__ import annotations

import time

import pytest

from services.accounts import passwords
from shared.calls import Call


@pytest.fixture(scope="module")
def kept() -> str:
    return passwords.hash_password("correct horse")


def test_a_hash_tells_its_algorithm_and_parameters(kept):
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_only_the_password_fits(kept):
    assert passwords.verify_password(kept, "correct horse")
    assert not passwords.verify_password(kept, "Correct horse")


def test_two_hashes_of_one_password_differ(kept):
    assert passwords.hash_password("correct horse") != kept


def test_nothing_fits_an_empty_or_a_broken_hash():
    assert not passwords.verify_password("", "")
    assert not passwords.verify_password("", "nobody has this password")
    assert not passwords.verify_password("nonsense", "nonsense")


def test_a_lone_surrogate_is_a_wrong_password_like_any_other(kept):
    assert not passwords.verify_password(kept, "\ud800")


def test_a_login_that_does_not_exist_takes_as_long_as_one_that_does(kept):
    def quickest(password_hash: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            passwords.verify_password(password_hash, "wrong")
            times.append(time.perf_counter() - began)
        return min(times)

    assert 0.5 < quickest("") / quickest(kept) < 2


def test_what_is_kept_for_a_repetition_says_nothing_of_a_password():
    def fingerprint(**body: str) -> str:
        return Call("create_user", "kazenor", "ada", {}, body).fingerprint

    assert fingerprint(name="Bob", password="correct horse") == fingerprint(name="Bob", password="battery staple")
    assert fingerprint(old="a", new="b") == fingerprint(old="c", new="d")
    assert fingerprint(name="Bob") != fingerprint(name="Eve")
