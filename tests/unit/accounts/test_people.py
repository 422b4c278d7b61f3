"""Admins give people logins, change them and take them away."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from services.accounts.commands import CreateUser, UpdateUser
from services.accounts.domain.people import permissions
from shared.contracts.accounts import UserChanged
from shared.errors import EmailTaken, Forbidden, LastAdmin, NotAuthenticated, NotFound, ValidationError
from shared.ids import new_id


def change(accounts, actor, user_id, **body):
    return accounts.ask(handlers.users.update_user, accounts.call(actor, path={"user_id": user_id}, **body))


def test_an_admin_creates_a_user_and_everybody_hears_of_it(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "partnerships")
    assert bob["role"] == "partnerships"
    assert accounts.said(UserChanged)[-1]["id"] == bob["id"]


def test_a_user_for_a_contact_has_the_id_of_the_contact(accounts, ada):
    contact_id = new_id()
    assert accounts.add(ada, "bob@kazenor.example", contact_id=contact_id)["id"] == contact_id
    with pytest.raises(EmailTaken):
        accounts.add(ada, "bobby@kazenor.example", contact_id=contact_id)


def test_an_email_belongs_to_one_person_however_it_is_written(accounts, ada):
    with pytest.raises(EmailTaken):
        accounts.add(ada, "ADA@Kazenor.Example")


@pytest.mark.parametrize("role", ["partnerships", "member"])
def test_only_an_admin_manages_users(accounts, ada, role):
    bob = accounts.add(ada, "bob@kazenor.example", role)
    with pytest.raises(Forbidden):
        accounts.add(bob["id"], "eve@kazenor.example")
    with pytest.raises(Forbidden):
        change(accounts, bob["id"], ada, active=False)


def test_somebody_of_another_business_is_nobody_here(accounts, ada):
    nils = accounts.register("northwind", "nils@northwind.example")["user"]["id"]
    with pytest.raises(Forbidden):
        accounts.add(nils, "eve@kazenor.example")
    with pytest.raises(NotFound):
        change(accounts, ada, nils, role="member")


def test_whoever_does_not_exist_is_not_found_before_a_role_is_refused(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")
    with pytest.raises(NotFound):
        change(accounts, bob["id"], new_id(), role="admin")


def test_the_last_admin_stays(accounts, ada):
    for body in ({"role": "member"}, {"active": False}):
        with pytest.raises(LastAdmin):
            change(accounts, ada, ada, **body)


def test_an_admin_may_go_when_another_stays_and_the_other_may_not(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "admin")
    assert change(accounts, ada, ada, role="member")["role"] == "member"
    with pytest.raises(LastAdmin):
        change(accounts, bob["id"], bob["id"], active=False)


def test_an_inactive_admin_does_not_count(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "admin")
    change(accounts, ada, bob["id"], active=False)
    with pytest.raises(LastAdmin):
        change(accounts, ada, ada, role="member")
    change(accounts, ada, bob["id"], active=True)
    change(accounts, ada, ada, role="member")


def test_deactivation_ends_all_sessions_and_lets_nobody_in(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")
    token = accounts.log_in("bob@kazenor.example", "another one")
    change(accounts, ada, bob["id"], active=False)
    with pytest.raises(NotAuthenticated):
        accounts.look(handlers.sessions.authenticate, accounts.call("system"), token)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("bob@kazenor.example", "another one")
    change(accounts, ada, bob["id"], active=True)
    with pytest.raises(NotAuthenticated):
        accounts.look(handlers.sessions.authenticate, accounts.call("system"), token)


def test_a_change_of_nothing_says_nothing(accounts, ada):
    before = len(accounts.database.outbox)
    change(accounts, ada, ada, name="Ada", role="admin", active=True)
    assert len(accounts.database.outbox) == before


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (CreateUser, {"name": "B", "email": "b@k.example", "role": "boss"}, "role"),
        (CreateUser, {"name": "B", "email": "b", "role": "member"}, "email"),
        (CreateUser, {"name": "B", "email": "b@k.example", "role": "member", "password": "short"}, "password"),
        (CreateUser, {"name": "B", "email": "b@k.example", "role": "member", "contact_id": "7"}, "contact_id"),
        (CreateUser, {"email": "b@k.example", "role": "member"}, "name"),
        (UpdateUser, {"active": 1}, "active"),
        (UpdateUser, {"name": None}, "name"),
        (UpdateUser, {"email": "b@k.example"}, "email"),
    ],
)
def test_a_bad_field_is_named(accounts, model, body, field):
    with pytest.raises(ValidationError) as refused:
        accounts.call("system", **body).read(model)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]


def test_users_are_listed_by_name_page_by_page(accounts, ada):
    for name in ("zoe", "bob", "Carl"):
        accounts.add(ada, f"{name}@kazenor.example")
    first = accounts.look(handlers.users.list_users, accounts.call(ada, limit=2))
    rest = accounts.look(handlers.users.list_users, accounts.call(ada, limit=2, cursor=first["next"]))
    assert [user["name"] for user in first["items"] + rest["items"]] == ["Ada", "Bob", "Carl", "Zoe"]
    assert rest["next"] is None


def test_services_ask_for_people_by_id_and_unknown_ones_are_left_out(accounts, ada):
    found = accounts.look(handlers.users.get_people, accounts.call("system", ids=[ada, new_id(), ada]))
    assert found["company"] == "Kazenor"
    assert accounts.look(handlers.users.get_people, accounts.call("system", ids=[]))["items"] == []
    assert "offer_expiry_days" not in found
    assert found["items"] == [
        {"id": ada, "name": "Ada", "email": "ada@kazenor.example", "role": "admin", "active": True}
    ]


def test_me_tells_who_i_am_and_what_i_may_do(accounts, ada):
    me = accounts.look(handlers.me.get_me, accounts.call(ada))
    assert me["user"]["id"] == ada
    assert (me["tenant"], me["company"]) == ("kazenor", "Kazenor")
    assert "settings" in me["permissions"]
    assert me["preferences"] == {}
    assert "settings" not in permissions("partnerships")
    assert permissions("member") == ["contacts:read", "partnerships:read"]


def test_people_change_their_own_name_language_and_preferences(accounts, ada):
    me = accounts.ask(
        handlers.me.update_me,
        accounts.call(
            ada, name="Ada L.", locale="de-AT", time_zone="Europe/Vienna", preferences={"wizard": False, "rows": 20}
        ),
    )
    assert (me["user"]["name"], me["user"]["locale"], me["user"]["time_zone"]) == ("Ada L.", "de-AT", "Europe/Vienna")
    assert accounts.said(UserChanged)[-1]["name"] == "Ada L."
    typed = accounts.ask(handlers.me.update_me, accounts.call(ada, preferences={"note": " a\x00b\x07\n "}))
    assert typed["preferences"]["note"] == "ab"
    accounts.ask(handlers.me.update_me, accounts.call(ada, preferences={"note": None}))
    me = accounts.ask(handlers.me.update_me, accounts.call(ada, preferences={"rows": None}))
    assert me["preferences"] == {"wizard": False}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"locale": "klingon!"}, "locale"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"preferences": {"x": {}}}, "preferences.x"),
        ({"preferences": {"x": [1]}}, "preferences.x"),
        ({"preferences": {"x": "y" * 501}}, "preferences.x"),
        ({"preferences": {str(n): n for n in range(101)}}, "preferences"),
        ({"role": "admin"}, "role"),
    ],
)
def test_what_cannot_be_set_of_oneself_is_refused(accounts, ada, body, field):
    with pytest.raises(ValidationError) as refused:
        accounts.ask(handlers.me.update_me, accounts.call(ada, **body))
    assert [error["field"] for error in refused.value.info["errors"]] == [field]
