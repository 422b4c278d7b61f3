"""What search compares of people and partnerships that were kept before it knew no accents: SQL says of them what `fold` says of those of today."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from shared.bus.prepare import BUS_MIGRATIONS
from shared.db.migrate import migrate
from shared.text import fold

NAMES = (
    "Tomás Özgür",
    "Łukasz Sørensen Æther",
    "Œuvre Þór Ðuro",
    "İstanbul ılık",
    "Straße 5 % _",
    "한국 हिन्दी",
    "Ħal ǿ ǽ",
)
AT = "'2026-01-01'"
OFFERS = {
    "shown": "''",
    "status": "''",
    "role": "''",
    "turn": "''",
    "viewers": "''",
    "turn_since": AT,
    "sent_at": AT,
    "updated_at": AT,
}


def folded_before(name: str) -> str:
    """As code of before kept it."""
    return unicodedata.normalize("NFC", name).casefold()


@pytest.mark.parametrize(
    ("service", "last", "table", "columns", "others"),
    [
        ("contacts", "0006_accents.sql", "contacts", ("name_search", "search"), {}),
        ("accounts", "0008_accents.sql", "users", ("name_search",), {}),
        ("offers", "0006_accents.sql", "partnerships", ("company", "name_search"), OFFERS),
    ],
)
def test_what_was_kept_before_is_found_without_its_accents(
    service: str,
    last: str,
    table: str,
    columns: tuple[str, ...],
    others: dict[str, str],
    service_databases: Callable[..., dict[str, str]],
    tmp_path: Path,
) -> None:
    environment, folder = service_databases(service), Path("services", service, "migrations")
    owner = environment[f"ACCORD_{service.upper()}_OWNER_DATABASE_URL"]
    for before in sorted(folder.glob("*.sql")):
        if before.name < last:
            (tmp_path / before.name).write_text(before.read_text())
    migrate(owner, service, [("bus", BUS_MIGRATIONS), (service, tmp_path)])
    names, values = ", ".join([*columns, *others]), ", ".join(["%s"] * len(columns) + list(others.values()))
    insert = f"insert into {table} (tenant, id, version, state, {names}) values ('a', %s, 1, '{{}}', {values})"
    with psycopg.connect(environment[f"ACCORD_{service.upper()}_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'a', false)")
        for name in NAMES:
            connection.execute(insert, [name, *[folded_before(name)] * len(columns)])
        connection.commit()
        migrate(owner, service, [("bus", BUS_MIGRATIONS), (service, folder)])
        found = connection.execute(f"select id, {', '.join(columns)} from {table}").fetchall()
    assert {row[0]: set(row[1:]) for row in found} == {name: {fold(name)} for name in NAMES}
