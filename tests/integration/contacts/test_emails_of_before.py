"""Contacts that were kept before the column of their e-mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg

from shared.db.migrate import migrate


def test_a_contact_of_before_is_found_by_its_email(
    service_databases: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment, folder = service_databases("contacts"), Path("services/contacts/migrations")
    owner = environment["ACCORD_CONTACTS_OWNER_DATABASE_URL"]
    for number in (1, 2, 3):
        (before,) = folder.glob(f"000{number}_*.sql")
        (tmp_path / before.name).write_text(before.read_text())
    migrate(owner, "contacts", [("contacts", tmp_path)])
    insert = "insert into contacts (tenant, id, version, state, name_search, search) values (%s, %s, 1, %s, '', '')"
    with psycopg.connect(environment["ACCORD_CONTACTS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'a,b', false)")
        for tenant, id in (("a", "1"), ("b", "2")):
            connection.execute(insert, [tenant, id, json.dumps({"email": f"mia@{tenant}.example"})])
        connection.commit()
        migrate(owner, "contacts", [("contacts", folder)])
        # As code of before keeps a contact, that is still running.
        connection.execute(insert, ["a", "3", "{}"])
        found = connection.execute("select id, email from contacts order by id").fetchall()
    assert found == [("1", "mia@a.example"), ("2", "mia@b.example"), ("3", "")]
