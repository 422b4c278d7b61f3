"""The environments of a business and the roles in them (OE-08)."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from services.accounts.domain.environments import ensure_unused
from services.accounts.handlers.environments import Dropped
from shared.errors import ChangedMeanwhile, Forbidden, RoleInUse, ValidationError
from shared.ids import new_id


def items(accounts, actor):
    return accounts.look(handlers.environments.get_environments, accounts.call(actor))["items"]


def set_(accounts, actor, wanted, if_match=None):
    call = accounts.call(actor, if_match=if_match, items=wanted)
    dropped = accounts.look(handlers.environments.dropped_roles, call)
    return accounts.ask(handlers.environments.set_environments, call, dropped)


def test_what_is_sent_back_unchanged_changes_nothing(accounts, ada):
    before = accounts.look(handlers.environments.get_environments, accounts.call(ada))
    assert set_(accounts, ada, before["items"]) == before


def test_names_alone_keep_the_ids(accounts, ada):
    before = items(accounts, ada)
    wanted = [
        {"name": one["name"].upper(), "roles": [{"name": role["name"]} for role in one["roles"]]} for one in before
    ]
    after = set_(accounts, ada, wanted)["items"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [role["id"] for role in after[0]["roles"]] == [role["id"] for role in before[0]["roles"]]
    assert after[0]["name"] == "PRODUCTION"


def test_an_id_keeps_the_rest_when_the_name_changes(accounts, ada):
    before = items(accounts, ada)
    before[0]["name"], before[0]["roles"][0]["name"] = "Live", "Reader"
    after = set_(accounts, ada, before)["items"]
    assert after == before


def test_a_new_one_may_take_the_name_of_a_renamed_one_without_its_id(accounts, ada):
    before = items(accounts, ada)
    production = before[0]["id"]
    before[0]["name"] = "Old Production"
    wanted = [{"name": "Production", "roles": [{"name": "Viewer"}]}, *before]
    after = set_(accounts, ada, wanted)["items"]
    assert after[1]["id"] == production
    assert after[0]["id"] not in {one["id"] for one in before}


def test_dropped_roles_are_asked_for_by_name(accounts, ada):
    before = items(accounts, ada)
    role = before[0]["roles"].pop(0)
    dropped = accounts.look(handlers.environments.dropped_roles, accounts.call(ada, items=before))
    assert dropped.roles == {role["id"]: "Viewer in Production"}
    with pytest.raises(RoleInUse, match="Somebody holds Viewer in Production") as refused:
        ensure_unused({**dropped.roles, new_id(): "Other in Production"}, [role["id"]])
    assert refused.value.info["role_ids"] == [role["id"]]
    ensure_unused(dropped.roles, [])


def test_a_role_that_nobody_asked_about_is_not_dropped(accounts, ada):
    call = accounts.call(ada, items=items(accounts, ada)[:1])
    with pytest.raises(ChangedMeanwhile):
        accounts.ask(handlers.environments.set_environments, call, Dropped({}, 0))


def test_only_an_admin_changes_them_and_everybody_reads_them(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "member")["id"]
    with pytest.raises(Forbidden):
        set_(accounts, bob, items(accounts, bob))


def test_a_stale_version_is_refused(accounts, ada):
    wanted = items(accounts, ada)
    set_(accounts, ada, wanted[:2], if_match="1")
    with pytest.raises(ChangedMeanwhile):
        set_(accounts, ada, wanted[:2], if_match="1")


VIEWER = [{"name": "Viewer"}]


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ([], ["items"]),
        ([{"name": "A", "roles": []}], ["items.0.roles"]),
        ([{"name": "A", "roles": VIEWER}, {"name": "a", "roles": VIEWER}], ["items.1.name"]),
        ([{"name": "A", "roles": [{"name": "R"}, {"name": "r"}]}], ["items.0.roles.1.name"]),
        ([{"id": new_id(), "name": "A", "roles": VIEWER}], ["items.0.id"]),
        ([{"id": "7", "name": "A", "roles": VIEWER}], ["items.0.id"]),
        ([{"name": "A", "roles": [{"id": new_id(), "name": "R"}]}], ["items.0.roles.0.id"]),
        ([{"name": "", "roles": VIEWER}], ["items.0.name"]),
        ([{"name": str(n), "roles": VIEWER} for n in range(51)], ["items"]),
    ],
)
def test_a_bad_field_is_named(accounts, ada, wanted, fields):
    with pytest.raises(ValidationError) as refused:
        set_(accounts, ada, wanted)
    assert [error["field"] for error in refused.value.info["errors"]] == fields


def test_the_same_id_twice_is_refused(accounts, ada):
    before = items(accounts, ada)
    with pytest.raises(ValidationError) as refused:
        set_(accounts, ada, [before[0], before[0] | {"name": "Twin"}])
    assert {error["field"] for error in refused.value.info["errors"]} == {"items.1.id"}
