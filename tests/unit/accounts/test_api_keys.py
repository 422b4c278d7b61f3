"""Keys for programs (BX-13): what they look like, what they may do, and when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.accounts import handlers
from services.accounts.domain.api_keys import KEYS_LIMIT, Key, granted, read_key
from services.accounts.domain.sessions import Token, read_token
from shared.clock import iso
from shared.errors import Forbidden, NotAuthenticated, NotFound, TooMany, ValidationError
from shared.ids import new_id

KEY = Key("kazenor", "01234567-89ab-7cde-8f01-23456789abcd", "5" * 64)


def make(accounts, actor, tenant="kazenor", **body):
    """The answer to a new key; the service chooses its secret, and tells it."""
    body = {"name": "Nightly export", "scopes": ["partnerships:read"]} | body
    key = Key(tenant, new_id(), new_id()[:8] * 8)
    return {
        **accounts.ask(handlers.api_keys.create_api_key, accounts.call(actor, tenant, **body), key),
        "key": str(key),
    }


def use(accounts, made):
    """As service.py does it: whose key it is, its use noted."""
    key = read_key(made["key"])
    call = accounts.call("system", key.tenant)
    known = accounts.look(handlers.api_keys.authenticate, call, key)
    if known.touch:
        accounts.ask(handlers.api_keys.touch_api_key, call, key.id)
    return known.answer


def listed(accounts, actor, **body):
    return accounts.look(handlers.api_keys.list_api_keys, accounts.call(actor, **body))["items"]


def revoke(accounts, actor, made, tenant="kazenor"):
    return accounts.ask(handlers.api_keys.revoke_api_key, accounts.call(actor, tenant, path={"api_key_id": made["id"]}))


def update(accounts, ada, user, **body):
    return accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": user}, **body))


# What a key looks like


def test_a_key_is_read_as_it_was_written_and_is_no_session_nor_the_other_way_round():
    assert read_key(str(KEY)) == KEY
    assert str(KEY).startswith("accord_kazenor_01234567-89ab-7cde-8f01-23456789abcd_key")
    assert read_token(str(KEY)) is None
    assert read_key(str(Token("kazenor", KEY.id, KEY.secret))) is None
    assert KEY.secret not in repr(KEY)


@pytest.mark.parametrize("place", range(0, len(str(KEY)) - len("accord_"), 7))
def test_one_wrong_character_anywhere_is_noticed_without_asking_the_database(place):
    text, at = str(KEY), place + len("accord_")
    wrong = text[:at] + ("7" if text[at] != "7" else "9") + text[at + 1 :]
    try:
        assert read_key(wrong) is None  # what it begins with tells that it is a key at all
    except NotAuthenticated as refused:
        assert "mistyped" in refused.detail


@pytest.mark.parametrize(
    "text",
    [
        str(KEY)[:-1],
        str(KEY) + "0",
        str(KEY).upper().replace("ACCORD", "accord").replace("_KEY", "_key"),
        str(KEY) + "\n",
    ],
)
def test_a_key_that_is_cut_off_or_changed_is_mistyped(text):
    with pytest.raises(NotAuthenticated, match="checksum"):
        read_key(text)


@pytest.mark.parametrize("text", [None, 7, "", "accord_", "accord_kazenor_x", "Bearer", ["key"]])
def test_what_is_no_key_at_all_is_none(text):
    assert read_key(text) is None


# Making one


def test_a_key_stands_in_the_answer_once_and_nowhere_else(accounts, ada):
    made = make(accounts, ada, expires_in_days=30)
    assert made["name"] == "Nightly export"
    assert made["scopes"] == ["partnerships:read"]
    assert made["user"] == {"id": ada, "name": "Ada"}
    assert (made["created_at"], made["last_used_at"], made["active"]) == (iso(accounts.now), None, True)
    assert made["expires_at"] == iso(accounts.now + timedelta(days=30))
    (shown,) = listed(accounts, ada)
    assert shown == {name: value for name, value in made.items() if name != "key"}
    secret = read_key(made["key"]).secret
    kept = [row.document for rows in accounts.database.records.values() for row in rows.values()]
    assert not [document for document in kept if secret in document or made["key"] in document]


def test_a_key_ends_after_ninety_days_unless_it_says_otherwise(accounts, ada):
    assert make(accounts, ada)["expires_at"] == iso(accounts.now + timedelta(days=90))
    until = accounts.now + timedelta(days=366)
    assert make(accounts, ada, expires_at=iso(until))["expires_at"] == iso(until)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["users"]}, "scopes.0"),
        ({"scopes": ["settings", "settings"]}, "scopes"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"expires_in_days": "30"}, "expires_in_days"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2026-04-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2026-03-02T09:00:00Z"}, "expires_at"),
        ({"expires_at": "2027-03-04T09:00:00Z"}, "expires_at"),
        ({"expires_at": 7}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"expires_in_days": 1, "expires_at": "2026-04-01T00:00:00Z"}, "expires_in_days"),
        ({"key": "mine"}, "key"),
    ],
)
def test_a_bad_field_of_a_key_is_named(accounts, ada, body, field):
    with pytest.raises(ValidationError) as refused:
        make(accounts, ada, **body)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]


def test_nobody_gives_a_key_more_than_they_may_themselves(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "member")["id"]
    make(accounts, bob, scopes=["contacts:read", "partnerships:read"])
    with pytest.raises(Forbidden, match="contacts:write and settings"):
        make(accounts, bob, scopes=["settings", "contacts:write", "contacts:read"])


def test_somebody_has_so_many_keys_and_no_more(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "admin")["id"]
    first = [make(accounts, ada) for _ in range(KEYS_LIMIT)][0]
    with pytest.raises(TooMany, match="Revoke one"):
        make(accounts, ada)
    make(accounts, bob)
    revoke(accounts, ada, first)
    make(accounts, ada)


# Using one


def test_a_key_acts_as_who_made_it_within_its_scopes(accounts, ada):
    found = use(accounts, made := make(accounts, ada, scopes=["contacts:write", "partnerships:read"]))
    assert (found["tenant"], found["company"], found["user"]["id"]) == ("kazenor", "Kazenor", ada)
    assert found["session_id"] == made["id"]
    assert found["scopes"] == found["permissions"] == ["contacts:read", "contacts:write", "partnerships:read"]


def test_a_session_has_no_scopes(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    found = accounts.look(handlers.sessions.authenticate, accounts.call("system"), token).answer
    assert "scopes" not in found or found["scopes"] is None


def test_whoever_may_write_may_read_but_never_more_than_the_role():
    assert granted(["contacts:write"], "admin") == ["contacts:read", "contacts:write"]
    assert granted(["contacts:write", "settings"], "member") == ["contacts:read"]
    assert granted(["settings"], "partnerships") == []


def test_a_lowered_role_lowers_the_rights_of_its_keys_at_once(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "admin")["id"]
    made = make(accounts, bob, scopes=["settings", "partnerships:write"])
    update(accounts, ada, bob, role="member")
    assert use(accounts, made)["scopes"] == ["partnerships:read"]
    update(accounts, ada, bob, role="admin")
    assert use(accounts, made)["scopes"] == ["partnerships:read", "partnerships:write", "settings"]


def test_keys_die_with_who_made_them(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "admin")["id"]
    made = make(accounts, bob)
    mine = make(accounts, ada)
    update(accounts, ada, bob, active=False)
    with pytest.raises(NotAuthenticated):
        use(accounts, made)
    # They stay dead when their user comes back.
    update(accounts, ada, bob, active=True)
    with pytest.raises(NotAuthenticated):
        use(accounts, made)
    assert use(accounts, mine)["user"]["id"] == ada


def test_a_key_ends_when_its_time_is_over(accounts, ada):
    made = make(accounts, ada, expires_in_days=1)
    accounts.pass_time(hours=23, minutes=59)
    use(accounts, made)
    accounts.pass_time(minutes=1)
    with pytest.raises(NotAuthenticated):
        use(accounts, made)
    assert listed(accounts, ada)[0]["active"] is False


def test_another_secret_opens_nothing(accounts, ada):
    key = read_key(make(accounts, ada)["key"])
    for wrong in (
        Key(key.tenant, key.id, "0" * 64),
        Key(key.tenant, new_id(), key.secret),
        Key("northwind", key.id, key.secret),
    ):
        with pytest.raises(NotAuthenticated):
            accounts.look(handlers.api_keys.authenticate, accounts.call("system", wrong.tenant), wrong)


def test_the_last_use_is_noted_at_most_once_a_minute(accounts, ada):
    made = make(accounts, ada)
    noted = []
    for seconds in (0, 59, 1, 30):
        accounts.pass_time(seconds=seconds)
        use(accounts, made)
        noted.append(listed(accounts, ada)[0]["last_used_at"])
    start = accounts.now - timedelta(seconds=90)
    assert noted == [iso(start), iso(start), iso(start + timedelta(minutes=1)), iso(start + timedelta(minutes=1))]


# Seeing and revoking them


def test_people_see_their_own_keys_and_admins_those_of_everybody(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "member")["id"]
    accounts.register("northwind", "nils@northwind.example", "Northwind")
    hers, his = make(accounts, ada), make(accounts, bob)
    assert [one["id"] for one in listed(accounts, bob)] == [his["id"]]
    assert [(one["id"], one["user"]["name"]) for one in listed(accounts, ada)] == [
        (his["id"], "Bob"),
        (hers["id"], "Ada"),
    ]
    assert len(listed(accounts, ada, limit=1)) == 1


def test_a_revoked_key_opens_nothing(accounts, ada):
    made = make(accounts, ada)
    assert revoke(accounts, ada, made) == {}
    with pytest.raises(NotAuthenticated):
        use(accounts, made)
    with pytest.raises(NotFound):
        revoke(accounts, ada, made)
    assert listed(accounts, ada) == []


def test_a_use_at_the_instant_of_its_revocation_does_not_bring_a_key_back(accounts, ada):
    made = make(accounts, ada)
    revoke(accounts, ada, made)
    accounts.ask(handlers.api_keys.touch_api_key, accounts.call("system"), made["id"])
    assert listed(accounts, ada) == []


def test_an_admin_revokes_the_keys_of_others_and_nobody_else_does(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "partnerships")["id"]
    nils = accounts.register("northwind", "nils@northwind.example", "Northwind")["user"]["id"]
    hers, his = make(accounts, ada), make(accounts, bob)
    for actor, tenant, made in ((bob, "kazenor", hers), (nils, "northwind", his)):
        with pytest.raises(NotFound):
            revoke(accounts, actor, made, tenant)
    revoke(accounts, ada, his)
    with pytest.raises(NotAuthenticated):
        use(accounts, his)


def test_making_and_revoking_a_key_stands_in_the_audit_trail(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "member")["id"]
    made = make(accounts, bob)
    revoke(accounts, ada, made)
    trail = accounts.look(
        handlers.audit.list_entries, accounts.call(ada, action=["api_key.created", "api_key.revoked"])
    )["items"]
    noted = [(one["action"], one["actor"]["name"], one["details"].get("name")) for one in trail]
    assert sorted(noted) == [
        ("api_key.created", "Bob", "Nightly export"),
        ("api_key.revoked", "Ada", "Nightly export of Bob"),
    ]
    assert made["key"] not in str(trail)
