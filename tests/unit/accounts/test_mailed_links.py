"""A new password and another e-mail, by a link in a mail that is used once."""

from __future__ import annotations

import json

import pytest

from services.accounts import handlers
from services.accounts.commands import ChangePassword
from services.accounts.service import AccountsService
from shared.bus.work import Heard
from shared.calls import Client
from shared.contracts.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordChanged,
    PasswordResetDue,
    PasswordResetRequested,
    UserChanged,
)
from shared.errors import EmailTaken, NotAuthenticated, RateLimited, Unavailable, ValidationError

EMAIL, NEW = "ada@kazenor.example", "ada@new.example"
PHONE = Client("192.0.2.9", "Phone/1.0")


def ask(accounts, email=EMAIL, tenant="kazenor", limit=3):
    """Ask for a new password, and let the timer of it come back; the ids of the links that were mailed."""
    before = len(accounts.database.outbox)
    call = accounts.call("system", tenant, client=PHONE)
    assert accounts.ask(handlers.passwords.request_reset, call, email, limit) == {}
    due = [row for row in accounts.database.outbox[before:] if row.type == PasswordResetDue.type]
    (data,) = (json.loads(row.body)["data"] for row in due)
    message = Heard(tenant, tenant, tenant, 0, accounts.now, PasswordResetDue(**data))
    said = len(accounts.said(PasswordResetRequested))
    accounts.ask(lambda work, call, now: handlers.passwords.reset_due(work, message, now), call)
    return [one["id"] for one in accounts.said(PasswordResetRequested)[said:]]


def use(accounts, link, tenant="kazenor"):
    call = accounts.call("system", tenant)
    return accounts.ask(handlers.passwords.reset_password, call, link, "hash:battery staple")


def change_email(accounts, actor, email=NEW, checked="hash:correct horse"):
    accounts.ask(handlers.emails.request_change, accounts.call(actor), email, checked)
    return accounts.said(EmailChangeRequested)[-1]["id"]


def confirm(accounts, link):
    return accounts.ask(handlers.emails.confirm_change, accounts.call("system"), link)


def holds(accounts, token):
    try:
        accounts.look(handlers.sessions.authenticate, accounts.call("system", token.tenant), token)
    except NotAuthenticated:
        return False
    return True


# A new password


def test_a_link_gives_a_new_password_and_ends_all_sessions(accounts, ada):
    session = accounts.log_in(EMAIL)
    (link,) = ask(accounts)
    use(accounts, link)
    assert not holds(accounts, session)
    with pytest.raises(NotAuthenticated):
        accounts.log_in(EMAIL)
    accounts.log_in(EMAIL, "battery staple")
    assert accounts.said(PasswordChanged) == [{"name": "Ada", "email": EMAIL, "by_mail": True}]


def test_a_link_works_once_and_ends_the_others(accounts, ada):
    (first,), (second,) = ask(accounts), ask(accounts)
    use(accounts, second)
    for link in (first, second):
        with pytest.raises(ValidationError):
            use(accounts, link)


def test_a_link_works_for_thirty_minutes(accounts, ada):
    (link,) = ask(accounts)
    accounts.pass_time(minutes=29, seconds=59)
    seen = accounts.look(handlers.mailed_links.look, accounts.call("system"), link, "reset")
    assert seen == {"tenant": "kazenor", "email": EMAIL, "name": "Ada", "expires_at": "2026-03-02T09:30:00Z"}
    accounts.pass_time(seconds=1)
    with pytest.raises(ValidationError):
        use(accounts, link)


def test_asking_says_and_writes_the_same_whether_there_is_a_login(accounts, ada):
    """S3: neither the answer nor what is written before it tells; what differs happens after it."""

    def written(email, tenant="kazenor"):
        before, rows = len(accounts.database.outbox), {t: len(r) for t, r in accounts.database.records.items()}
        call = accounts.call("system", tenant)
        answer = accounts.ask(handlers.passwords.request_reset, call, email, 3)
        kept = {t: len(r) - rows.get(t, 0) for t, r in accounts.database.records.items()}
        return answer, [row.type for row in accounts.database.outbox[before:]], {t: n for t, n in kept.items() if n}

    of_somebody = written(EMAIL)
    assert of_somebody == ({}, ["password_reset.due"], {"attempts": 1})
    assert written("eve@kazenor.example") == of_somebody == written("eve@nowhere.example", "nowhere")


def test_nobody_else_is_mailed(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, active=False))
    assert ask(accounts, "bob@kazenor.example") == [] == ask(accounts, "eve@kazenor.example")


def test_whoever_never_had_a_password_gets_one_this_way(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")
    (link,) = ask(accounts, bob["email"])
    use(accounts, link)
    accounts.log_in(bob["email"], "battery staple")


@pytest.mark.parametrize("email", [EMAIL, "eve@kazenor.example"])
def test_three_mails_in_fifteen_minutes_are_enough_also_for_nobody(accounts, ada, email):
    for _ in range(3):
        ask(accounts, email)
    with pytest.raises(RateLimited) as refused:
        ask(accounts, email)
    assert refused.value.info["retry_after"] == 900
    accounts.pass_time(minutes=15)
    ask(accounts, email)


def test_an_address_may_ask_so_often_only(accounts):
    call = accounts.call("system", "system")
    for _ in range(2):
        accounts.ask(handlers.passwords.count_resets_from, call, "192.0.2.9", 2)
    with pytest.raises(RateLimited):
        accounts.ask(handlers.passwords.count_resets_from, call, "192.0.2.9", 2)
    accounts.ask(handlers.passwords.count_resets_from, call, "192.0.2.8", 2)


def test_a_new_password_lets_in_whoever_was_locked_out(accounts, ada):
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(EMAIL, "wrong")
    (link,) = ask(accounts)
    use(accounts, link)
    accounts.log_in(EMAIL, "battery staple")


def test_a_link_dies_with_the_password_it_was_asked_for(accounts, ada):
    (link,) = ask(accounts)
    call = accounts.call(ada, old="correct horse", new="battery staple")
    accounts.ask(handlers.passwords.change_password, call, call.read(ChangePassword), "hash:correct horse", "hash:x")
    with pytest.raises(ValidationError):
        use(accounts, link)


def test_a_link_dies_with_the_login(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    (link,) = ask(accounts, "bob@kazenor.example")
    for active in (False, True):
        accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, active=active))
    with pytest.raises(ValidationError):
        use(accounts, link)


