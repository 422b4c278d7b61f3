"""Backups of two services: of one moment, whole, restored as they were; what is wrong is refused before anything is touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import amqp
import kombu
import psycopg
import pytest

from shared.bus import topology
from shared.bus.postgres import PostgresDatabase
from shared.bus.records import Tables
from shared.bus.unit import Unit
from shared.ops import backup, manifest, moment, restore, verify
from shared.ops.command_line import main
from shared.ops.trouble import Trouble
from tests.integration.bus.sample import WordHeard, WordSaid
from tests.support.servers import RabbitServer, prepare, until

SERVICES = ("offers", "contacts")


@pytest.fixture(scope="module")
def environment(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> dict[str, str]:
    found = {**service_databases(*SERVICES), **broker.environment()}
    for service in SERVICES:
        prepare(service, found)
    return found


@pytest.fixture(autouse=True)
def settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, broker: RabbitServer) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def filled(environment: dict[str, str]) -> dict[str, str]:
    """Offers has said something to its own side and to others; the relay has sent the first of it."""
    database = PostgresDatabase(environment["ACCORD_OFFERS_DATABASE_URL"], size=1)
    with database.transaction(["northwind"]) as storage:
        unit = Unit(storage, "offers", Tables(()), datetime(2026, 5, 1, 12, tzinfo=UTC))
        unit.prefetch([("northwind", "n1")])
        heard = unit.stream(("northwind", "n1", "kazenor", "offers"))
        heard.applied, heard.changed = 3, True
        for word in ("ett", "två", "☃ \\ ' \t"):
            unit.say(WordHeard(word=word), tenant="northwind", subject="n1")
            unit.tell(WordSaid(word=word), tenant="northwind", to="kazenor", subject="n1")
        unit.commit()
    database.close()
    with psycopg.connect(environment["ACCORD_OFFERS_RELAY_DATABASE_URL"]) as relay:
        relay.execute("update outbox set due_at = null, sent_at = now(), attempts = 1 where sequence = 1")
        relay.execute(
            "update outbox set due_at = now() + interval '1 hour', sent_at = now(), attempts = 9 where sequence = 2 and kind = 'peer'"
        )
    return environment


def quiet(sentence: str) -> None:
    """Says nothing."""


@pytest.fixture(scope="module")
def kept(filled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup of that."""
    folder = tmp_path_factory.mktemp("backup") / "of today"
    before = dict(os.environ)
    os.environ.update(filled)
    try:
        backup.make(folder, SERVICES, quiet)
    finally:
        os.environ.clear()
        os.environ.update(before)
    yield folder


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    """A copy of it that may be spoiled."""
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def change(folder: Path, **values: Any) -> None:
    """Change what the manifest says of offers."""
    document = json.loads((folder / manifest.NAME).read_text())
    document["services"]["offers"] |= values
    (folder / manifest.NAME).write_text(json.dumps(document))


