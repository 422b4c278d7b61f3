"""The home list: fifty tiles of many partnerships, through the API, against the same SQL through psycopg."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg

from services.offers.commands import Chosen
from services.offers.handlers import looking
from services.offers.store import TABLES
from shared.bus.door import SYSTEM_PERSON
from shared.bus.postgres import PostgresDatabase, PostgresStorage
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.calls import SYSTEM, Call
from tests.bench import client, measure
from tests.bench.stack import Business, Stack

# Copies of one real tile with ids, names and times of their own. The columns beside the document follow it.
_COPIES = """
insert into partnerships
select (jsonb_populate_record(p, jsonb_build_object(
    'id', c.id, 'state', p.state || jsonb_build_object('id', c.id, 'company', c.company, 'updated_at', c.at, 'sent_at', c.at),
    'company', lower(c.company), 'name_search', lower(c.company), 'updated_at', c.at, 'sent_at', c.at))).*
from partnerships p
cross join lateral (
    select md5(%(tenant)s || n)::uuid::text as id, 'Company ' || n || ' Ltd' as company, now() - n * interval '1 second' as at
    from generate_series(1, %(count)s) n
) c
where p.tenant = %(tenant)s and p.id = (select min(id) from partnerships where tenant = %(tenant)s and shown = 'home' and company not like '%% ltd')
"""


def fill(stack: Stack, business: Business, count: int, seconds: float = 45) -> int:
    """Give a business that has a tile `count` of them; how many it has in the end: fewer when that takes longer than `seconds`."""
    end, made, step = time.monotonic() + seconds, 0, min(count, 20_000)
    with psycopg.connect(stack.product.offers_url, autocommit=True) as db:
        while made < count and time.monotonic() < end:
            made += step
            db.execute(
                _COPIES.replace("generate_series(1,", f"generate_series({made - step + 1},"),
                {"tenant": business.tenant, "count": made},
            )
        db.execute("analyze partnerships")
    return made


WARM = 5


def _turns(count: int, seconds: float) -> Iterator[int]:
    """`count` turns after those that only warm up, fewer when they take longer than `seconds`, but five."""
    end = time.monotonic() + seconds
    for n in range(WARM + count):
        if n >= WARM + 5 and time.monotonic() > end:
            return
        yield n


class Home:
    """Reads the home list of one business."""

    def __init__(self, stack: Stack, business: Business) -> None:
        self.stack, self.business = stack, business
        self.url = stack.product.environment["ACCORD_OFFERS_DATABASE_URL"]
        self.statements = self._statements()

    def _statements(self) -> list[tuple[str, Any]]:
        """The SQL of the list as the service runs it, noted while the use case itself runs here."""
        noted: list[tuple[str, Any]] = []

        class Noting(PostgresStorage):
            def _execute(self, statement: str, parameters: Any = (), *rest: Any, **more: Any) -> Any:
                noted.append((statement, parameters))
                return super()._execute(statement, parameters, *rest, **more)

        database = PostgresDatabase(self.url, size=1)
        session = Session(database, "offers", Tables(TABLES))
        call = Call("list_partnerships", self.business.tenant, SYSTEM)
        from shared.bus import postgres

        original = postgres.PostgresStorage
        postgres.PostgresStorage = Noting  # type: ignore[misc]
        try:
            found = session.read(looking.list_partnerships, call, Chosen(), person=SYSTEM_PERSON)
        finally:
            postgres.PostgresStorage = original  # type: ignore[misc]
            database.close()
        assert len(found["items"]) == 50, found
        return noted

    def through_sql(self, count: int = 100, seconds: float = 4) -> float:
        """Milliseconds of the SQL and its rows through psycopg in one transaction, p50."""
        times = []
        with psycopg.connect(self.url) as db:
            for _ in _turns(count, seconds):
                start = time.perf_counter()
                with db.transaction(), db.pipeline():
                    cursors = [db.execute(statement, parameters) for statement, parameters in self.statements]
                rows = max((cursor.fetchall() for cursor in cursors if cursor.description), key=len)
                times.append(time.perf_counter() - start)
        assert len(rows) >= 50
        return measure.percentile(times[WARM:]) * 1000

    def through_api(self, count: int = 100, seconds: float = 4) -> float:
        """Milliseconds of `GET /partnerships` over a kept connection, p50."""
        api, times = client.Client(self.stack.port), []
        for _ in _turns(count, seconds):
            start = time.perf_counter()
            status, content = api.request("GET", "/api/v1/partnerships", headers=self.business.headers)
            times.append(time.perf_counter() - start)
            assert status == 200, content
        api.close()
        return measure.percentile(times[WARM:]) * 1000
