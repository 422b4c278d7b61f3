"""Passwords are kept as Argon2id hashes."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

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


def test_a_login_that_does_not_exist_costs_what_one_that_does_costs(kept, monkeypatch):
    """Counted, not timed: each takes one verification of a hash with the same parameters."""
    verified = []

    class Counting:
        def verify(self, password_hash: str, password: bytes) -> None:
            verified.append(extract_parameters(password_hash))
            raise VerifyMismatchError

    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert not passwords.verify_password("", "wrong")
    assert not passwords.verify_password(kept, "wrong")
    assert len(verified) == 2 and verified[0] == verified[1]


def fingerprint(**body: str) -> str:
    return Call("create_user", "kazenor", "ada", {}, body).fingerprint


def test_another_password_is_another_request_to_whoever_has_the_key(monkeypatch):
    seen = set()
    for key in ("k" * 48, "l" * 48):
        monkeypatch.setenv("ACCORD_LINK_KEY", key)
        assert fingerprint(old="a", new="b") == fingerprint(old="a", new="b")
        seen |= {fingerprint(old="a", new="b"), fingerprint(old="b", new="c")}
    assert len(seen) == 4


def test_what_is_kept_for_a_repetition_says_nothing_of_a_password_without_a_key(monkeypatch):
    monkeypatch.delenv("ACCORD_LINK_KEY", raising=False)
    assert fingerprint(name="Bob", password="correct horse") == fingerprint(name="Bob", password="battery staple")
    assert fingerprint(old="a", new="b") == fingerprint(old="c", new="d")
    assert fingerprint(name="Bob") != fingerprint(name="Eve")
