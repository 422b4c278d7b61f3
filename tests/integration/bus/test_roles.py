"""No process of a service runs with a database role for which row-level security does not hold; a database that is away is no reason to end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.paths import ROOT
from shared.db import roles
from tests.support.servers import PostgresServer, RabbitServer, prepare

SERVICE = "notifications"
ROLE = "too_mighty"
FAULTS = {
    "superuser": ("alter role {role} superuser", "is a superuser"),
    "bypass": ("alter role {role} bypassrls", "is a role with BYPASSRLS"),
    "owner": ("alter table answers owner to {role}", "is the owner of the table answers"),
    "database": ("alter database accord_notifications owner to {role}", "is the owner of the database"),
    "member": ("grant notifications_owner to {role}", "is a member of notifications_owner, the owner of the table"),
}
PROCESSES = {
    "service": (["shared.bus.run", "services.notifications.service"], "ACCORD_NOTIFICATIONS_DATABASE_URL"),
    "relay": (["shared.bus.relay", "notifications"], "ACCORD_NOTIFICATIONS_RELAY_DATABASE_URL"),
    "mailer": (["services.notifications.mailer"], "ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"),
}


@pytest.fixture(scope="module")
def environment(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> dict[str, str]:
    found = {**service_databases(SERVICE), **broker.environment()}
    prepare(SERVICE, found)
    return found


@pytest.fixture
def mighty(environment: dict[str, str], postgres_server: PostgresServer) -> Iterator[Callable[[str], str]]:
    """Makes a role that has the named fault, and answers its URL."""
    database = str(conninfo_to_dict(environment["ACCORD_NOTIFICATIONS_DATABASE_URL"])["dbname"])
    url = environment["ACCORD_NOTIFICATIONS_DATABASE_URL"].replace("//notifications:", f"//{ROLE}:")
    password = str(conninfo_to_dict(url)["password"])
    admin = postgres_server.admin_url.rsplit("/", 1)[0] + f"/{database}"

    def run(*statements: str) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(role=sql.Identifier(ROLE), password=sql.Literal(password)))  # type: ignore[arg-type]

    def make(fault: str) -> str:
        run("create role {role} login password {password}", "grant connect on database accord_notifications to {role}")
        run(FAULTS[fault][0])
        return url

    yield make
    run(
        "alter table answers owner to notifications_owner",
        "alter database accord_notifications owner to notifications_owner",
        "drop owned by {role}",
        "drop role {role}",
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_role_that_can_see_every_business_is_refused_with_its_reason(
    fault: str, mighty: Callable[[str], str]
) -> None:
    with psycopg.connect(mighty(fault)) as connection, pytest.raises(roles.WrongRole) as refused:
        roles.check(connection)
    assert str(refused.value).startswith(f"The database role {ROLE} {FAULTS[fault][1]}")


@pytest.mark.parametrize("kind", ["", "_RELAY", "_OPS"])
def test_the_roles_of_the_running_processes_are_let_through(kind: str, environment: dict[str, str]) -> None:
    with psycopg.connect(environment[f"ACCORD_NOTIFICATIONS{kind}_DATABASE_URL"]) as connection:
        roles.check(connection)


def test_every_process_refuses_to_run_with_it(
    environment: dict[str, str], mighty: Callable[[str], str], tmp_path: Path
) -> None:
    url = mighty("bypass")
    mails = {
        "ACCORD_SMTP_URL": "smtp://127.0.0.1:1",
        "ACCORD_MAIL_FROM": "a@b.example",
        "ACCORD_URL": "http://localhost",
        "ACCORD_LINK_KEY": "k" * 64,
    }
    with contextlib.ExitStack() as stack:
        started = {}
        for name, (words, variable) in PROCESSES.items():
            log = stack.enter_context((tmp_path / name).open("wb"))
            started[name] = process = subprocess.Popen(
                [sys.executable, "-m", *words],
                env={**os.environ, **environment, **mails, variable: url},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        for name, process in started.items():
            assert process.wait(60) == 1, name
            said = (tmp_path / name).read_text().splitlines()
            assert said[-1].startswith(f"The database role {ROLE} is a role with BYPASSRLS"), (name, said[-3:])
