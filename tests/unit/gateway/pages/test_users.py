"""The pages of people with a login: finding, adding, changing them, switching logins off and on."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from services.accounts.commands import CreateUser
from shared.calls import read_body
from shared.errors import EmailTaken, LastAdmin, NotFound, ValidationError
from shared.ids import new_id
from tests.support.ids import id_of
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, send, whole

BEA = {"id": new_id(), "name": "Bea Lang", "email": "bea@kazenor.example", "role": "member", "active": True}
CARL = {"id": new_id(), "name": "Carl", "email": "carl@kazenor.example", "role": "partnerships", "active": False}


@pytest.fixture(autouse=True)
def people(rpc: FakeRpc) -> None:
    everybody = {str(u["id"]): u for u in (ADA, BEA, CARL)}
    rpc.on("accounts", "list_users", {"items": [ADA, BEA, CARL], "next": None})
    rpc.on(
        "accounts",
        "get_people",
        lambda ids, **_: {"company": "Kazenor", "items": [everybody[i] for i in ids if i in everybody]},
    )


@pytest.fixture
def member(ada: TestClient, rpc: FakeRpc) -> TestClient:
    rpc.as_role("member")
    return ada


def at(user: dict[str, Any], more: str = "") -> str:
    return f"/users/{user['id']}{more}"


def test_users_are_searched_and_paged(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "list_users", {"items": [BEA, CARL], "next": "more&more"})
    page = ada.get("/users?q= lang &cursor=abc")
    whole(page)
    (asked,) = rpc.asked("accounts", "list_users")
    assert (asked["q"], asked["cursor"]) == ("lang", "abc")
    assert "/users?q=lang&amp;cursor=more%26more" in page.text
    assert page.text.count("Inactive</span>") == 1
    rpc.on("accounts", "list_users", {"items": [], "next": None})
    whole(ada.get("/users?q=<b>"))


def test_a_user_is_added_with_a_first_password(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "create_user", BEA)
    new = {"name": "Bea Lang", "email": "bea@kazenor.example", "role": "partnerships", "password": "a first password"}
    assert send(ada, "/users", **new).headers["location"] == "/users"
    (asked,) = rpc.asked("accounts", "create_user")
    assert {name: asked[name] for name in new} == new
    assert "contact_id" not in asked


def test_all_that_is_wrong_with_a_new_user_is_said_at_once_a_missing_first_password_too(
    ada: TestClient, rpc: FakeRpc
) -> None:
    def as_accounts_does(**given: Any) -> Any:
        return read_body({name: given[name] for name in CreateUser.model_fields if name in given}, CreateUser)

    rpc.on("accounts", "create_user", as_accounts_does)
    answer = send(ada, "/users", name="", email="bea", role="admin", password="")
    whole(answer)
    for field in ("name", "email", "password"):
        assert f'id="{field}-error"' in answer.text


def test_an_e_mail_that_is_taken_is_said_at_its_field_and_no_password_comes_back(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "create_user", EmailTaken())
    answer = send(ada, "/users", name="Bea", email="ada@kazenor.example", role="admin", password="a first password")
    whole(answer)
    assert 'id="email-error"' in answer.text
    assert "a first password" not in answer.text


def test_somebody_of_the_directory_gets_a_login(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_contacts", {"items": [CONTACT, {**CONTACT, "id": BEA["id"], "name": "Bea"}], "next": None})
    page = ada.get("/users/new/contact?q=a")
    whole(page)
    assert rpc.asked("contacts", "list_contacts")[0]["q"] == "a"
    assert f'href="/users/new?contact_id={CONTACT["id"]}"' in page.text
    assert f'href="{at(BEA)}"' in page.text
    form = ada.get(f"/users/new?contact_id={CONTACT['id']}")
    whole(form)
    assert f'value="{CONTACT["name"]}"' in form.text
    assert f'value="{CONTACT["email"]}"' in form.text
    rpc.on("accounts", "create_user", {**ADA, "id": CONTACT["id"]})
    send(ada, "/users", name="A", email="a@b.example", role="member", password="x" * 10, contact_id=CONTACT["id"])
    assert rpc.asked("accounts", "create_user")[0]["contact_id"] == CONTACT["id"]


def test_name_and_role_are_changed(ada: TestClient, rpc: FakeRpc) -> None:
    page = ada.get(at(BEA))
    whole(page)
    assert f'href="/contacts/{BEA["id"]}"' in page.text
    rpc.on("accounts", "update_user", BEA)
    assert send(ada, at(BEA), name="Bea Long", role="admin").headers["location"] == "/users"
    (asked,) = rpc.asked("accounts", "update_user")
    assert (asked["user_id"], asked["name"], asked["role"]) == (BEA["id"], "Bea Long", "admin")


def test_what_is_refused_is_said_where_it_belongs(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "update_user", LastAdmin())
    answer = send(ada, at(BEA), name="Bea", role="member")
    whole(answer)
    assert 'id="role-error"' in answer.text
    rpc.on("accounts", "update_user", ValidationError.of(("name", "Use at least 1 character.")))
    answer = send(ada, at(BEA), name="", role="member")
    whole(answer)
    assert 'id="name-error"' in answer.text


def test_nobody_shuts_themselves_out_here(ada: TestClient, rpc: FakeRpc) -> None:
    page = ada.get(at(ADA))
    whole(page)
    assert 'name="role"' not in page.text
    assert "/deactivation" not in page.text
    rpc.on("accounts", "update_user", ADA)
    send(ada, at(ADA), name="Ada Vogt", role="member")
    assert "role" not in rpc.asked("accounts", "update_user")[0]
    assert ada.get(at(ADA, "/deactivation")).status_code == 403
    assert send(ada, at(ADA, "/deactivation")).status_code == 403
    assert len(rpc.asked("accounts", "update_user")) == 1


def test_a_login_is_switched_off_and_on_after_what_follows_was_said(ada: TestClient, rpc: FakeRpc) -> None:
    question = ada.get(at(BEA, "/deactivation"))
    whole(question)
    for part in ("sessions end at once", "leave every Partner Management Team", "stay in your contacts"):
        assert part in question.text
    assert rpc.asked("accounts", "update_user") == []
    rpc.on("accounts", "update_user", BEA)
    assert send(ada, at(BEA, "/deactivation")).status_code == 303
    whole(ada.get(at(CARL, "/activation")))
    assert send(ada, at(CARL, "/activation")).status_code == 303
    assert [(a["user_id"], a["active"]) for a in rpc.asked("accounts", "update_user")] == [
        (BEA["id"], False),
        (CARL["id"], True),
    ]
    rpc.on("accounts", "update_user", LastAdmin())
    answer = send(ada, at(BEA, "/deactivation"))
    whole(answer)
    assert "A business needs at least one active admin." in answer.text


def test_others_look_and_change_nothing(member: TestClient, rpc: FakeRpc) -> None:
    whole(member.get("/users"))
    assert "Add user" not in member.get("/users").text
    page = member.get(at(BEA))
    whole(page)
    assert "<form" not in page.text.split("<main")[1]
    for path in ("/users/new", "/users/new/contact", at(BEA, "/deactivation"), at(CARL, "/activation")):
        assert member.get(path).status_code == 403, path
    for path in ("/users", at(BEA), at(BEA, "/deactivation"), at(CARL, "/activation")):
        assert send(member, path, name="x").status_code == 403, path
    assert rpc.asked("accounts", "update_user") == rpc.asked("accounts", "create_user") == []


@pytest.mark.parametrize("user_id", [id_of("nobody"), "nonsense", "new.contact"])
def test_whoever_has_no_login_here_is_not_found(user_id: str, ada: TestClient, rpc: FakeRpc) -> None:
    assert ada.get(f"/users/{user_id}").status_code == 404
    rpc.on("accounts", "update_user", NotFound())
    assert send(ada, f"/users/{user_id}", name="x", role="member").status_code == 404
