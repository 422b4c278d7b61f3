"""The process table, and the supervisor's configuration that is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from supervisor.datatypes import RestartUnconditionally
from supervisor.options import ServerOptions

from deploy.local import programs
from deploy.local.paths import SERVICES
from deploy.local.programs import Program

COMMON = {"ACCORD_AMQP_URI": "amqp://cell-shared:p%2Fw@127.0.0.1:1/cell-shared", "CELL": "shared"}


def table() -> list[Program]:
    kinds = ("", "RELAY_", "OPS_", "OWNER_")
    databases = {f"ACCORD_{s.upper()}_{k}DATABASE_URL": f"postgresql://{s}{k}@h/d" for s in SERVICES for k in kinds}
    ports = {name: 20000 + n for n, name in enumerate(programs.health_names())}
    return programs.applications(COMMON, databases, ports, "the key of links")


def test_every_process_of_the_stack_is_in_it() -> None:
    services = {name for service in SERVICES for name in (service, f"{service}-relay")}
    assert {program.name for program in table()} == services | {"mailer", "mailbox", "gateway"}


def test_each_process_gets_its_own_database_and_no_other() -> None:
    given = {program.name: [k for k in program.environment if k.endswith("DATABASE_URL")] for program in table()}
    for service in SERVICES:
        assert given.pop(service) == [f"ACCORD_{service.upper()}_DATABASE_URL"]
        assert given.pop(f"{service}-relay") == [f"ACCORD_{service.upper()}_RELAY_DATABASE_URL"]
    assert given == {"mailer": ["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], "mailbox": [], "gateway": []}


def test_only_who_makes_and_reads_links_in_mails_gets_their_key() -> None:
    assert {p.name for p in table() if "the key of links" in p.environment.values()} == {"accounts", "mailer"}


def test_only_nameko_processes_are_told_to_wait_with_eventlet() -> None:
    told = {program.name for program in table() if program.environment.get("PSYCOPG_WAIT_FUNC") == "wait_selector"}
    assert told == set(SERVICES)


def test_each_process_says_how_it_is_on_a_port_of_its_own() -> None:
    ports = [program.health_port for program in table()]
    assert None not in ports
    assert len(set(ports)) == len(ports)


def test_the_supervisor_reads_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "RUN", tmp_path)
    (tmp_path / "log").mkdir()
    erlang = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2"
    server = Program("broker", ["/bin/a server", "-c", "log=%m [%p]"], {"ERL": erlang}, stop_signal="INT", server=True)
    path = tmp_path / "supervisord.conf"
    programs.write_configuration(path, tmp_path / "s.sock", [server, *table()])

    options = ServerOptions()
    options.realize(["-c", str(path), "-n"])

    read = {config.name: config for group in options.process_group_configs for config in group.process_configs}
    assert read["broker"].command == "'/bin/a server' -c 'log=%m [%p]'"
    assert read["broker"].environment == {"ERL": erlang}
    assert (read["broker"].stopsignal, read["broker"].autostart) == (2, True)
    assert read["offers"].environment["ACCORD_AMQP_URI"] == COMMON["ACCORD_AMQP_URI"]
    for program in table():
        config = read[program.name]
        assert (config.stopsignal, config.stopwaitsecs, config.killasgroup) == (15, 8, True)
        assert config.autorestart is RestartUnconditionally
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_of_an_earlier_run_or_of_make_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ACCORD_OFFERS_DATABASE_URL",
        "ACCORD_AMQP_URI",
        "ACCORD_OFFERS_HEALTH_URL",
        "MAKEFLAGS",
        "RABBITMQ_NODENAME",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("ACCORD_OFFERS_A_DAY", "7")
    inherited = programs.inherited()
    assert "x" not in inherited.values()
    assert inherited["ACCORD_OFFERS_A_DAY"] == "7"
