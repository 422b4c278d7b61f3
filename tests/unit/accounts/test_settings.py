"""What a business chooses: how long offers stay open, who may send it offers (BX-09)."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from services.accounts.domain.settings import Limits
from shared.contracts.accounts import SettingsChanged
from shared.errors import Forbidden, ValidationError


def change(accounts, actor, **body):
    return accounts.ask(handlers.settings.update_settings, accounts.call(actor, **body))


def test_a_business_starts_with_thirty_days_and_offers_from_everybody(accounts, ada):
    found = accounts.look(handlers.settings.get_settings, accounts.call(ada))
    assert (found["offer_expiry_days"], found["offers_from"], found["blocked_tenants"]) == (30, "all", [])
    assert found["limits"] == {"offers_per_day": 10_000, "undeliverable_offers_per_day": 50}


def test_the_limits_are_those_of_the_installation_in_every_answer(accounts, ada):
    limits, shown = Limits(3, 2), {"offers_per_day": 3, "undeliverable_offers_per_day": 2}
    for handler, body in (
        (handlers.settings.get_settings, {}),
        (handlers.settings.update_settings, {"offer_expiry_days": 9}),
        (handlers.users.get_people, {"ids": [ada], "settings": True}),
    ):
        assert accounts.records.run(handler, accounts.call(ada, **body), limits=limits)["limits"] == shown


def test_a_change_is_kept_and_told_whole(accounts, ada):
    change(accounts, ada, offer_expiry_days=7, offers_from="none")
    after = change(accounts, ada, blocked_tenants=["northwind"])
    assert (after["offer_expiry_days"], after["offers_from"], after["blocked_tenants"]) == (7, "none", ["northwind"])
    assert accounts.said(SettingsChanged)[-1] == {
        "offers_from": "none",
        "blocked": ["northwind"],
        "offer_expiry_days": 7,
    }


def test_offers_are_told_how_long_they_stay_open_with_the_people_they_ask_for(accounts, ada):
    for days in (30, 7):
        change(accounts, ada, offer_expiry_days=days)
        found = accounts.look(handlers.users.get_people, accounts.call("system", ids=[ada], settings=True))
        assert (found["items"][0]["id"], found["offer_expiry_days"]) == (ada, days)


def test_only_an_admin_changes_them(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "partnerships")["id"]
    with pytest.raises(Forbidden):
        change(accounts, bob, offer_expiry_days=7)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"offer_expiry_days": 0}, "offer_expiry_days"),
        ({"offer_expiry_days": 366}, "offer_expiry_days"),
        ({"offer_expiry_days": "30"}, "offer_expiry_days"),
        ({"offer_expiry_days": True}, "offer_expiry_days"),
        ({"offers_from": "friends"}, "offers_from"),
        ({"blocked_tenants": ["North Wind"]}, "blocked_tenants.0"),
        ({"blocked_tenants": ["northwind", "northwind"]}, "blocked_tenants"),
        ({"blocked_tenants": ["kazenor"]}, "blocked_tenants.0"),
        ({"limits": {}}, "limits"),
    ],
)
def test_a_bad_field_is_named(accounts, ada, body, field):
    with pytest.raises(ValidationError) as refused:
        change(accounts, ada, **body)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]
