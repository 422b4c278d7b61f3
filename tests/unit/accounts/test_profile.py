"""The profile of a business, which its partners see (OE-20)."""

from __future__ import annotations

import pytest

from services.accounts import handlers
from shared.contracts.accounts import ProfileChanged
from shared.errors import ChangedMeanwhile, Forbidden, ValidationError

STREET = {"type": "Billing", "line1": "1 Main Street", "city": "Vienna", "zip": "1010", "country": "Austria"}


def change(accounts, actor, if_match=None, **body):
    return accounts.ask(handlers.profile.update_profile, accounts.call(actor, if_match=if_match, **body))


def test_a_change_is_kept_and_told_whole_with_the_next_counter(accounts, ada):
    change(accounts, ada, phone="+43 1 234", website="https://kazenor.example")
    after = change(accounts, ada, company="Kazenor AG", addresses=[STREET | {"default": True}])
    assert after == accounts.look(handlers.profile.get_profile, accounts.call(ada))
    assert (after["company"], after["phone"], after["version"]) == ("Kazenor AG", "+43 1 234", 3)
    first, second = accounts.said(ProfileChanged)
    assert (first["counter"], second["counter"]) == (1, 2)
    assert (second["company"], second["phone"]) == ("Kazenor AG", "+43 1 234")
    assert second["addresses"][0]["city"] == "Vienna"


def test_a_change_of_nothing_says_nothing(accounts, ada):
    assert change(accounts, ada, company="Kazenor")["version"] == 1
    assert accounts.said(ProfileChanged) == []


def test_a_field_is_emptied_with_an_empty_text(accounts, ada):
    change(accounts, ada, email="hello@kazenor.example", logo="https://kazenor.example/logo.png")
    after = change(accounts, ada, email="", logo="")
    assert (after["email"], after["logo"]) == ("", "")


def test_only_an_admin_changes_it(accounts, ada):
    bob = accounts.add(ada, "bob@kazenor.example", "partnerships")["id"]
    with pytest.raises(Forbidden):
        change(accounts, bob, surprise=1)
    accounts.look(handlers.profile.get_profile, accounts.call(bob))


def test_a_stale_version_is_refused(accounts, ada):
    change(accounts, ada, phone="1")
    with pytest.raises(ChangedMeanwhile):
        change(accounts, ada, if_match="1", phone="2")
    assert change(accounts, ada, if_match="2", phone="2")["phone"] == "2"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"company": ""}, "company"),
        ({"company": "x" * 201}, "company"),
        ({"company": None}, "company"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"website": "https://"}, "website"),
        ({"logo": "data:image/svg+xml;base64,AAAA"}, "logo"),
        ({"logo": "nonsense"}, "logo"),
        ({"logo": "data:image/png;base64,AAAA"}, "logo"),
        ({"logo": "data:image/jpeg;base64,iVBORw0KGgo="}, "logo"),
        ({"logo": "data:image/png;base64,iVBORw0KGgo=x"}, "logo"),
        ({"phone": 7}, "phone"),
        ({"addresses": [{"type": "Castle"}]}, "addresses.0.type"),
        ({"addresses": [STREET, STREET]}, "addresses.1.type"),
        ({"addresses": [STREET | {"default": True}, {"type": "Other", "default": True}]}, "addresses.1.default"),
        ({"addresses": [{"type": "Other", "planet": "Mars"}]}, "addresses.0.planet"),
        ({"fax": "x" * 51}, "fax"),
        ({"email": "nonsense"}, "email"),
    ],
)
def test_a_bad_field_is_named(accounts, ada, body, field):
    with pytest.raises(ValidationError) as refused:
        change(accounts, ada, **body)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]


@pytest.mark.parametrize("logo", ["https://kazenor.example/logo.png", "data:image/png;base64,iVBORw0KGgo="])
def test_a_logo_is_an_address_or_a_picture(accounts, ada, logo):
    assert change(accounts, ada, logo=logo)["logo"] == logo
