"""At the door: who asks is an active user of the business, with a role that may."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from shared.bus.door import CHANGERS, SYSTEM_PERSON, admit, reserving_contacts, reserving_roles, stated
from shared.bus.session import Stated
from shared.calls import SYSTEM, Call
from shared.errors import EmailTaken, Forbidden, Refusal, Unavailable

CALL = Call("list_contacts", "kazenor", "ada", {"partnership_id": "p1"})


class Accounts:
    """Knows Ada, and Ben beside her."""

    def __init__(self, **of_ada: Any) -> None:
        self.ada = {
            "id": "ada",
            "name": "Ada",
            "email": "ada@kazenor.example",
            "role": "admin",
            "active": True,
            **of_ada,
        }
        self.asked: list[dict[str, Any]] = []

    def get_people(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"company": "Kazenor", "items": [{**self.ada, "id": "ben", "active": True, "role": "admin"}, self.ada]}


def test_an_active_user_is_let_in_with_name_role_and_company() -> None:
    accounts = Accounts()
    person = admit(accounts, CALL)
    assert (person.id, person.name, person.role, person.company, person.changes) == (
        "ada",
        "Ada",
        "admin",
        "Kazenor",
        True,
    )
    assert accounts.asked == [{"tenant": "kazenor", "actor": SYSTEM, "ids": ["ada"]}]


def test_whoever_has_no_active_login_is_not_let_in() -> None:
    with pytest.raises(Forbidden):
        admit(Accounts(active=False), CALL)
    with pytest.raises(Forbidden):
        admit(Accounts(id="cleo"), CALL)


@pytest.mark.parametrize(("role", "roles", "let_in"), [
    ("member", CHANGERS, False), ("partnerships", CHANGERS, True), ("partnerships", ("admin",), False), ("member", (), True),
])  # fmt: skip
def test_only_the_roles_that_are_named_are_let_in(role: str, roles: tuple[str, ...], let_in: bool) -> None:
    if let_in:
        assert admit(Accounts(role=role), CALL, *roles).role == role
    else:
        with pytest.raises(Forbidden):
            admit(Accounts(role=role), CALL, *roles)


def test_accord_itself_is_let_in_and_nobody_is_asked() -> None:
    accounts = Accounts()
    assert admit(accounts, Call("list_contacts", "kazenor", SYSTEM)) is SYSTEM_PERSON
    assert accounts.asked == []


def test_what_offers_stated_is_to_be_heard_up_to_its_version() -> None:
    assert stated(CALL, {"version": 7}) == Stated("offers", "p1", 7)


class Owner:
    """Reserves what it is asked for, and notes what it was asked."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.forgotten = 0

    def start(self, method: str, *, needed_by: str, **_: Any) -> Owner:
        self.heard.append((method, needed_by))
        return self

    def tell(self, method: str, **request: Any) -> None:
        self.start(method, **request)

    def result(self) -> dict[str, Any]:
        return {"items": ["all of them"]}

    def forget(self) -> None:
        self.forgotten += 1

    def __getattr__(self, method: str) -> Any:
        return lambda **request: self.start(method, **request).result()

    def methods(self) -> list[str]:
        """What it was asked, which must have been about one need."""
        assert len({needed_by for _, needed_by in self.heard}) <= 1
        return [method for method, _ in self.heard]


RESERVED, RELEASED = "reserve_contacts", "release_contacts"


@pytest.mark.parametrize(
    ("refusal", "asked", "forgotten"),
    [(None, [RESERVED], 0), (EmailTaken(), [RESERVED, RELEASED], 0), (Unavailable(), [RESERVED], 1)],
)
def test_who_was_reserved_is_let_go_by_a_refusal_alone(
    refusal: Refusal | None, asked: list[str], forgotten: int
) -> None:
    """After success the owner hears what needs them; when the outcome is unknown it may have been done."""
    owner = Owner()
    with contextlib.suppress(Refusal), reserving_contacts(owner, CALL, ["mia"], needed_by="offer"):
        if refusal is not None:
            raise refusal
    assert (owner.methods(), owner.forgotten) == (asked, forgotten)


@pytest.mark.parametrize("refusal", [None, EmailTaken(), Unavailable()])
def test_roles_are_let_go_when_it_is_known_how_it_ended(refusal: Refusal | None) -> None:
    owner = Owner()
    with contextlib.suppress(Refusal), reserving_roles(owner, CALL) as environments:
        assert environments == ["all of them"]
        if refusal is not None:
            raise refusal
    known = not isinstance(refusal, Unavailable)
    assert owner.methods() == ["reserve_roles", *(["release_roles"] if known else [])]


def test_who_gives_no_role_reserves_none() -> None:
    owner = Owner()
    with reserving_roles(owner, CALL, needed=False) as environments:
        assert environments == []
    assert owner.methods() == []
