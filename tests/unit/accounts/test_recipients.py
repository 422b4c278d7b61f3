"""Whether an offer at the door is for somebody here; which part did not fit is never said (protocol rule 10)."""

from __future__ import annotations

import json

import pytest

from services.accounts import handlers
from shared.bus.work import Heard
from shared.contracts.accounts import SettingsChanged
from shared.contracts.offers import DeclineGiven, OfferArrived, Person
from shared.ids import new_id


def arrive(accounts, email="ada@kazenor.example", tenant="kazenor", origin="northwind"):
    """The answer to an offer, with its subject."""
    subject = new_id()
    heard = Heard(tenant, tenant, subject, 1, accounts.now, OfferArrived(origin=origin, email=email))
    accounts.ask(
        lambda work, call, now: handlers.recipients.offer_arrived(work, heard, now), accounts.call("system", tenant)
    )
    row = accounts.database.outbox[-1]
    assert (row.subject, row.destination) == (subject, tenant)
    return row.type, json.loads(row.body)["data"]


@pytest.mark.parametrize("email", ["ada@kazenor.example", " ADA@kazenor.Example "])
def test_an_active_login_is_found(accounts, ada, email):
    assert arrive(accounts, email) == ("recipient.found", {"origin": "northwind", "user_id": ada})


UNKNOWN = ("recipient.unknown", {"origin": "northwind"})


def test_an_unknown_email_is_unknown(accounts, ada):
    assert arrive(accounts, "eve@kazenor.example") == UNKNOWN


@pytest.mark.parametrize("email", ["", "x" * 10_000, "\x00", "\ud800"])
def test_what_is_no_email_is_unknown(accounts, ada, email):
    assert arrive(accounts, email) == UNKNOWN


def test_a_business_that_never_registered_knows_nobody(accounts, ada):
    assert arrive(accounts, tenant="nowhere") == UNKNOWN


def test_somebody_who_may_not_log_in_any_more_is_unknown(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example")["id"]
    accounts.ask(handlers.users.update_user, accounts.call(ada, path={"user_id": bob}, active=False))
    assert arrive(accounts, "bob@kazenor.example") == UNKNOWN


@pytest.mark.parametrize("chosen", [{"offers_from": "none"}, {"blocked_tenants": ["northwind"]}])
def test_a_business_that_does_not_want_the_offer_knows_nobody(accounts, ada, chosen):
    accounts.ask(handlers.settings.update_settings, accounts.call(ada, **chosen))
    assert arrive(accounts) == UNKNOWN


def decline(accounts, *, block, origin="northwind"):
    by = Person(id=new_id(), name="Ada")
    said = DeclineGiven(partner=origin, company="Northwind", by=by, at=accounts.now, block=block)
    heard = Heard("kazenor", "kazenor", new_id(), 1, accounts.now, said)
    accounts.ask(
        lambda work, call, now: handlers.recipients.decline_given(work, heard, now), accounts.call("system", "kazenor")
    )


def test_an_offer_is_declined_with_a_block_or_without(accounts, ada):
    decline(accounts, block=False)
    assert arrive(accounts)[0] == "recipient.found"
    for _ in range(2):
        decline(accounts, block=True)
    assert arrive(accounts) == UNKNOWN
    assert arrive(accounts, origin="contoso")[0] == "recipient.found"
    assert [told["blocked"] for told in accounts.said(SettingsChanged)][-1:] == [["northwind"]]
    assert accounts.look(handlers.settings.get_settings, accounts.call(ada))["blocked_tenants"] == ["northwind"]
    # What was declined a second time changed nothing.
    [noted] = accounts.look(handlers.audit.list_entries, accounts.call(ada, action=["settings.changed"]))["items"]
    assert noted["actor"]["name"] == "Ada"
    assert noted["details"] == {"changes": "blocked businesses"}


def test_a_full_list_of_blocks_loses_its_oldest(accounts, ada):
    accounts.ask(handlers.settings.update_settings, accounts.call(ada, blocked_tenants=[f"t{n}" for n in range(200)]))
    decline(accounts, block=True)
    blocked = accounts.look(handlers.settings.get_settings, accounts.call(ada))["blocked_tenants"]
    assert (len(blocked), blocked[0], blocked[-1]) == (200, "t1", "northwind")


def test_a_block_is_for_the_blocked_only(accounts, ada):
    accounts.ask(handlers.settings.update_settings, accounts.call(ada, blocked_tenants=["northwind"]))
    assert arrive(accounts, origin="contoso")[0] == "recipient.found"
