"""The audit trail: who did what to logins and settings, from where, and what came of it."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from services.accounts.domain import audit
from shared.calls import Client
from shared.errors import Forbidden, NotAuthenticated, Refusal

FIREFOX = Client("192.0.2.7", "Mozilla/5.0 Firefox/140.0")


def trail(accounts, admin, **query):
    return accounts.look(handlers.audit.list_entries, accounts.call(admin, **query))["items"]


def titles(accounts, admin, **query):
    return [one["title"] for one in trail(accounts, admin, **query)]


def test_each_change_stands_there_as_a_sentence_the_newest_first(accounts, ada):
    accounts.pass_time(minutes=1)
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    accounts.pass_time(minutes=1)
    change = accounts.call(ada, path={"user_id": bob}, role="partnerships", name="Robert")
    accounts.ask(handlers.users.update_user, change)
    accounts.pass_time(minutes=1)
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, active=False))
    accounts.pass_time(minutes=1)
    accounts.ask(handlers.settings.update_settings, accounts.call(ada, offer_expiry_days=7))
    accounts.pass_time(minutes=1)
    accounts.ask(handlers.profile.update_profile, accounts.call(ada, phone="+1 23", company="Kazenor Consulting"))
    assert titles(accounts, ada) == [
        "Ada changed the profile: company from Kazenor to Kazenor Consulting, phone.",
        "Ada changed the settings: days until an offer expires from 30 to 7.",
        "Ada deactivated the login of Robert (bob@kazenor.example).",
        "Ada changed the login of Bob (bob@kazenor.example): name from Bob to Robert, role from member to partnerships.",
        "Ada gave a login to Bob (bob@kazenor.example) as member.",
        "Ada registered Kazenor.",
    ]


def test_what_changes_nothing_is_not_noted(accounts, ada):
    before = len(trail(accounts, ada))
    accounts.ask(handlers.settings.update_settings, accounts.call(ada, offer_expiry_days=30))
    accounts.ask(handlers.profile.update_profile, accounts.call(ada, company="Kazenor"))
    assert len(trail(accounts, ada)) == before


def test_environments_say_which_roles_came_and_went(accounts, ada):
    items = accounts.look(handlers.environments.get_environments, accounts.call(ada))["items"]
    items[0]["roles"][0] = {"name": "Auditor"}
    call = accounts.call(ada, items=items)
    dropped = accounts.look(handlers.environments.dropped_roles, call)
    accounts.ask(handlers.environments.set_environments, call, dropped)
    assert titles(accounts, ada, action=["environments.changed"]) == [
        "Ada changed environments and roles: added Auditor in Production; removed Viewer in Production."
    ]


def test_a_login_says_where_it_came_from(accounts, ada):
    token = accounts.log_in("ada@kazenor.example", client=FIREFOX)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("ada@kazenor.example", "wrong", client=FIREFOX)
    failed, done = trail(accounts, ada, action=["login.failed"]), trail(accounts, ada, action=["login.succeeded"])
    assert [(one["title"], one["outcome"], one["address"], one["user_agent"]) for one in failed + done] == [
        (
            "Somebody tried to log in as Ada (ada@kazenor.example) with a wrong password.",
            "refused",
            FIREFOX.address,
            FIREFOX.agent,
        ),
        ("Ada logged in.", "done", FIREFOX.address, FIREFOX.agent),
    ]
    assert failed[0]["actor"] is None and done[0]["actor"] == {"id": ada, "name": "Ada"}
    assert failed[0]["details"]["about"] == ada
    session = accounts.look(handlers.sessions.list_sessions, accounts.call(ada, session_id=token.session_id))["items"]
    assert [(one["address"], one["user_agent"], one["current"]) for one in session] == [
        (FIREFOX.address, FIREFOX.agent, True)
    ]


def test_a_wrong_login_of_nobody_costs_as_much_and_is_seen_by_nobody(accounts, ada):
    """S3: not even the number of rows that are written tells whether an account exists."""

    def written(email, tenant="kazenor"):
        before = {table: len(rows) for table, rows in accounts.database.records.items()}
        with pytest.raises(NotAuthenticated):
            accounts.log_in(email, "wrong", tenant, client=FIREFOX)
        return {
            table: len(rows) - before.get(table, 0)
            for table, rows in accounts.database.records.items()
            if len(rows) != before.get(table, 0)
        }

    of_somebody = written("ada@kazenor.example")
    assert written("eve@kazenor.example") == of_somebody == written("eve@nowhere.example", "nowhere")
    assert of_somebody == {"attempts": 1, "audit": 1}
    assert len(trail(accounts, ada, action=["login.failed"])) == 1
    hidden = [one for one in accounts.database.records["audit"].values() if "eve" in repr(one)]
    assert hidden == []


def test_somebody_deactivated_who_tries_is_noted(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, active=False))
    with pytest.raises(NotAuthenticated):
        accounts.log_in("bob@kazenor.example", "another one")
    assert len(trail(accounts, ada, action=["login.failed"])) == 1


def test_sessions_that_end_are_noted(accounts, ada):
    first, second, third = (accounts.log_in("ada@kazenor.example", client=FIREFOX) for _ in range(3))
    accounts.ask(handlers.sessions.revoke_session, accounts.call(ada, path={"session_id": second.session_id}))
    accounts.ask(handlers.sessions.revoke_sessions, accounts.call(ada, session_id=first.session_id))
    accounts.ask(handlers.sessions.close_session, accounts.call(ada), first)
    with pytest.raises(NotAuthenticated):
        accounts.look(handlers.sessions.authenticate, accounts.call("system"), third)
    said = {one["action"] for one in trail(accounts, ada)}
    assert {"session.revoked", "sessions.revoked", "session.closed"} <= said
    (ended,) = trail(accounts, ada, action=["session.revoked"])
    assert ended["details"]["session"] == f"{FIREFOX.agent} {FIREFOX.address}"


def test_a_change_that_is_refused_leaves_no_entry(accounts, ada):
    before = len(trail(accounts, ada))
    with pytest.raises(Refusal):
        accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": ada}, active=False))
    assert len(trail(accounts, ada)) == before


def test_only_admins_read_it(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", role="partnerships")["id"]
    with pytest.raises(Forbidden):
        trail(accounts, bob)


def test_it_is_read_page_by_page(accounts, ada):
    for n in range(4):
        accounts.add(ada, f"u{n}@kazenor.example")
    first = accounts.look(handlers.audit.list_entries, accounts.call(ada, limit=3))
    rest = accounts.look(handlers.audit.list_entries, accounts.call(ada, limit=3, cursor=first["next"]))
    assert len(first["items"]) == 3 and len(rest["items"]) == 2 and rest["next"] is None
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 5


def test_an_entry_is_removed_after_a_year_as_new_ones_come(accounts, ada):
    accounts.pass_time(days=audit.KEPT.days - 1)
    accounts.add(ada, "bob@kazenor.example")
    assert len(trail(accounts, ada)) == 2
    accounts.pass_time(days=1)
    accounts.add(ada, "carl@kazenor.example")
    assert titles(accounts, ada) == [
        "Ada gave a login to Carl (carl@kazenor.example) as member.",
        "Ada gave a login to Bob (bob@kazenor.example) as member.",
    ]


def test_an_action_of_newer_code_is_named_as_it_is():
    said = audit.sentence(
        audit.Entry(tenant="a", id="b", at=None, action="moon.landed", actor_name="Ada")  # type: ignore[arg-type]
    )
    assert said == "Ada moon.landed."


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (None, Client()),
        ("x", Client()),
        ({"address": 7, "agent": ["x"]}, Client()),
        ({"address": "a" * 200, "agent": "b\x00\u202e\ud800c\nd"}, Client("a" * 100, "bc d")),
    ],
)
def test_what_a_request_says_of_itself_is_cut_to_size_and_never_refused(given, known):
    assert Client.of(given) == known
