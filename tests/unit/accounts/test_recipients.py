"""Whether an offer at the door is for somebody here; which part did not fit is never said (protocol rule 10)."""

from __future__ import annotations

import json

import pytest

from services.accounts import handlers
from shared.bus.work import Heard
from shared.contracts.offers import OfferArrived
from shared.ids import new_id


def arrive(accounts, email="ada@kazenor.example", tenant="kazenor", origin="northwind"):
    """The answer to an offer, with its subject."""
    subject = new_id()
    heard = Heard(tenant, tenant, subject, 1, accounts.now, OfferArrived(origin=origin, email=email))
    accounts.ask(lambda work, call, now: handlers.offer_arrived(work, heard, now), accounts.call("system", tenant))
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
    accounts.ask(handlers.update_user, accounts.call(ada, path={"user_id": bob}, active=False))
    assert arrive(accounts, "bob@kazenor.example") == UNKNOWN


@pytest.mark.parametrize("chosen", [{"offers_from": "none"}, {"blocked_tenants": ["northwind"]}])
def test_a_business_that_does_not_want_the_offer_knows_nobody(accounts, ada, chosen):
    accounts.ask(handlers.update_settings, accounts.call(ada, **chosen))
    assert arrive(accounts) == UNKNOWN


def test_a_block_is_for_the_blocked_only(accounts, ada):
    accounts.ask(handlers.update_settings, accounts.call(ada, blocked_tenants=["northwind"]))
    assert arrive(accounts, origin="contoso")[0] == "recipient.found"
