"""Partnerships on both storages: read as they were kept, listed and counted in the same way, each order from its index."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.offers.commands import Chosen
from services.offers.domain.partnership import (
    Address,
    Counterpart,
    Early,
    Ending,
    Named,
    Offered,
    Pair,
    Partnership,
)
from services.offers.domain.sending import arrive, open_to, send
from services.offers.handlers import looking
from services.offers.store import PARTNERSHIPS, TABLES
from shared.bus.door import Person
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.storage import Database
from shared.calls import Call
from shared.ids import new_id

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADA = Named("ada", "Ada Lindqvist")
MIA = Offered("mia", "Mia Berg", "Consultant")
ADMIN = Person("ada", "Ada Lindqvist", "ada@kazenor.example", "admin")
MEMBER = Person("mo", "Mo", "mo@kazenor.example", "member")


def offer(tenant: str, number: int, **more: Any) -> Partnership:
    """An offer we sent, the later the higher its number; to another customer each time."""
    at = NOON + timedelta(minutes=number)
    sent = send(
        tenant=tenant, id=new_id(), customer=f"customer-{number}", email="x@y.example", message="Grüße\n日本", sender=ADA,
        contacts=(MIA,), managers=("ada",), expires_at=at + timedelta(days=30), now=at,
    )  # fmt: skip
    return replace(sent, **more)


def keep(database: Database, tenant: str, *records: Any) -> Session:
    """Keep them, and a session to look with."""
    session = Session(database, "offers", Tables(TABLES))

    def put(work: Any, call: Call, *, now: datetime) -> None:
        for record in records:
            work.put(record)

    session.run(put, Call("put", tenant, "ada"))
    return session


def listed(session: Session, tenant: str, person: Person = ADMIN, **chosen: Any) -> list[str]:
    """The tenant names on the tiles, over all pages."""
    names: list[str] = []
    cursor = None
    while True:
        page = session.read(
            looking.list_partnerships,
            Call("list", tenant, person.id),
            Chosen(limit=2, cursor=cursor, **chosen),
            person=person,
        )
        names += [tile["counterpart"]["tenant"] for tile in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return names


def test_a_partnership_is_read_as_it_was_kept(database: Database) -> None:
    kept = offer("as-kept", 1, turn_since=None)
    session = keep(database, "as-kept", kept)
    read = session.read(
        lambda work, call, now: work.peek(Partnership, "as-kept", kept.id), Call("get", "as-kept", "ada")
    )
    assert read == replace(kept, version=1)


def test_all_that_may_stand_in_a_record_is_read_as_it_was_kept(database: Database) -> None:
    over = Ending(ADA, NOON, "Over\n終")
    full = offer(
        "full",
        1,
        status="terminated",
        held=True,
        early=(Early("offer.withdrawn", '{"reason": "Ü"}'), Early("owner.named", "{}")),
        pending=2,
        ended_by_us=over,
        ended_by_them=replace(over, reason="Also over"),
        reminded_at=NOON,
        owner_told="Ada",
        owner_counter=3,
        their_owner_counter=4,
        logo="0123456789ab",
    )
    home = Address("Billing", "Quay 1", "", "Bergen", "", "5003", "NO", True)
    told = Counterpart(tenant="full", id="customer-1", counter=7, company="C", phone="1", logo="x", addresses=(home,))
    pair = Pair(tenant="full", id="customer-1", partnership_id=full.id, held="other")
    session = keep(database, "full", full, told, pair)

    def look(work: Any, call: Call, *, now: datetime) -> list[Any]:
        kept = (full, told, pair)
        return [work.peek(type(one), "full", one.id) for one in kept]

    read = session.read(look, Call("get", "full", "ada"))
    assert read == [replace(full, version=1), replace(told, version=1), replace(pair, version=1)]


def test_a_record_of_before_is_still_read() -> None:
    new = {
        "held", "early", "pending", "ended_by_us", "ended_by_them", "reminded_at", "owner_told", "owner_counter", "their_owner_counter", "logo",
    }  # fmt: skip
    kept = json.loads(PARTNERSHIPS.dump(offer("before", 1, owner_told="")))
    before = {name: value for name, value in kept.items() if name not in new}
    assert len(before) == len(kept) - len(new)
    assert PARTNERSHIPS.load(json.dumps(before)) == PARTNERSHIPS.load(json.dumps(kept))


def test_the_partnerships_with_one_business_are_found_on_both_storages(database: Database) -> None:
    both = [offer("found", 1, counterpart="northwind"), offer("found", 2, counterpart="northwind", status="declined")]
    session = keep(database, "found", *both, offer("found", 3))
    keep(database, "found-elsewhere", offer("found-elsewhere", 4, counterpart="northwind"))

    def look(work: Any, call: Call, *, now: datetime) -> list[str]:
        ids: list[str] = []
        after = None
        while True:
            page = work.find(Partnership, "found", where={"counterpart": "northwind"}, after=after, limit=1)
            ids += [p.id for p in page.items]
            after = page.next
            if after is None:
                return ids

    assert session.read(look, Call("find", "found", "ada")) == sorted(p.id for p in both)


def test_the_home_list_is_the_same_on_both_storages(database: Database) -> None:
    arriving = arrive(
        tenant="home", id=new_id(), partner="partner-9", company="Zenith", email="ada@kazenor.example", message="m", sender=ADA,
        sent_at=NOON, expires_at=NOON, contacts=(MIA,), now=NOON - timedelta(hours=1),
    )  # fmt: skip
    session = keep(
        database,
        "home",
        offer("home", 1, company="Beta"),
        offer("home", 2, company="alpha", status="accepted", turn=None, turn_since=None),
        offer("home", 3, company="Gamma", status="declined", turn=None, turn_since=None, removed=True),
        offer("home", 4, company="Delta", managers=("ada", "mo")),
        open_to(arriving, "ada", NOON - timedelta(hours=1)),
        replace(arriving, id=new_id(), counterpart="hidden"),
    )
    keep(database, "elsewhere", offer("elsewhere", 7))
    assert listed(session, "home") == ["customer-4", "customer-2", "customer-1", "partner-9"]
    assert listed(session, "home", sort="company") == ["customer-2", "customer-1", "customer-4", "partner-9"]
    assert listed(session, "home", sort="turn_since") == ["partner-9", "customer-1", "customer-4", "customer-2"]
    assert listed(session, "home", sort="-sent_at") == ["customer-4", "customer-2", "customer-1", "partner-9"]
    assert listed(session, "home", status="ended") == ["customer-3"]
    assert listed(session, "home", status=["open", "accepted"], role="partner") == [
        "customer-4",
        "customer-2",
        "customer-1",
    ]
    assert listed(session, "home", turn="ours") == ["partner-9"]
    assert listed(session, "home", q="ALPHA") == ["customer-2"]
    assert listed(session, "home", MEMBER) == ["customer-4"]
    counts = session.read(looking.count_partnerships, Call("count", "home", "ada"), person=ADMIN)
    # One has ended and left the home list.
    assert counts == {
        "total": 4,
        "ended": 1,
        "by_status": {"open": 3, "accepted": 1},
        "by_role": {"partner": 3, "customer": 1},
        "by_turn": {"theirs": 2, "ours": 1},
    }


def test_offers_of_a_day_are_counted_the_same_on_both_storages(database: Database) -> None:
    day = timedelta(hours=24)
    session = keep(
        database,
        "counted",
        offer("counted", 0, sent_at=NOON - day + timedelta(microseconds=1)),
        offer("counted", 1, sent_at=NOON - day),
        offer("counted", 2, status="undeliverable", turn=None, turn_since=None),
        offer("counted", 3, role="customer"),
    )
    keep(database, "counted-elsewhere", offer("counted-elsewhere", 4))

    def look(work: Any, call: Call, *, now: datetime) -> Any:
        chosen: Any = {"where": {"role": "partner"}, "since": ("sent_at", NOON - day)}
        page = work.find(Partnership, "counted", order="sent_at", **chosen)
        return work.count(Partnership, "counted", by="status", **chosen), [p.counterpart for p in page.items]

    counted = session.read(look, Call("count", "counted", "ada"))
    assert counted == ({"open": 1, "undeliverable": 1}, ["customer-0", "customer-2"])


@pytest.mark.parametrize(
    ("where", "order", "index"),
    [
        ("shown = 'home'", "updated_at desc, id desc", "partnerships_updated"),
        ("shown = 'home'", "company, id", "partnerships_company"),
        ("shown = 'home'", "turn_since, id", "partnerships_turn"),
        ("shown = 'home'", "sent_at desc, id desc", "partnerships_sent"),
        ("status = 'open'", "updated_at desc, id desc", "partnerships_status"),
        ("counterpart = 'northwind'", "id asc, id asc", "partnerships_counterpart"),
        ("role = 'partner' and sent_at > now() - interval '1 day'", "sent_at", "partnerships_given"),
    ],
)
def test_each_list_comes_from_its_index(urls: dict[str, str], where: str, order: str, index: str) -> None:
    with psycopg.connect(urls["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'home', true)")
        # The table is small here: without these the planner would rightly take the shorter way.
        service.execute("set local enable_seqscan = off")
        service.execute("set local enable_sort = off")
        service.execute("set local enable_bitmapscan = off")
        query = f"explain select state from partnerships where tenant = 'home' and {where} order by {order} limit 51"
        plan = "\n".join(row[0] for row in service.execute(query))  # type: ignore[arg-type]
    assert index in plan and "Sort" not in plan, plan
