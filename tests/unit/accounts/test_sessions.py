"""Logging in, staying logged in, logging out."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from services.accounts.commands import ChangePassword
from services.accounts.domain import attempts
from services.accounts.domain.sessions import Token, read_token
from shared.bus.memory import MemoryDatabase
from shared.errors import Forbidden, NotAuthenticated, NotFound, RateLimited, ValidationError
from shared.ids import new_id


def whose(accounts, token):
    return accounts.look(handlers.sessions.authenticate, accounts.call("system", token.tenant), token)


def test_a_token_tells_who_holds_it(accounts, ada):
    known = whose(accounts, accounts.log_in("Ada@Kazenor.example ")).answer
    assert known["user"]["id"] == ada
    assert (known["tenant"], known["company"]) == ("kazenor", "Kazenor")


def test_a_token_survives_being_written_down():
    token = Token("a-b", new_id(), "0f" * 32)
    assert read_token(str(token)) == token
    assert "0f0f" not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        7,
        "accord_kazenor",
        f"accord_kazenor,northwind_{new_id()}_{'0' * 64}",
        f"accord_kazenor_{new_id()}_{'0' * 63}",
        f"accord_kazenor_{new_id()}_{'0' * 64}\n",
        f"ACCORD_kazenor_{new_id()}_{'0' * 64}",
    ],
)
def test_what_is_no_token_is_none(text):
    assert read_token(text) is None


def test_the_secret_itself_is_kept_nowhere(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    assert token.secret not in _everything(accounts.database)


def _everything(database: MemoryDatabase) -> str:
    return repr(database.records) + repr(database.outbox) + repr(database.answers)


@pytest.mark.parametrize(
    ("email", "password", "tenant"),
    [
        ("ada@kazenor.example", "wrong", "kazenor"),
        ("eve@kazenor.example", "correct horse", "kazenor"),
        ("ada@kazenor.example", "correct horse", "nowhere"),
    ],
)
def test_a_wrong_login_never_says_what_was_wrong(accounts, ada, email, password, tenant):
    with pytest.raises(NotAuthenticated) as refused:
        accounts.log_in(email, password, tenant)
    assert refused.value.args == (handlers.logging_in.WRONG_LOGIN, {"code": "not_authenticated", "errors": []})


def test_a_token_with_another_secret_or_of_another_business_is_none(accounts, ada):
    accounts.register("northwind", "nils@northwind.example")
    token = accounts.log_in("ada@kazenor.example")
    for forged in (Token("kazenor", token.session_id, "1" * 64), Token("northwind", token.session_id, token.secret)):
        with pytest.raises(NotAuthenticated):
            whose(accounts, forged)


def test_a_session_ends_when_it_is_not_used_for_twelve_hours(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    accounts.pass_time(hours=11.9)
    assert whose(accounts, token).touch
    accounts.ask(handlers.sessions.touch_session, accounts.call("system"), token.session_id)
    accounts.pass_time(hours=11.9)
    whose(accounts, token)
    accounts.pass_time(hours=0.1)
    with pytest.raises(NotAuthenticated):
        whose(accounts, token)


def test_a_session_ends_after_thirty_days_however_much_it_is_used(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    for _ in range(60):
        accounts.pass_time(hours=11.9)
        whose(accounts, token)
        accounts.ask(handlers.sessions.touch_session, accounts.call("system"), token.session_id)
    accounts.pass_time(hours=6)
    with pytest.raises(NotAuthenticated):
        whose(accounts, token)


def test_its_use_is_noted_at_most_once_a_minute(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    accounts.pass_time(seconds=59)
    assert not whose(accounts, token).touch
    accounts.pass_time(seconds=1)
    assert whose(accounts, token).touch


def test_logging_out_ends_this_session_only_and_may_be_repeated(accounts, ada):
    first, second = accounts.log_in("ada@kazenor.example"), accounts.log_in("ada@kazenor.example")
    for _ in range(2):
        assert accounts.ask(handlers.sessions.close_session, accounts.call(ada), first) == {}
    with pytest.raises(NotAuthenticated):
        whose(accounts, first)
    whose(accounts, second)


def test_a_touch_does_not_bring_an_ended_session_back(accounts, ada):
    token = accounts.log_in("ada@kazenor.example")
    accounts.pass_time(minutes=5)
    accounts.ask(handlers.sessions.close_session, accounts.call(ada), token)
    accounts.ask(handlers.sessions.touch_session, accounts.call("system"), token.session_id)
    with pytest.raises(NotAuthenticated):
        whose(accounts, token)


def test_people_see_and_end_their_own_sessions_only(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    token = accounts.log_in("ada@kazenor.example")
    seen = accounts.look(handlers.sessions.list_sessions, accounts.call(ada))
    assert [one["id"] for one in seen["items"]] == [token.session_id]
    assert set(seen["items"][0]) == {
        "id", "opened_at", "used_at", "expires_at", "address", "user_agent", "current",
    }  # fmt: skip
    assert accounts.look(handlers.sessions.list_sessions, accounts.call(bob))["items"] == []
    with pytest.raises(NotFound):
        accounts.ask(handlers.sessions.revoke_session, accounts.call(bob, path={"session_id": token.session_id}, x=1))
    with pytest.raises(ValidationError):
        accounts.ask(handlers.sessions.revoke_session, accounts.call(ada, path={"session_id": token.session_id}, x=1))
    accounts.ask(handlers.sessions.revoke_session, accounts.call(ada, path={"session_id": token.session_id}))
    with pytest.raises(NotAuthenticated):
        whose(accounts, token)


def test_a_new_password_ends_the_other_sessions(accounts, ada):
    here, there = accounts.log_in("ada@kazenor.example"), accounts.log_in("ada@kazenor.example")
    call = accounts.call(ada, old="correct horse", new="battery staple", session_id=here.session_id)
    accounts.ask(
        handlers.passwords.change_password, call, call.read(ChangePassword), "hash:correct horse", "hash:battery staple"
    )
    whose(accounts, here)
    with pytest.raises(NotAuthenticated):
        whose(accounts, there)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("ada@kazenor.example", "correct horse")
    accounts.log_in("ada@kazenor.example", "battery staple")


def test_a_password_that_changed_while_the_old_one_was_compared_is_not_overwritten(accounts, ada):
    call = accounts.call(ada, old="correct horse", new="battery staple")
    with pytest.raises(ValidationError):
        accounts.ask(
            handlers.passwords.change_password, call, call.read(ChangePassword), "hash:of before", "hash:battery staple"
        )


def test_ended_sessions_are_removed_at_the_next_login(accounts, ada):
    for _ in range(3):
        accounts.log_in("ada@kazenor.example")
    accounts.pass_time(days=1)
    accounts.log_in("ada@kazenor.example")
    assert len(accounts.database.records["sessions"]) == 1


def test_ten_wrong_passwords_close_an_account_for_a_while(accounts, ada):
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            accounts.log_in("ada@kazenor.example", "wrong")
    accounts.pass_time(minutes=5)
    with pytest.raises(RateLimited) as refused:
        accounts.log_in("ada@kazenor.example")
    assert refused.value.info["retry_after"] == 600
    assert refused.value.detail == "Too many failed logins. Try again in 10 minutes."
    accounts.pass_time(minutes=10)
    accounts.log_in("ada@kazenor.example")


def test_an_account_that_does_not_exist_is_limited_like_one_that_does(accounts):
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            accounts.log_in("nobody@nowhere.example", "wrong", "nowhere")
    with pytest.raises(RateLimited):
        accounts.log_in("nobody@nowhere.example", "wrong", "nowhere")


def test_a_right_password_forgets_the_wrong_ones(accounts, ada):
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(NotAuthenticated):
                accounts.log_in("ada@kazenor.example", "wrong")
        accounts.log_in("ada@kazenor.example")


def test_old_counts_are_removed_as_new_ones_come(accounts, ada):
    for n in range(5):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(f"{n}@kazenor.example", "wrong")
    accounts.pass_time(hours=1)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("0@kazenor.example", "wrong")
    assert len(accounts.database.records["attempts"]) == 1


def test_an_address_is_limited_too(accounts):
    call, key = accounts.call("system", handlers.logging_in.INSTALLATION), attempts.address_key("192.0.2.7")
    for _ in range(100):
        assert accounts.look(handlers.logging_in.address_wait, call, "192.0.2.7", 100) == 0
        accounts.ask(handlers.logging_in.note_failure, call, key)
    assert accounts.look(handlers.logging_in.address_wait, call, "192.0.2.7", 100) == 900
    assert accounts.look(handlers.logging_in.address_wait, call, "192.0.2.8", 100) == 0


def test_another_role_counts_from_the_next_request_on(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    token = accounts.log_in("bob@kazenor.example", "another one")
    assert "settings" not in whose(accounts, token).answer["permissions"]
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, role="admin"))
    assert "settings" in whose(accounts, token).answer["permissions"]
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, role="member"))
    with pytest.raises(Forbidden):
        accounts.look(handlers.audit.list_entries, accounts.call(bob))
