"""Profiles reach every live counterpart, and what they tell is kept clean (OE-20, protocol rule 7)."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from services.accounts.domain import counterparts
from services.accounts.domain.businesses import Address
from services.accounts.domain.counterparts import Counterpart, Profile
from services.accounts.handlers import sharing
from shared.contracts.accounts import ProfileShared
from shared.ids import new_id
from tests.support.saying import Streams
from tests.unit.accounts.town import Town

STREET = {"type": "Billing", "line1": "1 Main Street", "line2": "", "city": "Vienna", "state": "", "zip": "1010"}


@pytest.fixture
def town() -> Town:
    return Town()


def companies(heard: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, int]]:
    return [(tenant, profile["company"], profile["counter"]) for tenant, profile in heard]


def test_with_the_acceptance_each_side_hears_the_profile_of_the_other(town: Town) -> None:
    whole = {"phone": "+43 1", "fax": "+43 2", "website": "https://kazenor.example", "email": "hi@kazenor.example"}
    address = {**STREET, "country": "Austria", "default": True}
    town.kazenor.change(**whole, logo="data:image/png;base64,iVBORw0KGgo=", addresses=[address])
    town.accept()
    assert companies(town.kazenor.heard()) == [("northwind", "Northwind", 0)]
    assert town.northwind.heard() == [
        (
            "kazenor",
            {
                "counter": 1,
                "company": "Kazenor",
                **whole,
                "logo": "data:image/png;base64,iVBORw0KGgo=",
                "addresses": [address],
            },
        )
    ]


def test_a_change_reaches_the_counterpart_once(town: Town) -> None:
    town.accept()
    town.kazenor.change(phone="1")
    town.kazenor.change(phone="2")
    town.deliver()
    assert [profile["phone"] for _, profile in town.northwind.heard()] == ["", "2"]
    assert len(town.told) == 3


def test_a_second_partnership_with_the_same_business_tells_nothing_again(town: Town) -> None:
    town.accept()
    town.accept()
    assert len(town.told) == 2
    assert len(town.northwind.heard()) == 1


def test_nobody_hears_of_changes_before_the_acceptance_or_after_the_end(town: Town) -> None:
    town.kazenor.change(phone="1")
    town.deliver()
    assert town.told == []
    partnership = town.accept()
    told = len(town.told)
    town.end(partnership)
    town.kazenor.change(phone="2")
    town.northwind.change(phone="3")
    town.deliver()
    assert len(town.told) == told


def test_a_new_partnership_after_the_end_tells_what_was_missed(town: Town) -> None:
    town.end(town.accept())
    town.kazenor.change(phone="2")
    town.deliver()
    town.accept()
    assert [profile["phone"] for _, profile in town.northwind.heard()] == ["", "2"]
    assert len(town.kazenor.heard()) == 1


def test_with_one_of_two_partnerships_ended_changes_still_reach_it(town: Town) -> None:
    first = town.accept()
    town.accept()
    town.end(first)
    town.kazenor.change(phone="2")
    town.deliver()
    assert town.northwind.heard()[-1][1]["phone"] == "2"


def test_a_profile_that_comes_before_our_own_acceptance_waits_for_it(town: Town) -> None:
    partnership = new_id()
    town.accepted_here(partnership)
    town.deliver()
    assert town.kazenor.heard() == []
    town.accepted_there(partnership)
    assert companies(town.kazenor.heard()) == [("northwind", "Northwind", 0)]


def test_what_comes_after_the_end_is_stated_when_there_is_a_partnership_again(town: Town) -> None:
    partnership = town.accept()
    town.kazenor.change(phone="late")
    town.kazenor.hear(*town.kazenor.take("timer"))
    town.end(partnership)
    town.deliver()
    assert [profile["phone"] for _, profile in town.northwind.heard()] == [""]
    town.accept()
    assert [profile["phone"] for _, profile in town.northwind.heard()] == ["", "late"]


def test_whatever_the_order_of_messages_and_doubles_the_newest_profile_counts() -> None:
    for order in itertools.permutations(range(4)):
        town = Town()
        town.accept()
        for phone in ("1", "2", "3", "4"):
            town.kazenor.change(phone=phone)
            town.kazenor.hear(*town.kazenor.take("timer"))
        bodies = town.kazenor.take("peer")
        for place in order:
            town.northwind.hear(bodies[place])
            town.northwind.hear(bodies[place])
        assert [profile["phone"] for _, profile in town.northwind.heard()] == ["", "1", "2", "3", "4"]


def test_an_older_profile_in_another_stream_changes_nothing(town: Town) -> None:
    town.accept()
    said, count = Streams(), len(town.northwind.heard())
    for counter, phone in ((7, "new"), (6, "old"), (7, "again")):
        shared = ProfileShared(counter=counter, company="Kazenor", phone=phone)
        town.northwind.hear(said.body(shared, tenant="northwind", subject="elsewhere", origin="kazenor"))
    assert [profile["phone"] for _, profile in town.northwind.heard()[count:]] == ["new"]


def test_of_what_comes_before_the_acceptance_the_newest_counts(town: Town) -> None:
    said = Streams()
    for counter, phone in ((7, "new"), (6, "old")):
        shared = ProfileShared(counter=counter, company="Kazenor", phone=phone)
        town.northwind.hear(said.body(shared, tenant="northwind", subject="kazenor", origin="kazenor"))
    town.accepted_here(new_id())
    assert [(profile["counter"], profile["phone"]) for _, profile in town.northwind.heard()] == [(7, "new")]


def test_whose_partnership_ends_while_a_change_is_told_hears_nothing() -> None:
    ended = Counterpart(tenant="kazenor", id="northwind", told=1)
    assert not counterparts.to_tell(ended, 2)
    assert counterparts.to_tell(counterparts.began(ended, "p"), 2)


def test_a_stranger_is_not_heard_of(town: Town) -> None:
    town.accept()
    shared = ProfileShared(counter=9, company="Kazenor", phone="666")
    town.northwind.hear(Streams().body(shared, tenant="northwind", subject="kazenor", origin="mallory"))
    assert companies(town.northwind.heard()) == [("kazenor", "Kazenor", 0)]


def test_many_counterparts_are_told_some_at_a_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_TELL_AT_ONCE", 2)
    for number in range(5):
        town.accepted_there(new_id(), f"customer-{number}")
    town.kazenor.take("peer")
    town.kazenor.change(phone="2")
    timers, told = town.kazenor.take("timer"), []
    for ran in itertools.count(1):  # noqa: B007
        town.kazenor.hear(*timers)
        told.append([json.loads(body)["destination"] for body in town.kazenor.take("peer")])
        timers = town.kazenor.take("timer")
        if not timers:
            break
    assert told == [["customer-0", "customer-1"], ["customer-2", "customer-3"], ["customer-4"]]


# What another business may say of itself


def shown(**told: Any) -> Profile:
    return counterparts.shown(Profile(**{"company": "Kazenor", **told}), tenant="kazenor")


@pytest.mark.parametrize(
    ("logo", "kept"),
    [
        ("data:image/webp;base64,AAAA", True),
        ("https://kazenor.example/logo.png", True),
        ("data:image/svg+xml;base64,AAAA", False),
        ("data:text/html;base64,AAAA", False),
        ("data:image/png;base64,AA\x00", False),
        ("javascript:alert(1)", False),
        ("https://kazenor.example/" + "x" * 500, False),
        ("nonsense", False),
    ],
)
def test_a_logo_is_a_picture_or_an_address_of_the_web(logo: str, kept: bool) -> None:
    assert shown(logo=logo).logo == (logo if kept else "")


@pytest.mark.parametrize(
    ("website", "kept"),
    [
        ("http://kazenor.example", True),
        ("HTTPS://kazenor.example:8443/a?b#c", True),
        ("javascript:alert(1)//http://x", False),
        ("https://", False),
        ("https://:80", False),
        ("https://a b.example", False),
        ("ftp://kazenor.example", False),
    ],
)
def test_a_website_is_one_of_the_web(website: str, kept: bool) -> None:
    assert shown(website=website).website == (website if kept else "")


def test_texts_are_no_longer_than_ours_may_be() -> None:
    long = "x" * 254
    told = shown(company=long, phone=long, fax=long, addresses=(Address(type="Other", line1=long, zip=long),))
    assert (len(told.company), len(told.phone), len(told.fax)) == (200, 50, 50)
    assert (len(told.addresses[0].line1), len(told.addresses[0].zip)) == (200, 50)


def test_nobody_is_without_a_name_and_a_mail_address_looks_like_one() -> None:
    assert shown(company="").company == "kazenor"
    assert shown(email="hi@kazenor.example").email == "hi@kazenor.example"
    assert shown(email="write to us").email == ""


def test_of_each_type_of_address_and_of_the_defaults_the_first_counts(town: Town) -> None:
    town.accept()
    shared = ProfileShared.model_validate(
        {
            "counter": 5,
            "company": "Kazenor",
            "addresses": [
                {"type": "Castle", "city": "A", "default": True},
                {"type": "Other", "city": "B"},
                {"type": "Billing", "city": "C", "default": True},
            ],
        }
    )
    town.northwind.hear(Streams().body(shared, tenant="northwind", subject="other-stream", origin="kazenor"))
    addresses = town.northwind.heard()[-1][1]["addresses"]
    assert [(one["type"], one["city"], one["default"]) for one in addresses] == [
        ("Other", "A", True),
        ("Billing", "C", False),
    ]
