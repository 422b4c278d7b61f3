"""What was kept before a migration is as good afterwards as what is kept since."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from services.offers.domain.partnership import Counterpart, Named, Partnership
from services.offers.domain.sending import send
from services.offers.store import COUNTERPARTS, PARTNERSHIPS
from shared.bus.deliveries import decode
from shared.bus.prepare import BUS_MIGRATIONS, migrations_of, prepare_database
from shared.contracts.messages import CATALOGUE
from shared.contracts.offers import ExpiryDue
from shared.db.migrate import migrate
from shared.ids import new_id

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
OF_BEFORE = ("tenant", "id", "version", "state", "shown", "status", "role", "turn", "company", "name_search", "viewers")
TIMES = ("turn_since", "sent_at", "updated_at")


@pytest.fixture
def before(service_databases: Callable[..., dict[str, str]], tmp_path: Path) -> dict[str, str]:
    """A database as the first release left it."""
    environment = service_databases("offers")
    shutil.copy(migrations_of("offers") / "0001_partnerships.sql", tmp_path)
    migrate(environment["ACCORD_OFFERS_OWNER_DATABASE_URL"], "offers", [("bus", BUS_MIGRATIONS), ("offers", tmp_path)])
    return environment


def offer(customer: str) -> Partnership:
    return send(
        tenant="kazenor", id=new_id(), customer=customer, email="x@y.example", message="m", sender=Named("ada", "Ada"),
        contacts=(), managers=("ada",), expires_at=NOON + timedelta(days=30), now=NOON,
    )  # fmt: skip


def keep(environment: dict[str, str], p: Partnership, status: str) -> None:
    """As old code keeps it: without the columns and fields that came later."""
    state = json.loads(PARTNERSHIPS.dump(p)) | {"status": status}
    row = [
        p.tenant,
        p.id,
        1,
        json.dumps(state),
        "home",
        status,
        p.role,
        "",
        p.company,
        p.company,
        "|ada|",
        NOON,
        NOON,
        NOON,
    ]
    with psycopg.connect(environment["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        service.execute(
            f"insert into partnerships ({', '.join(OF_BEFORE + TIMES)}) values ({', '.join(['%s'] * len(row))})",  # type: ignore[arg-type]
            row,
        )


def test_partnerships_of_before_are_found_by_counterpart_and_their_clocks_are_set(before: dict[str, str]) -> None:
    waiting, over = offer("northwind"), offer("southwind")
    keep(before, waiting, "open")
    keep(before, over, "declined")
    prepare_database("offers", before["ACCORD_OFFERS_OWNER_DATABASE_URL"])
    with psycopg.connect(before["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        found = service.execute("select id, counterpart from partnerships order by counterpart").fetchall()
        rows = service.execute("select kind, service, destination, due_at, sent_at, body from outbox").fetchall()
    assert found == [(waiting.id, "northwind"), (over.id, "southwind")]
    ((kind, service_name, destination, due_at, sent_at, body),) = rows
    assert (kind, service_name, destination, due_at, sent_at) == (
        "timer",
        "offers",
        "kazenor",
        waiting.expires_at,
        None,
    )
    envelope = decode(body).envelope
    assert (envelope.origin, envelope.destination, envelope.subject) == ("kazenor", "kazenor", waiting.id)
    assert CATALOGUE[envelope.kind, envelope.source, envelope.type] is ExpiryDue


def test_tiles_of_before_get_the_digest_of_the_logo_that_is_known(before: dict[str, str], tmp_path: Path) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    for name in ("0002_counterparts.sql", "0003_clocks.sql"):
        shutil.copy(migrations_of("offers") / name, tmp_path)
    migrate(before["ACCORD_OFFERS_OWNER_DATABASE_URL"], "offers", [("bus", BUS_MIGRATIONS), ("offers", tmp_path)])
    with_one, without = offer("northwind"), offer("southwind")
    known = [
        Counterpart(tenant="kazenor", id="northwind", counter=1, company="N", logo=picture),
        Counterpart(tenant="kazenor", id="southwind", counter=1, company="S", logo="https://s.example/logo.png"),
    ]
    for p in (with_one, without):
        keep(before, p, "accepted")
    with psycopg.connect(before["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        service.execute("update partnerships set counterpart = state ->> 'counterpart'")
        for one in known:
            row = [one.tenant, one.id, 1, COUNTERPARTS.dump(one)]
            service.execute("insert into counterparts (tenant, id, version, state) values (%s, %s, %s, %s)", row)
    prepare_database("offers", before["ACCORD_OFFERS_OWNER_DATABASE_URL"])
    with psycopg.connect(before["ACCORD_OFFERS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        rows = service.execute("select state::text from partnerships").fetchall()
    found = {p.counterpart: p.logo for p in (PARTNERSHIPS.load(row[0]) for row in rows)}
    assert found == {"northwind": known[0].logo_digest, "southwind": ""}
    assert known[0].logo_digest


def test_old_code_goes_on_beside_the_new_tables(before: dict[str, str]) -> None:
    prepare_database("offers", before["ACCORD_OFFERS_OWNER_DATABASE_URL"])
    keep(before, offer("northwind"), "open")
