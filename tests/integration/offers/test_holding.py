"""A new offer and the receipt of the last one's end at the same instant: whichever is first, the new offer leaves."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.offers.commands import SendOffer
from services.offers.domain.partnership import Named, Offered, Pair, Partnership
from services.offers.domain.sending import send
from services.offers.domain.withdrawing import withdraw
from services.offers.handlers import finding, looking, sending
from services.offers.store import TABLES
from shared.bus.door import Person
from shared.bus.postgres import PostgresDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.work import Confirmed
from shared.calls import Call
from shared.ids import new_id

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADA = Person("ada", "Ada", "ada@kazenor.example", "admin", "Kazenor")
MIA = new_id()
SEND = SendOffer(customer_tenant="northwind", customer_email="x@y.example", message="m", contact_ids=[MIA])
ANSWERS = finding.Answers(
    {"ada": {"id": "ada", "name": "Ada", "email": ADA.email, "active": True}}, {MIA: {"id": MIA, "name": "Mia"}}
)
_BLOCKED = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def withdrawn(session: Session, tenant: str) -> str:
    """An offer that was withdrawn; the other side has the offer, of the withdrawal we do not know."""
    p = send(
        tenant=tenant, id=new_id(), customer="northwind", email="x@y.example", message="m", sender=Named("ada", "Ada"),
        contacts=(Offered(MIA, "Mia"),), managers=("ada",), expires_at=NOON + timedelta(days=30), now=NOON,
    )  # fmt: skip

    def put(work: Any, call: Call, *, now: datetime) -> None:
        work.put(withdraw(p, NOON))
        work.put(Pair(tenant=tenant, id="northwind", partnership_id=p.id))

    session.run(put, Call("put", tenant, "ada"))
    return p.id


def told(urls: dict[str, str], tenant: str, id: str) -> list[str]:
    """What was told the other side about it."""
    with psycopg.connect(urls["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', %s, true)", [tenant])
        rows = service.execute("select type from outbox where subject = %s and kind = 'peer'", [id]).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("first", ["receipt", "offer"])
def test_no_held_offer_is_left_behind(postgres: PostgresDatabase, urls: dict[str, str], first: str) -> None:
    tenant = f"kazenor-{first}"
    session = Session(postgres, "offers", Tables(TABLES))
    old = withdrawn(session, tenant)
    locked, go_on = threading.Event(), threading.Event()
    results: dict[str, Any] = {}

    def receipt(work: Any, call: Call, *, now: datetime) -> None:
        looking.receipt(work, Confirmed(tenant, "northwind", old, 2, 0), now)

    def offer(work: Any, call: Call, *, now: datetime) -> Any:
        return sending.send_offer(work, call, SEND, id=new_id(), person=ADA, answers=ANSWERS, now=now)

    def slowly(handler: Any) -> Any:
        """Do it, and wait with the commit."""

        def run(work: Any, call: Call, *, now: datetime) -> Any:
            result = handler(work, call, now=now)
            locked.set()
            assert go_on.wait(10)
            return result

        return run

    def do(name: str, handler: Any) -> None:
        results[name] = session.run(handler, Call(name, tenant, "ada"))

    use_cases = {"receipt": receipt, "offer": offer}
    (second,) = use_cases.keys() - {first}
    threads = [
        threading.Thread(target=do, args=(first, slowly(use_cases[first]))),
        threading.Thread(target=do, args=(second, use_cases[second])),
    ]
    threads[0].start()
    assert locked.wait(10)
    threads[1].start()
    with psycopg.connect(urls["ACCORD_OFFERS_DATABASE_URL"], autocommit=True) as looker:
        deadline = time.monotonic() + 10
        blocked = 0
        while not blocked and time.monotonic() < deadline:
            (blocked,) = looker.execute(_BLOCKED).fetchone() or (0,)
        assert blocked, "the second one did not wait for the first"
    go_on.set()
    for thread in threads:
        thread.join(10)
    new = results["offer"]["id"]
    assert told(urls, tenant, new) == ["offer.sent"]
    p, pair = session.read(
        lambda work, call, now: (work.peek(Partnership, tenant, new), work.peek(Pair, tenant, "northwind")),
        Call("look", tenant, "ada"),
    )
    assert (p.status, p.held, p.sent) == ("open", False, 1)
    assert (pair.partnership_id, pair.held) == (new, "")
