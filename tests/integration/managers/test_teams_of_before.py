"""Teams that were kept before the column of their members."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg

from services.managers.store import TEAMS
from shared.db.migrate import migrate


def test_a_team_of_before_is_found_by_its_members(
    service_databases: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment, folder = service_databases("managers"), Path("services/managers/migrations")
    owner = environment["ACCORD_MANAGERS_OWNER_DATABASE_URL"]
    (tmp_path / "0001_managers.sql").write_text((folder / "0001_managers.sql").read_text())
    migrate(owner, "managers", [("managers", tmp_path)])
    states = {
        "1": {
            "id": "1",
            "tenant": "a",
            "members": [{"id": "x", "name": "X"}, {"id": "y", "name": "Y"}],
            "owner_id": "y",
        },
        "2": {"id": "2", "tenant": "b", "members": [{"id": "y", "name": "Y"}], "owner_id": "y"},
    }
    with psycopg.connect(environment["ACCORD_MANAGERS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'a,b', false)")
        for id, state in states.items():
            connection.execute(
                "insert into teams (tenant, id, version, state) values (%s, %s, 1, %s)",
                [state["tenant"], id, json.dumps(state)],
            )
        connection.commit()
        migrate(owner, "managers", [("managers", folder)])
        # As code of before keeps a team, that is still running.
        connection.execute("insert into teams (tenant, id, version, state) values ('a', '3', 1, '{}')")
        found = connection.execute("select id, members from teams order by id").fetchall()
        (text,) = connection.execute("select state::text from teams where id = '1'").fetchone() or ("",)
    assert found == [("1", "|x|y|"), ("2", "|y|"), ("3", "")]
    assert not TEAMS.load(text).final