def rights(environment: dict[str, str]) -> list[tuple[Any, ...]]:
    """Rights, policies, indexes, triggers, functions and row-level security of offers' database."""
    with psycopg.connect(environment["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as connection:
        return connection.execute(
            """
            select 'table', relname, relacl::text, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner)::text from pg_class
                where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
            union all select 'policy', tablename || ' ' || policyname, roles::text || coalesce(qual, ''), true, true, cmd from pg_policies
            union all select 'function', proname, pg_get_functiondef(oid), true, true, '' from pg_proc
                where pronamespace = 'public'::regnamespace
            order by 1, 2
            """
        ).fetchall()


def test_a_backup_is_for_its_owner_only_and_says_what_it_holds(kept: Path) -> None:
    for path in (kept, *kept.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    whole = manifest.read(kept)
    assert set(whole.services) == set(SERVICES)
    offers = whole.services["offers"]
    assert (offers.tables["outbox"].rows, offers.tables["streams"].rows) == (6, 2)
    assert offers.migrations["bus"] >= 1 and offers.server_major >= 13
    assert "password" not in (kept / manifest.NAME).read_text().lower()


def test_it_is_verified_by_its_files_and_by_its_content(copy: Path, postgres_admin_url: str, capsys: Any) -> None:
    assert main(["verify", str(copy), "--scratch", postgres_admin_url]) == 0
    whole = manifest.read(copy)
    tables = {name: table.model_dump() for name, table in whole.services["offers"].tables.items()}
    change(copy, tables=tables | {"outbox": {"rows": 6, "digest": "1.1"}, "streams": {"rows": 7, "digest": "1.1"}})
    assert verify.content(copy, manifest.read(copy), postgres_admin_url) == [
        "offers: outbox has other content", "offers: streams has 2 rows instead of 7",
    ]  # fmt: skip
    with psycopg.connect(postgres_admin_url) as admin:
        left = admin.execute("select datname from pg_database where datname like 'accord_verify%'").fetchall()
    assert left == []


def test_a_damaged_backup_is_found_and_never_restored(copy: Path, capsys: Any) -> None:
    dump = copy / "offers.dump"
    spoiled = bytearray(dump.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    dump.write_bytes(spoiled)
    (copy / "contacts.dump").unlink()
    assert main(["verify", str(copy)]) == 3
    assert "other content" in (said := capsys.readouterr().out) and "contacts.dump is missing" in said
    with pytest.raises(Trouble, match="damaged"):
        restore.restore(copy, replace=True, say=quiet)
    (copy / manifest.NAME).unlink()
    assert main(["verify", str(copy)]) == 1
    assert "was not finished" in capsys.readouterr().err


def test_a_backup_wants_a_folder_of_its_own(kept: Path, capsys: Any) -> None:
    with pytest.raises(Trouble, match="not empty"):
        backup.make(kept, SERVICES, quiet)


def test_what_is_there_is_not_overwritten_unless_one_says_so_twice(kept: Path, capsys: Any) -> None:
    with pytest.raises(Trouble, match=r"offers is not empty \(outbox, streams\)"):
        restore.restore(kept, replace=False, say=quiet)
    assert main(["restore", str(kept), "--replace"]) == 1
    assert "--yes" in capsys.readouterr().err


def test_nothing_is_restored_under_a_service_that_is_at_work(kept: Path, environment: dict[str, str]) -> None:
    with (
        psycopg.connect(environment["ACCORD_CONTACTS_RELAY_DATABASE_URL"]),
        pytest.raises(Trouble, match="contacts is at work"),
    ):
        restore.restore(kept, replace=True, say=quiet)


def test_a_backup_of_newer_code_is_not_restored(copy: Path) -> None:
    change(copy, migrations={"bus": 999})
    with pytest.raises(Trouble, match="newer code: bus has the migration 0999"):
        restore.restore(copy, replace=True, say=quiet)


def test_what_is_restored_is_as_it_was_and_what_was_on_its_way_is_said_again(
    kept: Path, filled: dict[str, str], broker: RabbitServer
) -> None:
    before = rights(filled)
    with psycopg.connect(filled["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as owner:
        owner.execute(
            "truncate streams, outbox; create table of_later (tenant text primary key); drop policy relay on inbox"
        )
    queue = topology.events_queue("offers")
    with kombu.Connection(broker.uri()) as connection, connection.channel() as channel:
        # Of a time that the backup does not know.
        channel.basic_publish(amqp.Message(b"later"), routing_key=queue)
        until(lambda: channel.queue_declare(queue, passive=True).message_count == 1)
        restore.restore(kept, replace=True, say=quiet)
        assert channel.queue_declare(queue, passive=True).message_count == 0
    assert rights(filled) == before
    with psycopg.connect(filled["ACCORD_OFFERS_OPS_DATABASE_URL"]) as ops:
        assert ops.execute("select peer from streams where receipt_due").fetchall() == [("kazenor",)]
        rows = ops.execute("select kind, sequence, due_at <= now() as due from outbox order by 1, 2").fetchall()
    # The queues are empty now: whether it was taken out of them, nobody can tell. What a peer has receipted is with the peer.
    assert rows == [
        ("fact", 1, True), ("fact", 2, True), ("fact", 3, True), ("peer", 1, None), ("peer", 2, True), ("peer", 3, True),
    ]  # fmt: skip


def test_the_role_for_backups_reads_everything_and_writes_nothing(filled: dict[str, str]) -> None:
    with psycopg.connect(filled["ACCORD_OFFERS_BACKUP_DATABASE_URL"], autocommit=True) as connection:
        assert connection.execute("select count(*) from outbox").fetchone() == (6,)
        for write in ("delete from outbox", "create table mine ()"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(write)  # type: ignore[arg-type]
        # That is a courtesy; this is the wall.
        connection.execute("set default_transaction_read_only = off")
        for write in ("delete from outbox", "update streams set sent = 0", "create table mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(write)  # type: ignore[arg-type]


def test_all_snapshots_are_of_one_moment_at_which_nobody_writes(filled: dict[str, str]) -> None:
    """A fact that contacts has taken is never missing from what offers has stated."""
    taken: list[dict[str, int]] = []

    def look() -> None:
        with moment.one_moment(SERVICES) as found:
            taken.append(
                {
                    service: (
                        connection.execute("select count(*) as n from streams where subject = 'm'").fetchone() or {}
                    )["n"]
                    for service, connection in found.connections.items()
                }
            )

    def write(connection: psycopg.Connection[Any], peer: str) -> None:
        connection.execute("select set_config('app.tenants', 'northwind', true)")
        connection.execute(
            "insert into streams (tenant, subject, peer, service) values ('northwind', 'm', %s, 'offers')", [peer]
        )

    with psycopg.connect(filled["ACCORD_CONTACTS_DATABASE_URL"]) as contacts:
        write(contacts, "northwind")
        looking = threading.Thread(target=look)
        looking.start()
        # Contacts is in the middle of something: so offers stands still too, or its snapshot could be older than what contacts has of it.
        with psycopg.connect(filled["ACCORD_OFFERS_OPS_DATABASE_URL"], autocommit=True) as ops:
            until(
                lambda: ops.execute(
                    "select 1 from pg_locks where relation = 'streams'::regclass and mode = 'ShareLock' and granted"
                ).fetchone(),
                10,
            )
        contacts.commit()
    looking.join(20)
    assert taken == [{"offers": 0, "contacts": 1}]
    with psycopg.connect(filled["ACCORD_OFFERS_DATABASE_URL"]) as offers:
        write(offers, "northwind")
    look()
    assert taken[1] == {"offers": 1, "contacts": 1}
