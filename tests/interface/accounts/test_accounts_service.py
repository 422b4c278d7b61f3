"""accounts at its interface: over the broker, with its own process and database."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import pytest

from shared import links
from shared.contracts.offers import OfferArrived
from shared.errors import (
    EmailTaken,
    Forbidden,
    IdempotencyKeyReused,
    NotAuthenticated,
    NotFound,
    RateLimited,
    Refusal,
    RoleInUse,
    TenantTaken,
    Unavailable,
    ValidationError,
)
from shared.ids import new_id
from tests.interface.accounts.conftest import (
    FAILURES_OF_AN_ADDRESS,
    LINK_KEY,
    REGISTRATIONS_OF_AN_ADDRESS,
    Accounts,
    Contacts,
)
from tests.support.servers import until


def fields(refused: pytest.ExceptionInfo[Refusal]) -> list[str]:
    return [error["field"] for error in refused.value.info["errors"]]


def test_a_business_registers_and_its_admin_logs_in_and_out(accounts: Accounts, tenant: str) -> None:
    registered = accounts.register(tenant)
    ada = registered["user"]["id"]
    assert set(registered) == {"tenant", "company", "user"}
    opened = accounts.log_in(tenant)
    assert set(opened) == {"token", "expires_at", "user"}
    assert opened["token"].startswith(f"accord_{tenant}_")
    known = accounts.ask("authenticate", token=opened["token"])
    assert (known["tenant"], known["user"]["id"], known["company"]) == (tenant, ada, tenant.title())
    me = accounts.ask("get_me", tenant=tenant, actor=ada)
    assert set(me) == {"user", "tenant", "company", "permissions", "preferences"}
    assert set(me["user"]) == {"id", "name", "email", "role", "active", "locale", "time_zone"}
    listed = accounts.ask("list_sessions", tenant=tenant, actor=ada)
    assert [one["id"] for one in listed["items"]] == [known["session_id"]]
    assert accounts.ask("close_session", tenant=tenant, actor=ada, token=opened["token"]) == {}
    with pytest.raises(NotAuthenticated):
        accounts.ask("authenticate", token=opened["token"])
    assert [type_ for type_, *_ in accounts.said(tenant, tenant)] == ["tenant.registered"]
    assert [type_ for type_, *_ in accounts.said(ada, tenant)] == ["user.changed"]


def test_refusals_carry_their_sentence_code_and_fields(accounts: Accounts, tenant: str) -> None:
    with pytest.raises(ValidationError) as refused:
        accounts.register("Kazenor!", email="nonsense", surprise=1)
    assert sorted(fields(refused)) == ["email", "surprise", "tenant"]
    accounts.register(tenant)
    with pytest.raises(TenantTaken):
        accounts.register(tenant)
    with pytest.raises(NotFound):
        accounts.ask("get_profile", tenant="nowhere", actor="system")
    with pytest.raises(Forbidden):
        accounts.ask("get_profile", tenant=tenant, actor=new_id())
    with pytest.raises(NotFound):
        accounts.ask("update_user", tenant=tenant, actor=new_id(), user_id="7", nonsense=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "nowhere"},
        {"tenant": "not a name, at all"},
        {"email": "eve@kazenor.example"},
        {"email": "\x00"},
        {"password": "wrong horse"},
        {"password": "x" * 1000},
    ],
)
def test_a_wrong_login_has_one_answer(accounts: Accounts, tenant: str, wrong: dict[str, str]) -> None:
    accounts.register(tenant)
    with pytest.raises(NotAuthenticated) as refused:
        accounts.log_in(tenant, **wrong)
    assert refused.value.args == (
        "Tenant, e-mail and password do not fit together.",
        {"code": "not_authenticated", "errors": []},
    )


def test_a_repeated_registration_gives_the_first_answer_also_at_the_same_instant(
    accounts: Accounts, tenant: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: accounts.register(tenant, idempotency_key="k"), range(4)))
    assert answers == [answers[0]] * 4
    with pytest.raises(IdempotencyKeyReused):
        accounts.register(tenant, company="Another", idempotency_key="k")


def test_a_repeated_command_does_nothing_twice(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    body: dict[str, Any] = {
        "name": "Bob",
        "email": f"bob@{tenant}.example",
        "role": "member",
        "password": "another one",
    }
    first = accounts.ask("create_user", tenant=tenant, actor=ada, **body, idempotency_key="k")
    assert accounts.ask("create_user", tenant=tenant, actor=ada, **body, idempotency_key="k") == first
    with pytest.raises(IdempotencyKeyReused):
        accounts.ask("create_user", tenant=tenant, actor=ada, **body | {"name": "Eve"}, idempotency_key="k")
    with pytest.raises(EmailTaken):
        accounts.ask("create_user", tenant=tenant, actor=ada, **body)
    assert accounts.log_in(tenant, password="another one", email=f"bob@{tenant}.example")["user"]["id"] == first["id"]


def test_a_repeated_request_makes_one_api_key_which_is_told_once_and_kept_nowhere(
    accounts: Accounts, tenant: str
) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    body: dict[str, Any] = {"name": "Export", "scopes": ["contacts:read"]}

    def make(_: int) -> dict[str, Any]:
        return dict(accounts.ask("create_api_key", tenant=tenant, actor=ada, **body, idempotency_key="k"))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(make, range(4)))
    (told,) = [answer["key"] for answer in answers if answer["key"] is not None]
    assert [answer | {"key": None} for answer in answers] == [answers[0] | {"key": None}] * 4
    assert len(accounts.ask("list_api_keys", tenant=tenant, actor=ada)["items"]) == 1
    assert accounts.ask("authenticate", token=told)["user"]["id"] == ada
    with pytest.raises(IdempotencyKeyReused):
        accounts.ask("create_api_key", tenant=tenant, actor=ada, **body | {"name": "Import"}, idempotency_key="k")
    assert accounts.ask("create_api_key", tenant=tenant, actor=ada, **body)["key"] is not None


def test_a_new_password_is_the_one_that_counts(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    here, there = accounts.log_in(tenant)["token"], accounts.log_in(tenant)["token"]
    session_id = accounts.ask("authenticate", token=here)["session_id"]
    with pytest.raises(ValidationError) as refused:
        accounts.ask("change_password", tenant=tenant, actor=ada, old="wrong", new="battery staple")
    assert fields(refused) == ["old"]
    changed = {"old": "correct horse", "new": "battery staple", "session_id": session_id}
    assert accounts.ask("change_password", tenant=tenant, actor=ada, **changed) == {}
    accounts.ask("authenticate", token=here)
    with pytest.raises(NotAuthenticated):
        accounts.ask("authenticate", token=there)
    with pytest.raises(NotAuthenticated):
        accounts.log_in(tenant)
    accounts.log_in(tenant, password="battery staple")


def test_wrong_passwords_close_the_account_for_a_while(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant)
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(tenant, password="wrong horse")
    with pytest.raises(RateLimited) as refused:
        accounts.log_in(tenant)
    assert 0 < refused.value.info["retry_after"] <= 900


def test_who_tries_many_passwords_at_once_tries_no_more_of_them(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant)

    def wrong(number: int) -> str:
        try:
            accounts.log_in(tenant, password=f"wrong horse {number}")
        except (NotAuthenticated, RateLimited) as refused:
            return refused.code
        return "in"

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(wrong, range(30)))
    # Two are hashed at a time, so the one beside the tenth may have been let pass.
    assert 10 <= outcomes.count("not_authenticated") <= 11
    assert outcomes.count("rate_limited") >= 19


def test_a_role_somebody_holds_stays(accounts: Accounts, tenant: str, contacts: Contacts) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    items = accounts.ask("get_environments", tenant=tenant, actor=ada)["items"]
    role = items[0]["roles"].pop(0)
    contacts.held = {role["id"]}
    with pytest.raises(RoleInUse, match="Viewer in Production"):
        accounts.ask("set_environments", tenant=tenant, actor=ada, items=items)
    contacts.held = set()
    after = accounts.ask("set_environments", tenant=tenant, actor=ada, items=items)
    assert (after["items"], after["version"]) == (items, 2)


def test_a_login_is_given_to_a_known_contact_only(accounts: Accounts, tenant: str, contacts: Contacts) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    contact = new_id()
    body: dict[str, Any] = {"name": "Bob", "email": f"bob@{tenant}.example", "role": "member", "contact_id": contact}
    with pytest.raises(ValidationError) as refused:
        accounts.ask("create_user", tenant=tenant, actor=ada, **body)
    assert fields(refused) == ["contact_id"]
    contacts.people = {contact}
    assert accounts.ask("create_user", tenant=tenant, actor=ada, **body)["id"] == contact
    # Until contacts hears of the login, they are kept; whoever asks for the same is refused, and lets go nothing but their own.
    assert len(contacts.reserved) == 1
    with pytest.raises(EmailTaken):
        accounts.ask("create_user", tenant=tenant, actor=ada, **body)
    assert len(contacts.reserved) == 1


def test_a_contact_that_gets_no_login_is_let_go(accounts: Accounts, tenant: str, contacts: Contacts) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    contact = new_id()
    contacts.people = {contact}
    taken = {"name": "Bob", "email": f"ada@{tenant}.example", "role": "member", "contact_id": contact}
    with pytest.raises(EmailTaken):
        accounts.ask("create_user", tenant=tenant, actor=ada, **taken)
    assert ["release_contacts"] == [method for method, _ in contacts.asked if method != "reserve_contacts"]
    assert contacts.reserved == set()


def test_a_neighbour_that_is_away_makes_a_command_unavailable_and_leaves_nothing(
    accounts: Accounts, tenant: str, contacts: Contacts
) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    contacts.away = True
    body: dict[str, Any] = {"name": "Bob", "email": f"bob@{tenant}.example", "role": "member", "contact_id": new_id()}
    with pytest.raises(Unavailable):
        accounts.ask("create_user", tenant=tenant, actor=ada, **body)
    assert len(accounts.ask("list_users", tenant=tenant, actor=ada)["items"]) == 1


@pytest.mark.parametrize(
    ("to", "whom", "found"), [("here", "ada", True), ("here", "eve", False), ("nowhere", "ada", False)]
)
def test_an_offer_at_the_door_is_answered(accounts: Accounts, tenant: str, to: str, whom: str, found: bool) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    partnership = new_id()
    arrived = OfferArrived(origin="northwind", email=f"{whom}@{tenant}.example")
    there = tenant if to == "here" else "nowhere"
    accounts.say(arrived, tenant=there, subject=partnership)
    said = until(lambda: accounts.said(partnership, there), 10, "accounts answers the offer")
    if found:
        assert said == [("recipient.found", there, {"origin": "northwind", "user_id": ada})]
    else:
        assert said == [("recipient.unknown", there, {"origin": "northwind"})]


def test_many_logins_at_once_do_not_keep_others_waiting(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant)
    token = accounts.log_in(tenant)["token"]
    answered = 0
    with ThreadPoolExecutor(24) as pool:
        logins = [pool.submit(accounts.log_in, tenant) for _ in range(24)]
        while not all(login.done() for login in logins):
            # Hashes are computed in threads of their own, and whoever waits for one keeps nobody else from being answered.
            accounts.ask("authenticate", token=token)
            answered += 1
        assert len({login.result()["token"] for login in logins}) == 24
    assert answered > 3


def test_registrations_of_an_address_are_limited_and_a_repeated_one_counts_once(
    accounts: Accounts, tenant: str
) -> None:
    def register(name: str, address: str) -> Any:
        body = {"company": "K", "name": "Ada", "email": "ada@kazenor.example", "password": "correct horse"}
        client = {"address": address, "agent": ""}
        return accounts.ask("register_tenant", tenant=name, client=client, idempotency_key=name, **body)

    first = register(f"{tenant}-0", "192.0.2.1")
    for n in range(1, REGISTRATIONS_OF_AN_ADDRESS):
        register(f"{tenant}-{n}", "192.0.2.1")
    # Repeated, the first gets its answer again, from wherever it comes, and takes no other's place.
    assert register(f"{tenant}-0", "192.0.2.1") == register(f"{tenant}-0", "192.0.2.2") == first
    with pytest.raises(RateLimited) as refused:
        register(f"{tenant}-more", "192.0.2.1")
    assert 0 < refused.value.info["retry_after"] <= 60
    register(f"{tenant}-more", "192.0.2.2")


def test_an_address_with_too_many_failures_waits_too(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant)
    for n in range(FAILURES_OF_AN_ADDRESS):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(tenant, email=f"{n}@{tenant}.example", client={"address": "192.0.2.7"})
    with pytest.raises(RateLimited):
        accounts.log_in(tenant, client={"address": "192.0.2.7"})
    accounts.log_in(tenant, client={"address": "192.0.2.8"})


def test_how_long_a_refused_login_takes_does_not_tell_what_was_wrong(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant, client={"address": "198.51.100.1"})
    wrong: dict[str, Callable[[int], dict[str, Any]]] = {
        "tenant": lambda n: {"tenant": f"{tenant}-not-{n}"},
        "e-mail": lambda n: {"email": f"ada{n}@{tenant}.example"},
        "password": lambda n: {"password": f"wrong {n}"},
    }
    took: dict[str, list[float]] = {what: [] for what in wrong}
    for n in range(9):
        # In turn, so that whatever else the machine does meets all of them.
        for what, fields_of in wrong.items():
            client = {"address": f"203.0.113.{n}"}
            began = time.perf_counter()
            with pytest.raises(NotAuthenticated):
                accounts.log_in(tenant, client=client, **fields_of(n))
            took[what].append(time.perf_counter() - began)
    middle = {what: median(times) for what, times in took.items()}
    assert max(middle.values()) < 1.6 * min(middle.values()), middle


def test_asking_for_a_new_password_answers_the_same_for_somebody_and_for_nobody(
    accounts: Accounts, tenant: str
) -> None:
    accounts.register(tenant)
    for email in (f"ada@{tenant}.example", f"eve@{tenant}.example"):
        answers = [accounts.ask("request_password_reset", tenant=tenant, email=email) for _ in range(3)]
        assert answers == [{}] * 3
        with pytest.raises(RateLimited):
            accounts.ask("request_password_reset", tenant=tenant, email=email)
    assert accounts.ask("request_password_reset", tenant="no such business!", email="x") == {}


def test_a_link_that_proves_nothing_is_refused(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant)
    for token in (
        "x",
        links.token(LINK_KEY, "reset", tenant, new_id()),
        links.token("o" * 32, "reset", tenant, new_id()),
    ):
        with pytest.raises(ValidationError) as refused:
            accounts.ask("reset_password", token=token, password="battery staple")
        assert fields(refused) == ["token"]
        with pytest.raises(ValidationError):
            accounts.ask("get_mailed_link", token=token, purpose="reset")


def test_another_email_is_confirmed_by_whoever_has_its_link(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant)["user"]["id"]
    new = f"ada@new-{tenant}.example"
    who = {"tenant": tenant, "actor": ada}
    with pytest.raises(ValidationError) as refused:
        accounts.ask("request_email_change", **who, email=new, password="wrong horse")
    assert fields(refused) == ["password"]
    assert accounts.ask("request_email_change", **who, email=new, password="correct horse") == {}
    noted = accounts.ask("list_audit", **who)["items"]
    assert [one["action"] for one in noted[:2]] == ["email_change.requested", "password.refused"]
