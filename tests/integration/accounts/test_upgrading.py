"""What was kept before a migration is as good afterwards as what is kept since."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg

from services.accounts.domain.people import User
from services.accounts.store import USERS
from shared.bus.prepare import BUS_MIGRATIONS, migrations_of, prepare_database
from shared.db.migrate import migrate
from shared.ids import new_id
from shared.text import fold


def test_people_of_before_are_found_by_their_e_mail(
    service_databases: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment = service_databases("accounts")
    for name in ("0001_accounts.sql", "0002_counterparts.sql"):
        shutil.copy(migrations_of("accounts") / name, tmp_path)
    owner = environment["ACCORD_ACCOUNTS_OWNER_DATABASE_URL"]
    migrate(owner, "accounts", [("bus", BUS_MIGRATIONS), ("accounts", tmp_path)])
    user = User(tenant="kazenor", id=new_id(), name="Éva ẞtolz", email="eva@kazenor.example", role="member")
    with psycopg.connect(environment["ACCORD_ACCOUNTS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        service.execute(
            "insert into users (tenant, id, version, state, name_search) values (%s, %s, 1, %s, %s)",
            [user.tenant, user.id, USERS.dump(user), fold(user.name)],
        )
    prepare_database("accounts", owner)
    with psycopg.connect(environment["ACCORD_ACCOUNTS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'kazenor', true)")
        rows = service.execute("select name_search from users").fetchall()
    assert rows == [(USERS.columns["name_search"].value(user),)]
