"""Migrations run once, alone, wholly or not at all; and prepare says in a sentence why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.paths import ROOT
from shared.db import migrate as migrating
from shared.db.migrate import MigrationError, migrate


@pytest.fixture
def url(service_databases: Callable[..., dict[str, str]]) -> str:
    """The owner's URL of an empty database."""
    return service_databases("history")["ACCORD_HISTORY_OWNER_DATABASE_URL"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "0001_notes.sql", "create table notes (text text);\ngrant select on notes to ${service};")
    write(
        tmp_path, "0002_more.sql", "insert into notes values ('$$ 100 %% ${other}');\ninsert into notes values ('two');"
    )
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def rows(url: str, query: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def run(url: str, folder: Path, **more: Any) -> list[str]:
    return [str(migration) for migration in migrate(url, "history", [("history", folder)], **more)]


def test_they_run_in_their_order_once(url: str, folder: Path) -> None:
    assert run(url, folder) == ["history 0001 (notes)", "history 0002 (more)"]
    assert run(url, folder) == []
    assert rows(url, "select text from notes") == [("$$ 100 %% ${other}",), ("two",)]
    kept = rows(url, "select package, number, name, length(checksum), applied_at is not null from schema_migrations")
    assert kept == [("history", 1, "notes", 64, True), ("history", 2, "more", 64, True)]


def test_the_role_of_the_service_stands_where_its_place_is(url: str, folder: Path) -> None:
    run(url, folder)
    assert rows(url, "select has_table_privilege('history', 'notes', 'select')") == [(True,)]
    assert rows(url, "select has_table_privilege('history', 'notes', 'insert')") == [(False,)]
    assert rows(url, "select has_table_privilege('history', 'schema_migrations', 'select')") == [(False,)]


def test_a_later_file_runs_alone(url: str, folder: Path) -> None:
    run(url, folder)
    write(folder, "0003_last.sql", "insert into notes values ('three')")
    assert run(url, folder) == ["history 0003 (last)"]


def test_packages_are_counted_apart(url: str, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(other, "0001_first.sql", "create table first (id int)")
    ran = migrate(url, "history", [("bus", other), ("history", folder)])
    assert [m.package for m in ran] == ["bus", "history", "history"]


def test_a_file_that_has_run_and_was_changed_is_refused(url: str, folder: Path) -> None:
    run(url, folder)
    write(folder, "0001_notes.sql", "create table notes (text text, more text)")
    write(folder, "0003_last.sql", "insert into notes values ('three')")
    with pytest.raises(MigrationError, match=r"history 0001 \(notes\) has run and was changed since"):
        run(url, folder)
    assert rows(url, "select count(*) from notes") == [(2,)]


def test_what_a_newer_release_has_run_is_left_alone(url: str, folder: Path) -> None:
    write(folder, "0003_newer.sql", "create table newer (id int)")
    run(url, folder)
    (folder / "0003_newer.sql").unlink()
    assert run(url, folder) == []


def test_a_file_that_fails_changes_nothing_and_the_ones_before_stay(url: str, folder: Path) -> None:
    write(folder, "0003_wrong.sql", "insert into notes values ('half');\nselect * from nowhere;")
    with pytest.raises(MigrationError, match=r'history 0003 \(wrong\) failed and changed nothing: relation "nowhere"'):
        run(url, folder)
    assert rows(url, "select count(*) from notes") == [(2,)]
    write(folder, "0003_wrong.sql", "insert into notes values ('whole')")
    assert run(url, folder) == ["history 0003 (wrong)"]


def test_a_file_and_the_note_that_it_ran_are_one(url: str, folder: Path) -> None:
    write(folder, "0003_odd.sql", "insert into notes values ('odd');\nalter table schema_migrations rename to gone;")
    with pytest.raises(MigrationError, match=r"history 0003 \(odd\) failed and changed nothing"):
        run(url, folder)
    assert rows(url, "select count(*) from notes") == [(2,)]
    assert rows(url, "select count(*) from schema_migrations") == [(2,)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("0004_hole.sql", "not numbered 1, 2, 3"),
        ("0002_again.sql", "not numbered 1, 2, 3"),
        ("3_short.sql", "not named like a migration"),
        ("0003-dash.sql", "not named like a migration"),
    ],
)
def test_a_wrong_name_or_number_is_refused_before_anything_runs(
    url: str, folder: Path, name: str, sentence: str
) -> None:
    write(folder, name, "select 1")
    with pytest.raises(MigrationError, match=sentence):
        run(url, folder)
    assert rows(url, "select to_regclass('notes')") == [(None,)]


def test_a_service_whose_name_is_no_plain_word_is_refused(url: str, folder: Path) -> None:
    with pytest.raises(MigrationError, match="cannot be the name of a service"):
        migrate(url, "history; drop table notes", [("history", folder)])


def test_two_at_once_wait_for_each_other(url: str, folder: Path) -> None:
    write(folder, "0003_slow.sql", "select pg_sleep(0.3)")
    ran: list[list[str]] = []
    threads = [threading.Thread(target=lambda: ran.append(run(url, folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(map(len, ran)) == [0, 0, 3]


def test_another_run_that_does_not_end_is_named(url: str, folder: Path) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [migrating.ADVISORY_LOCK])
        with pytest.raises(MigrationError, match=r"Another run of migrations has not ended for 0.1 s"):
            run(url, folder, wait_s=0.1)


def test_a_table_in_use_is_not_waited_for_for_long(url: str, folder: Path) -> None:
    run(url, folder)
    write(folder, "0003_alter.sql", "alter table notes add column more text")
    with psycopg.connect(url) as reader:
        reader.execute("select * from notes")
        began = time.monotonic()
        with pytest.raises(MigrationError, match=r"history 0003 \(alter\) waited too long for a table in use"):
            run(url, folder, lock_timeout_s=0.1)
        assert time.monotonic() - began < 30, "it waited as long for the table as for another runner"
    assert run(url, folder) == ["history 0003 (alter)"]


def test_a_database_that_is_away_is_said_in_a_sentence(folder: Path) -> None:
    with pytest.raises(MigrationError, match="The database of history does not answer"):
        run("postgresql://nobody@127.0.0.1:1/nothing", folder)


# --- prepare ---------------------------------------------------------------------------------------------------------


def prepare(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "shared.bus.prepare", *arguments],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_prepare_makes_everything_and_may_be_repeated(services: Callable[..., dict[str, str]]) -> None:
    environment = services("history", prepared=False)
    status, said = prepare(environment, "history")
    assert status == 0, said
    assert "Ran the migration bus 0001 (bus)." in said
    assert prepare(environment, "history") == (0, "history is prepared.\n")


def test_every_table_of_the_bus_is_forced_under_row_level_security(services: Callable[..., dict[str, str]]) -> None:
    url = services("history")["ACCORD_HISTORY_OWNER_DATABASE_URL"]
    query = """
        select c.relname::text, c.relrowsecurity and c.relforcerowsecurity from pg_class c
        where c.relkind = 'r' and c.relname in ('streams', 'outbox', 'inbox', 'answers')
    """
    assert sorted(rows(url, query)) == [("answers", True), ("inbox", True), ("outbox", True), ("streams", True)]


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("ACCORD_AMQP_URI", "amqp://a:secret@127.0.0.1:1/x", "The broker at amqp://a:**@127.0.0.1:1/x does not answer"),
        ("ACCORD_AMQP_URI", "", "The setting ACCORD_AMQP_URI is missing"),
        (
            "ACCORD_HISTORY_OWNER_DATABASE_URL",
            "postgresql://a:secret@127.0.0.1:1/x",
            "The database of history does not",
        ),
        ("CELL", "globex", "The cell globex hosts nobody: name its tenants in ACCORD_TENANTS"),
    ],
)
def test_prepare_says_in_one_sentence_why_it_cannot(
    services: Callable[..., dict[str, str]], setting: str, value: str, sentence: str
) -> None:
    environment = services("history", prepared=False) | {setting: value}
    status, said = prepare(environment, "history")
    assert status == 1
    assert sentence in said
    assert said.count("\n") == 1
    assert "secret" not in said


def test_prepare_names_the_services_there_are() -> None:
    status, said = prepare({}, "offerz")
    assert (status, "offers, contacts" in said) == (1, True)
    assert prepare({})[0] == 1


def test_a_password_the_broker_does_not_know_is_named_as_such(services: Callable[..., dict[str, str]]) -> None:
    environment = services("history", prepared=False)
    address = environment["ACCORD_AMQP_URI"].partition("@")[2]
    status, said = prepare(environment | {"ACCORD_AMQP_URI": f"amqp://cell-shared:guess@{address}"}, "history")
    assert status == 1
    assert "Check the user's password and permissions" in said
    assert "guess" not in said