def test_a_link_of_another_business_or_purpose_is_none(accounts, ada):
    accounts.register("northwind", "nils@northwind.example")
    (link,) = ask(accounts)
    with pytest.raises(ValidationError):
        use(accounts, link, "northwind")
    with pytest.raises(ValidationError):
        confirm(accounts, link)
    with pytest.raises(ValidationError):
        use(accounts, change_email(accounts, ada))


def test_nothing_that_is_kept_or_said_is_a_usable_link(accounts, ada):
    """S4: what stands in the database is an id; the token is made from it and a key that stands nowhere there."""
    (link,) = ask(accounts)
    everything = repr(accounts.database.records) + repr(accounts.database.outbox) + repr(accounts.database.answers)
    assert link in everything
    assert f"reset_kazenor_{link}" not in everything


def test_it_is_noted_who_asked_and_that_it_was_used(accounts, ada):
    (link,) = ask(accounts)
    use(accounts, link)
    items = accounts.look(handlers.audit.list_entries, accounts.call(ada))["items"]
    asked = next(one for one in items if one["action"] == "password_reset.requested")
    used = next(one for one in items if one["action"] == "password_reset.used")
    assert (asked["title"], asked["address"], asked["user_agent"]) == (
        "Somebody asked for a new password for Ada (ada@kazenor.example).",
        PHONE.address,
        PHONE.agent,
    )
    assert used["title"] == "Ada chose a new password by a link in a mail."


# Another e-mail


def test_another_email_counts_once_it_is_confirmed_there(accounts, ada):
    session = accounts.log_in(EMAIL)
    link = change_email(accounts, ada)
    accounts.log_in(EMAIL)
    with pytest.raises(NotAuthenticated):
        accounts.log_in(NEW)
    confirm(accounts, link)
    with pytest.raises(NotAuthenticated):
        accounts.log_in(EMAIL)
    accounts.log_in(NEW)
    assert holds(accounts, session)
    assert accounts.said(EmailChanged) == [{"name": "Ada", "email": NEW, "before": EMAIL}]
    assert accounts.said(UserChanged)[-1]["email"] == NEW
    with pytest.raises(ValidationError):
        confirm(accounts, link)


def test_another_email_can_be_confirmed_for_a_day(accounts, ada):
    link = change_email(accounts, ada)
    accounts.pass_time(hours=24)
    with pytest.raises(ValidationError):
        confirm(accounts, link)


def test_of_several_emails_the_last_one_counts(accounts, ada):
    first, second = change_email(accounts, ada), change_email(accounts, ada, "ada@newer.example")
    with pytest.raises(ValidationError):
        confirm(accounts, first)
    confirm(accounts, second)
    accounts.log_in("ada@newer.example")


def test_an_email_that_somebody_has_is_refused_at_both_ends(accounts, ada):
    accounts.add(ada, "bob@kazenor.example")
    with pytest.raises(EmailTaken):
        change_email(accounts, ada, "bob@kazenor.example")
    link = change_email(accounts, ada)
    accounts.add(ada, NEW)
    with pytest.raises(EmailTaken):
        confirm(accounts, link)
    accounts.log_in(EMAIL)


def test_an_email_is_changed_by_whoever_knows_the_password_now(accounts, ada):
    with pytest.raises(ValidationError) as refused:
        change_email(accounts, ada, checked="hash:of before")
    assert refused.value.info["errors"] == [{"field": "password", "message": "This is not your password."}]
    with pytest.raises(ValidationError):
        change_email(accounts, ada, EMAIL)


def test_nobody_is_flooded_with_mails_through_it(accounts, ada):
    for n in range(3):
        change_email(accounts, ada, f"victim-{n}@elsewhere.example")
    with pytest.raises(RateLimited):
        change_email(accounts, ada)


def test_a_link_for_a_password_that_went_to_the_old_mailbox_is_dead(accounts, ada):
    (reset,) = ask(accounts)
    confirm(accounts, change_email(accounts, ada))
    with pytest.raises(ValidationError):
        use(accounts, reset)


def test_an_offer_to_the_old_email_finds_nobody(accounts, ada):
    confirm(accounts, change_email(accounts, ada))
    everything = accounts.database.records["logins"]
    assert [json.loads(json.dumps(key))[-1] if isinstance(key, tuple) else key for key in everything] == [NEW]


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("reset_password", {"password": "battery staple"}),
        ("confirm_email_change", {}),
        ("get_mailed_link", {"purpose": "reset"}),
    ],
)
def test_without_the_key_of_the_installation_no_link_is_followed(method, more, monkeypatch, caplog):
    monkeypatch.delenv("ACCORD_LINK_KEY", raising=False)
    with pytest.raises(Unavailable):
        getattr(AccountsService(), method)(token="x", **more)
    assert "ACCORD_LINK_KEY" in caplog.text
