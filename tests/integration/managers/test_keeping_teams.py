"""What managers keeps comes back as it was, from the in-memory twin and from PostgreSQL alike."""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
import pytest

from services.managers import handlers
from services.managers.store import TABLES
from shared.bus.storage import Database
from shared.calls import Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.offers import Manager
from shared.ids import new_id
from tests.support import story
from tests.support.hearing import Ear


@pytest.fixture
def ear(database: Database) -> Ear:
    return Ear(database, "managers", TABLES)


def test_a_team_comes_back_with_the_names_of_today(ear: Ear) -> None:
    tenant, partnership = "t" + secrets.token_hex(6), new_id()
    zoe = Manager(id=new_id(), name="Zoë", email="zoe@kazenor.example")
    offer = story.SUBMITTED.model_copy(update={"managers": [zoe, story.TO_MANAGE]})
    renamed = UserChanged(id=zoe.id, name="Zoë Lind", email="lind@kazenor.example", role="member", active=True)

    def listed(of: str) -> Any:
        ids = {"partnership_id": partnership}
        return ear.do(handlers.list_managers, Paged(), tenant=of, actor=story.ADA.id, ids=ids)["items"]

    ear.hear(handlers.offer_submitted, offer, tenant=tenant, subject=partnership)
    ear.hear(handlers.user_changed, renamed, tenant=tenant, subject=zoe.id)
    ear.hear(handlers.user_changed, renamed, tenant=tenant, subject=zoe.id)
    assert listed(tenant) == [
        {"contact_id": story.ADA.id, "name": "Ada Lindqvist", "email": "ada@kazenor.example", "owner": True},
        {"contact_id": zoe.id, "name": "Zoë Lind", "email": "lind@kazenor.example", "owner": False},
    ]
    assert listed("t" + secrets.token_hex(6)) == []


def test_without_a_tenant_in_the_transaction_nothing_is_seen(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_MANAGERS_DATABASE_URL"]) as connection:
        for table in ("teams", "colleagues"):
            connection.execute("select set_config('app.tenants', 'canary', true)")
            connection.execute(
                f"insert into {table} (tenant, id, version, state) values ('canary', %s, 1, '{{}}')",
                [new_id()],
            )
            connection.commit()
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
