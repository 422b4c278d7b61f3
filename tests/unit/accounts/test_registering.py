"""A business registers with its first admin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.accounts import handlers
from services.accounts.commands import RegisterTenant
from shared.calls import Call, Client
from shared.contracts.accounts import TenantRegistered, UserChanged
from shared.errors import RateLimited, TenantTaken, ValidationError


def test_registering_makes_the_business_and_its_first_admin(accounts):
    answer = accounts.register()
    assert answer["tenant"] == "kazenor"
    assert answer["company"] == "Kazenor"
    user = answer["user"]
    assert {k: user[k] for k in ("name", "email", "role", "active")} == {
        "name": "Ada",
        "email": "ada@kazenor.example",
        "role": "admin",
        "active": True,
    }


def test_registering_states_the_business_and_its_admin(accounts):
    user = accounts.register()["user"]
    assert accounts.said(TenantRegistered) == [{"company": "Kazenor"}]
    told = {k: user[k] for k in ("id", "name", "email", "role", "active")}
    assert accounts.said(UserChanged) == [told]
    assert [row.subject for row in accounts.database.outbox] == ["kazenor", user["id"]]


def test_a_tenant_name_is_claimed_once(accounts):
    accounts.register()
    with pytest.raises(TenantTaken):
        accounts.register(email="eve@elsewhere.example")
    assert len(accounts.said(TenantRegistered)) == 1


def test_the_same_email_may_belong_to_two_businesses(accounts):
    accounts.register()
    assert accounts.register("northwind", "ada@kazenor.example", "Northwind")["tenant"] == "northwind"


def test_a_business_starts_with_three_environments_of_three_roles(accounts, ada):
    found = accounts.look(handlers.environments.get_environments, accounts.call(ada))
    assert [one["name"] for one in found["items"]] == ["Production", "Development", "Quality Testing"]
    assert {tuple(role["name"] for role in one["roles"]) for one in found["items"]} == {
        ("Viewer", "Operator", "Administrator")
    }
    ids = [one["id"] for one in found["items"]] + [role["id"] for one in found["items"] for role in one["roles"]]
    assert len(set(ids)) == 12


def test_an_address_registers_so_often_in_a_minute_and_no_more(accounts):
    call = accounts.call("system", handlers.logging_in.INSTALLATION)

    def count(address):
        accounts.ask(handlers.registering.count_registration, replace(call, client=Client(address)), 3)

    for _ in range(3):
        count("192.0.2.7")
    accounts.pass_time(seconds=20)
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            count("192.0.2.7")
        # What was refused does not count: it would put off the end of the minute.
        assert refused.value.info["retry_after"] == 40
    count("192.0.2.8")
    accounts.pass_time(seconds=40)
    count("192.0.2.7")


def test_counts_of_registrations_are_removed_as_new_ones_come(accounts):
    call = accounts.call("system", handlers.logging_in.INSTALLATION)
    for n in range(5):
        accounts.ask(handlers.registering.count_registration, replace(call, client=Client(f"192.0.2.{n}")), 3)
    accounts.pass_time(hours=1)
    accounts.ask(handlers.registering.count_registration, replace(call, client=Client("192.0.2.9")), 3)
    assert len(accounts.database.records["attempts"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant", "Kazenor"),
        ("tenant", "k"),
        ("tenant", "admin"),
        ("tenant", "xn--kazenor"),
        ("tenant", "kazenor-"),
        ("tenant", "9kazenor"),
        ("tenant", "k" * 64),
        ("company", ""),
        ("company", "   "),
        ("company", "x" * 201),
        ("name", ""),
        ("email", "ada"),
        ("password", "too short"),
        ("password", "x" * 201),
        ("password", None),
        ("tenant", 7),
        ("surprise", "x"),
    ],
)
def test_a_bad_field_is_named(accounts, field, value):
    body = {
        "tenant": "kazenor",
        "company": "K",
        "name": "Ada",
        "email": "ada@k.example",
        "password": "correct horse",
    } | {field: value}
    with pytest.raises(ValidationError) as refused:
        Call("register_tenant", "", "", {}, body).read(RegisterTenant)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]
