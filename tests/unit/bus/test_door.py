"""At the door: who asks is an active user of the business, with a role that may."""

from __future__ import annotations

from typing import Any

import pytest

from shared.bus.door import CHANGERS, SYSTEM_PERSON, admit, stated
from shared.bus.session import Stated
from shared.calls import SYSTEM, Call
from shared.errors import Forbidden

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
